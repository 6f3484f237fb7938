import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import zlib from "node:zlib";

import { checksum, digest } from "../src/table/digest.js";
import { note, row, Rows } from "../src/table/rows.js";
import { Situation } from "../src/ui/situation.js";

/** Records, what is said of them and their notes, which tests/handlers/test_job_page.py tests, too. */
const CASES = JSON.parse(readFileSync(new URL("outcomes.json", import.meta.url), "utf8"));
for (const [, said, record] of CASES) {
  const job = row({ id: "fA", revision: 1, ...record });
  test(`a note: ${JSON.stringify(record)}`, () => assert.equal(new Situation().why(job, 0), said));
}

/** @param {string} id @param {number} revision @param {object} [more] */
const job = (id, revision, more = {}) => ({ type: "job", id, revision, state: "RUN", ...more });

test("a checksum is the CRC-32 of ID and revision", () => {
  const expected = "crc32" in zlib ? /** @type {any} */ (zlib).crc32("f2QK3Zz 7") : 0xea6ec2ee;
  assert.equal(checksum("f2QK3Zz", 7), expected);
});

test("rows agree with a bookmark of the same jobs in any order", () => {
  const rows = new Rows();
  rows.take(job("fB", 2));
  rows.take(job("fA", 1));
  rows.take(job("fA", 5));
  const sum = checksum("fA", 5) + checksum("fB", 2);
  rows.take({ type: "bookmark", count: 2, digest: digest(sum % 2 ** 32) });
  assert.ok(rows.agrees);
  rows.take({ type: "bookmark", count: 2, digest: digest(sum + 1) });
  assert.ok(!rows.agrees);
});

test("a snapshot drops what it does not hold, when its last piece is there", () => {
  const rows = new Rows();
  for (const id of ["fA", "fB", "fC"]) rows.take(job(id, 1));
  rows.settle();
  rows.take({ type: "snapshot", first: true, more: true, jobs: [job("fC", 2)] });
  assert.deepEqual([...rows.all.keys()], ["fA", "fB", "fC"]);
  rows.take({ type: "snapshot", first: false, more: false, jobs: [job("fA", 1)] });
  assert.deepEqual([...rows.all.keys()], ["fA", "fC"]);
  assert.deepEqual([...rows.settle().keys()].sort(), ["fA", "fB", "fC"]);
  assert.equal(rows.digest, digest(checksum("fA", 1) + checksum("fC", 2)));
});

test("a job that is gone stays gone, even if this is sent twice", () => {
  const rows = new Rows();
  rows.take(job("fA", 1));
  rows.take({ type: "gone", id: "fA" });
  rows.take({ type: "gone", id: "fA" });
  assert.equal(rows.all.size, 0);
  assert.equal(rows.digest, "00000000");
});

test("a pending job says why it waits", () => {
  assert.equal(note({ state: "SCHED", urgency: 0 }), "Held until it is released");
  assert.equal(note({ state: "SCHED", urgency: 16, priority: 16 }), "Waits for resources");
  assert.equal(note({ state: "DEPEND", dependencies: ["after:f1"] }), "Waits for after:f1");
  const waits = (/** @type {string[]} */ ...dependencies) => note({ state: "DEPEND", dependencies });
  assert.equal(waits("after-success=ƒ1", "after-start=ƒ2"), "Waits for f1 to succeed, waits for f2 to start");
  assert.match(waits("begin-time=1795493977.832"), /^Waits until .*\d:\d\d/);
  assert.equal(waits("begin-time=soon"), "Waits for begin-time=soon");
  assert.equal(waits("__proto__=x"), "Waits for __proto__=x");
  assert.equal(waits(), "Waits for a dependency");
  assert.equal(note({ state: "INACTIVE", exception: { occurred: true, type: "cancel", note: "" } }), "cancel");
});

test("a row is an instance while its job runs and has an address", () => {
  const rows = new Rows();
  rows.take(job("fA", 1, { uri: "ssh://node0/run/flux/local-0" }));
  rows.take(job("fB", 1));
  rows.take(job("fC", 1, { state: "INACTIVE", uri: "ssh://node0/run/flux/local-0" }));
  assert.deepEqual([...rows.all.values()].map(({ isInstance }) => isInstance), [true, false, false]);
});
