import assert from "node:assert/strict";
import { test } from "node:test";

import { EventSocket, place } from "../src/fallback.js";

class FakeSource extends EventTarget {
  /** @type {FakeSource[]} */
  static all = [];
  closed = false;
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

async function open() {
  FakeSource.all = [];
  const socket = new EventSocket(/** @type {any} */ (FakeSource));
  /** @type {any[]} */
  const taken = [];
  socket.onmessage = ({ data }) => taken.push(JSON.parse(data));
  await new Promise((done) => (socket.onopen = () => done(undefined)));
  socket.send(JSON.stringify({ type: "subscribe", sub: "a", stream: "jobs", since: "c1" }));
  return { socket, taken, source: /** @type {FakeSource} */ (FakeSource.all[0]) };
}

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
