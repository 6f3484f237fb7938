/** The failures since the reader last looked, and the sign for them. */

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Failures } from "../src/notify/failures.js";
import { marked, sign } from "../src/notify/mark.js";
import { Watches } from "../src/notify/watches.js";

/** Shared and exclusive locks of one browser. */
class Locks {
  /** @type {{ name: string, mode: string }[]} */
  held = [];
  /** @type {{ name: string, turn: () => void }[]} */
  waiting = [];
  /** @param {string} name @param {any} options @param {() => any} act */
  request(name, { mode, signal }, act) {
    const begin = async () => {
      const mine = { name, mode };
      this.held.push(mine);
      await act();
      this.held = this.held.filter((it) => it !== mine);
      const next = this.waiting.find((it) => it.name === name);
      this.waiting = this.waiting.filter((it) => it !== next);
      next?.turn();
    };
    if (mode === "shared" || !this.held.some((it) => it.name === name)) return begin();
    return new Promise((done, fail) => {
      this.waiting.push({ name, turn: () => done(begin()) });
      signal.addEventListener("abort", () => fail(new Error("aborted")));
    });
  }
  async query() {
    return { held: this.held };
  }
}

const settled = () => new Promise((done) => setImmediate(done));

/** @param {import("node:test").TestContext} it */
function minutes(it) {
  it.mock.timers.enable({ apis: ["setTimeout"] });
  return async () => {
    it.mock.timers.tick(60_000);
    await settled();
  };
}

/** @param {{ results: Record<string, number> }} stats @param {any} [locks] */
function page(stats, watches = new Watches("/", undefined), locks = undefined) {
  const call = mock.fn(async () => stats);
  return { watches, call, failures: new Failures(watches, call, locks) };
}

test("failures are counted from the moment when the reader turned away", async (it) => {
  const minute = minutes(it);
  const stats = { results: /** @type {Record<string, number>} */ ({ FAILED: 2, COMPLETED: 9 }) };
  const { watches, call, failures } = page(stats);
  failures.turn(true);
  await minute();
  assert.equal(call.mock.callCount(), 0);
  failures.turn(false);
  await settled();
  assert.equal(watches.failed, 0);
  stats.results = { FAILED: 3, TIMEOUT: 1, COMPLETED: 30 };
  await minute();
  assert.equal(watches.failed, 2);
  // Flux has purged the jobs; they have failed nevertheless.
  stats.results = {};
  await minute();
  assert.equal(watches.failed, 2);
  failures.turn(true);
  assert.equal(watches.failed, 0);
  await minute();
  assert.equal(call.mock.callCount(), 3);
});

test("one page counts for all, and none while the reader looks at one", async (it) => {
  const minute = minutes(it);
  const locks = new Locks();
  const stats = { results: { FAILED: 1 } };
  const watches = new Watches("/", undefined);
  const [first, second] = [page(stats, watches, locks), page(stats, watches, locks)];
  first.failures.turn(true);
  second.failures.turn(false);
  await minute();
  assert.equal(second.call.mock.callCount(), 0);
  first.failures.turn(false);
  await settled();
  await minute();
  assert.deepEqual([first.call.mock.callCount(), second.call.mock.callCount()], [0, 1]);
  stats.results.FAILED = 2;
  await minute();
  assert.equal(watches.failed, 1);
});

test("a service that does not answer changes nothing", async (it) => {
  const minute = minutes(it);
  const watches = new Watches("/", undefined);
  const failures = new Failures(watches, async () => Promise.reject(new Error("gone")), undefined);
  failures.turn(false);
  await minute();
  assert.equal(watches.failed, 0);
});

test("a page that nobody looks at for weeks keeps nothing of its counts", async (it) => {
  const minute = minutes(it);
  const added = it.mock.method(EventTarget.prototype, "addEventListener");
  const { call, failures } = page({ results: {} });
  failures.turn(false);
  await settled();
  const begun = added.mock.callCount();
  for (let count = 0; count < 20; count++) await minute();
  assert.deepEqual([call.mock.callCount(), added.mock.callCount()], [21, begun]);
  // Nor does it count after that.
  failures.turn(true);
  await minute();
  assert.equal(call.mock.callCount(), 21);
});

test("the sign is a number of what was told, else that something has failed", () => {
  assert.deepEqual([sign(0, 0), sign(0, 3), sign(2, 3), sign(12, 0)], ["", "!", "2", "9+"]);
  assert.match(decodeURIComponent(marked("<svg></svg>", "!")), />!<\/text><\/svg>$/);
});
