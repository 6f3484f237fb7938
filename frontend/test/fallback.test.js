import assert from "node:assert/strict";
import { test } from "node:test";

import { EventSocket, place } from "../src/fallback.js";

class FakeSource extends EventTarget {
  /** @type {FakeSource[]} */
  static all = [];
  closed = false;
  readyState = 0;
  onerror = () => {};
  /** @param {string} url */
  constructor(url) {
    super();
    this.url = url;
    FakeSource.all.push(this);
  }
  close() {
    this.closed = true;
  }
  /** @param {string} kind @param {object} data @param {string} id */
  say(kind, data, id = "") {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data), lastEventId: id }));
  }
}

/** @param {{ status: number, detail: string }} [answer] what the service says to a request that failed */
async function open(answer = { status: 0, detail: "" }) {
  FakeSource.all = [];
  const admit = async (/** @type {string} */ path) => new URL(path, "http://here");
  const socket = new EventSocket(/** @type {any} */ (FakeSource), admit, async () => answer);
  /** @type {any[]} */
  const taken = [];
  socket.onmessage = ({ data }) => taken.push(JSON.parse(data));
  await new Promise((done) => (socket.onopen = () => done(undefined)));
  socket.send(JSON.stringify({ type: "subscribe", sub: "a", stream: "jobs", since: "c1" }));
  await turn();
  return { socket, taken, source: /** @type {FakeSource} */ (FakeSource.all[0]) };
}

const turn = () => new Promise((done) => setImmediate(done));

test("output of one stream, or of both", () => {
  const message = { type: "subscribe", sub: "a", stream: "output", job: "fA", tail: 5 };
  assert.equal(place({ ...message, streams: ["stderr"] }), "/v1/jobs/fA/output/stream?tail=5&stream=stderr");
  assert.equal(place({ ...message, streams: ["stdout", "stderr"] }), "/v1/jobs/fA/output/stream?tail=5");
});

test("a subscription is a request of its own", () => {
  const filter = { state: ["RUN", "SCHED"], user: "a&b" };
  assert.equal(
    place({ type: "subscribe", sub: "a", stream: "jobs", filter, since: "c1" }),
    "/v1/events?state=RUN%2CSCHED&user=a%26b&since=c1&stream=jobs",
  );
  assert.equal(place({ stream: "output", job: "f1", tail: 5 }), "/v1/jobs/f1/output/stream?tail=5");
});

test("what comes looks as it would on a socket", async () => {
  const { taken, source } = await open();
  source.say("job", { id: "fA" }, "c2");
  assert.deepEqual(taken, [{ type: "job", sub: "a", cursor: "c2", id: "fA" }]);
});

test("a broken request ends the whole, and nothing comes after", async () => {
  const { socket, taken, source } = await open();
  let closed = 0;
  socket.onclose = () => closed++;
  source.onerror();
  source.say("job", { id: "fA" });
  assert.deepEqual([closed, source.closed, taken.length], [1, true, 0]);
});

test("what is refused for good is said, and not asked for again", async () => {
  const { socket, taken, source } = await open({ status: 404, detail: "There is no job fA." });
  let closed = 0;
  socket.onclose = () => closed++;
  source.readyState = 2;
  source.onerror();
  await turn();
  assert.deepEqual(taken, [{ type: "error", sub: "a", status: 404, detail: "There is no job fA." }]);
  assert.deepEqual([closed, source.closed, socket.readyState], [0, true, 1]);
});

for (const status of [0, 200, 401, 429, 503]) {
  test(`what may be had later (${status}) is asked for again`, async () => {
    const { socket, taken, source } = await open({ status, detail: "" });
    const closed = new Promise((done) => (socket.onclose = () => done(true)));
    source.readyState = 2;
    source.onerror();
    assert.ok(await closed);
    assert.deepEqual(taken, []);
  });
}

test("a service that ends breaks the connection; what is over is over", async () => {
  const { socket, taken, source } = await open();
  let closed = 0;
  socket.onclose = () => closed++;
  source.say("end", { reason: "clean" });
  assert.deepEqual([taken.map((it) => it.reason), closed, source.closed], [["clean"], 0, true]);
  socket.send(JSON.stringify({ type: "subscribe", sub: "b", stream: "jobs" }));
  await turn();
  FakeSource.all[1]?.say("end", { reason: "shutdown" });
  assert.deepEqual([taken.length, closed], [1, 1]);
});
