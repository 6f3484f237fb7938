/** The rows below a job that is open. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { NestedRows } from "../src/table/nested.js";
import { row } from "../src/table/rows.js";

Object.assign(globalThis, { document: { body: { dataset: {} } }, location: { origin: "http://flux.test", pathname: "/" } });

test("only the rows that are there have an address", async (it) => {
  let id = "fOne";
  it.mock.method(globalThis, "fetch", async () => Response.json({ jobs: [{ id, revision: 1, state: "RUN" }] }));
  const parent = row({ id: "f1", revision: 1, state: "RUN", uri: "local:///run/flux" });
  const nested = new NestedRows(new Map([["f1", parent]]));
  const read = async () => {
    const changed = new Promise((done) => nested.addEventListener("change", done, { once: true }));
    nested.refresh(new Set(["f1"]));
    nested.of(parent);
    await changed;
    nested.of(parent);
  };
  await read();
  assert.equal(nested.address("f1 fOne"), "http://flux.test/ui/instances/f1/jobs/fOne");
  it.mock.method(performance, "now", () => Infinity);
  id = "fTwo";
  await read();
  assert.equal(nested.address("f1 fTwo"), "http://flux.test/ui/instances/f1/jobs/fTwo");
  assert.equal(nested.address("f1 fOne"), undefined);
  nested.refresh(new Set());
  assert.equal(nested.address("f1 fTwo"), undefined);
});
