/** The watches: kept for all windows of one place, followed on one channel, reported once. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { counted, Watcher } from "../src/notify/watcher.js";
import { MAX_WATCHES, Watches } from "../src/notify/watches.js";
import { outcome } from "../src/table/failure.js";

/** A storage that several windows share. */
class Kept {
  /** @type {Map<string, string>} */
  items = new Map();
  isFull = false;
  /** @param {string} key */
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  /** @param {string} key @param {string} text */
  setItem(key, text) {
    if (this.isFull) throw new Error("full");
    this.items.set(key, text);
  }
}

/** A channel that a test plays by hand. */
class FakeChannel {
  /** @type {Map<string, { wish: any, take: (message: any) => void }>} */
  followed = new Map();
  /** @param {string} name @param {() => object} wish @param {(message: any) => void} take */
  follow(name, wish, take) {
    this.followed.set(name, { wish: wish(), take });
  }
  /** @param {string} name */
  leave(name) {
    this.followed.delete(name);
  }
  get wishes() {
    return [...this.followed.values()].map(({ wish }) => wish);
  }
  /** @param {object} message */
  say(message) {
    for (const { take } of [...this.followed.values()]) take(message);
  }
}

/** Locks of the browser: the first who asks has it until it gives it back. */
class Locks {
  /** @type {Promise<unknown>} */
  last = Promise.resolve();
  /** @param {string} _name @param {() => Promise<void>} hold */
  request(_name, hold) {
    return (this.last = this.last.then(hold));
  }
}

const settled = () => new Promise((done) => setImmediate(done));
/** @param {string} id */
const job = (id) => ({ kind: /** @type {const} */ ("job"), key: `job ${id}`, id, title: `Job ${id}` });

/** @param {Kept} kept */
const watches = (kept, place = "/") => new Watches(place, /** @type {any} */ (kept));

/** @param {Watches} kept @param {Locks} [locks] @param {any} [call] */
function window(kept, locks, call) {
  const channel = new FakeChannel();
  /** @type {[string, string][]} */
  const told = [];
  const watcher = new Watcher(/** @type {any} */ (channel), kept, ({ key }, body) => told.push([key, body]), call, locks);
  return { channel, told, watcher };
}

test("windows of one place share what is watched, and one of them takes it", () => {
  const kept = new Kept();
  const [one, two, other] = [watches(kept), watches(kept), watches(kept, "/other/")];
  assert.ok(one.add(job("f1")));
  assert.deepEqual([two.has("job f1"), other.has("job f1")], [true, false]);
  assert.deepEqual([two.take("job f1"), one.take("job f1")], [true, false]);
  one.told += 1;
  assert.equal(two.told, 1);
  for (let at = 0; at < MAX_WATCHES; at++) assert.ok(one.add(job(`f${at}`)));
  assert.ok(!one.add(job("f100")));
});

test("the newest notices stay until they are dismissed", () => {
  const kept = new Kept();
  const [one, two] = [watches(kept), watches(kept)];
  const notice = (/** @type {number} */ at) => ({ title: `Job f${at}`, body: "Completed", address: `/ui/jobs/f${at}` });
  for (let at = 0; at < 7; at++) one.show(notice(at));
  assert.deepEqual(two.notices.map(({ title }) => title), ["Job f2", "Job f3", "Job f4", "Job f5", "Job f6"]);
  two.dismiss(notice(3));
  two.dismiss(notice(0));
  assert.deepEqual(one.notices.map(({ title }) => title), ["Job f2", "Job f4", "Job f5", "Job f6"]);
  kept.items.set("fluxapi.notify /", '{"watches":[],"notices":[{"title":1}]}');
  assert.deepEqual(one.notices, []);
});

test("a browser that keeps nothing, or has no room, watches until the page is left", () => {
  const kept = new Kept();
  const one = watches(kept);
  assert.ok(one.add(job("f1")));
  kept.isFull = true;
  assert.ok(one.take("job f1"));
  assert.deepEqual(one.all, []);
  const bare = new Watches("/", undefined);
  assert.ok(bare.add(job("f1")));
  assert.ok(bare.has("job f1"));
  kept.items.set("fluxapi.notify /x", "{odd");
  assert.deepEqual(watches(kept, "/x").all, []);
});

test("jobs are one subscription, and the first end is told once", () => {
  const kept = watches(new Kept());
  const { channel, told, watcher } = window(kept);
  assert.deepEqual([channel.wishes, watcher.isNeeded], [[], false]);
  kept.add(job("f1"));
  kept.add(job("f2"));
  assert.deepEqual(channel.wishes, [{ stream: "jobs", filter: { id: ["f1", "f2"] } }]);
  assert.ok(watcher.isNeeded);
  channel.say({ type: "snapshot", first: true, jobs: [{ id: "f1", state: "RUN" }] });
  channel.say({ type: "job", id: "f1", state: "INACTIVE", result: "COMPLETED" });
  channel.say({ type: "job", id: "f1", state: "INACTIVE", result: "COMPLETED" });
  assert.deepEqual(told, [["job f1", "Completed"]]);
  channel.say({ type: "snapshot", first: true, jobs: [] });
  channel.say({ type: "bookmark" });
  assert.equal(told[1]?.[0], "job f2");
  assert.match(told[1]?.[1] ?? "", /purged/);
  assert.deepEqual([channel.wishes, watcher.isNeeded], [[], false]);
});

test("one window follows; the next one does when it is gone", async () => {
  const [kept, locks] = [new Kept(), new Locks()];
  const [mine, yours] = [watches(kept), watches(kept)];
  const [one, two] = [window(mine, locks), window(yours, locks)];
  mine.add(job("f1"));
  yours.hear({ key: "fluxapi.notify /" });
  await settled();
  assert.deepEqual([one.channel.wishes.length, two.channel.wishes.length], [1, 0]);
  assert.deepEqual([one.watcher.isNeeded, two.watcher.isNeeded], [true, false]);
  mine.take("job f1");
  mine.add(job("f2"));
  await settled();
  await settled();
  assert.equal(one.channel.wishes.length + two.channel.wishes.length, 1);
});

test("the end of an instance is that of all that is watched in it", () => {
  const kept = watches(new Kept());
  const { channel, told } = window(kept);
  kept.add(job("f1"));
  kept.add({ kind: "group", key: "group g1", id: "g1", title: "Group g1" });
  channel.say({ type: "end", reason: "instance-ended", detail: "The job of this Flux instance has ended; its rows stay as they were." });
  assert.deepEqual(told, [["job f1", "The job of this Flux instance has ended; its rows stay as they were."], ["group g1", "The job of this Flux instance has ended; its rows stay as they were."]]);
});

test("a request that fails is repeated at the next bookmark", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kept = watches(new Kept());
  /** @type {any[]} */
  const answers = [new Error("away"), { active: 0, results: { COMPLETED: 2000 } }];
  const { channel, told } = window(kept, undefined, async () => {
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  });
  kept.add({ kind: "group", key: "group g1", id: "g1", title: "Group g1" });
  assert.deepEqual(channel.wishes, [{ stream: "events", filter: { group: "g1", event: ["clean"] } }]);
  for (let turn = 0; turn < 2; turn++) {
    channel.say({ type: "bookmark" });
    t.mock.timers.tick(1000);
    await settled();
  }
  assert.deepEqual(told, [["group g1", "All jobs have ended: 2,000 completed."]]);
});

test("a filter asks the service for what it knows, and tests the rest", () => {
  const kept = watches(new Kept());
  const { channel } = window(kept);
  kept.add({ kind: "filter", key: "filter", title: "Jobs", filters: { user: "ada", queue: "a,b", name: "part" } });
  assert.deepEqual(channel.wishes, [{ stream: "jobs", filter: { state: ["ACTIVE"], user: "ada" } }]);
});

test("a filter is about the jobs that were active at the click, and counts those that are left", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kept = watches(new Kept());
  const call = async (/** @type {string} */ _method, /** @type {string} */ _path, /** @type {{ ids: string[] }} */ { ids }) => ({
    jobs: ids.map((id) => ({ id, state: "INACTIVE", result: "COMPLETED" })),
    unknown: [],
  });
  const { channel, told } = window(kept, undefined, call);
  kept.add({ kind: "filter", key: "filter", title: "Jobs", filters: { name: "sweep" }, active: ["f1", "f2"], left: 2, until: 20 });
  const active = (/** @type {string} */ id, /** @type {number} */ submitted) => ({ id, state: "RUN", name: "sweep", t_submit: submitted, revision: 1 });
  channel.say({ type: "snapshot", first: true, jobs: [active("f1", 10), active("f2", 20), active("f3", 21)] });
  channel.say({ type: "bookmark" });
  for (const [id, left] of /** @type {const} */ ([["f1", 1], ["f2", undefined]])) {
    channel.say({ type: "gone", id });
    t.mock.timers.tick(1000);
    for (let turn = 0; turn < 3; turn++) await settled();
    assert.equal(kept.all[0]?.left, left);
  }
  assert.deepEqual(told, [["filter", "The jobs that were active have ended: 2 completed."]]);
});

test("counts name each outcome that there was", () => {
  assert.equal(counted({}), "");
  assert.equal(counted({ COMPLETED: 1, FAILED: 0, TIMEOUT: 2 }), "1 completed, 2 timed out");
});

/** @type {[string, string, Record<string, any>][]} */
const cases = JSON.parse(readFileSync(new URL("outcomes.json", import.meta.url), "utf8"));
for (const [phrase, , record] of cases.filter(([, , { state }]) => state === "INACTIVE")) {
  test(`an outcome reads as the service says it: ${phrase}`, () => assert.equal(outcome(record), phrase));
}

test("a view of failed jobs tells of each that comes, once, and the next page goes on there", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const kept = watches(new Kept());
  /** @type {string[][]} */
  const asked = [];
  const call = async (/** @type {string} */ _method, /** @type {string} */ _path, /** @type {{ ids: string[] }} */ { ids }) => {
    asked.push(ids);
    const job = { state: "INACTIVE", result: "FAILED", username: "ada", waitstatus: 256, t_submit: 1 };
    return { jobs: ids.map((id) => ({ ...job, id, name: id === "f2" ? "other" : "train" })) };
  };
  const { channel, told } = window(kept, undefined, call);
  kept.add({ kind: "view", key: "view", title: "Jobs", filters: { state: "failed", name: "train", user: "ada" } });
  assert.deepEqual(channel.wishes, [{ stream: "events", filter: { event: ["clean"], state: ["FAILED"], user: "ada" } }]);
  for (const id of ["f1", "f2", "f3"]) channel.say({ type: "event", id, name: "clean", cursor: `c${id}` });
  t.mock.timers.tick(1000);
  await settled();
  assert.deepEqual(asked, [["f1", "f2", "f3"]]);
  assert.deepEqual(told, [["view", "2 more jobs match, such as f1 (train), Exit code 1."]]);
  assert.equal(kept.all[0]?.cursor, "cf3");
  channel.say({ type: "bookmark", cursor: "c9" });
  t.mock.timers.tick(1000);
  await settled();
  assert.deepEqual([told.length, kept.all[0]?.cursor], [1, "c9"]);
});
