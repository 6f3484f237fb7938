import assert from "node:assert/strict";
import { test } from "node:test";

import { EventSocket } from "../src/channel/fallback.js";
import { SharedSocket, Switchboard } from "../src/channel/shared.js";

/** A service whose streams a test writes. */
class Service {
  /** @type {{ subscriptions: any[], signal: AbortSignal, say: (...said: object[]) => void, end: () => void }[]} */
  asked = [];
  status = 200;

  /** @param {string} _address @param {any[]} subscriptions @param {AbortSignal} signal */
  ask = async (_address, subscriptions, signal) => {
    if (this.status !== 200) return new Response(JSON.stringify({ detail: "No." }), { status: this.status });
    /** @type {any} */
    let stream;
    const body = new ReadableStream({ start: (controller) => void (stream = controller) });
    const say = (/** @type {object[]} */ ...said) =>
      stream.enqueue(new TextEncoder().encode(said.map((it) => `${JSON.stringify(it)}\n`).join("")));
    this.asked.push({ subscriptions: structuredClone(subscriptions), signal, say, end: () => stream.close() });
    return new Response(body);
  };

  get last() {
    return /** @type {any} */ (this.asked.at(-1));
  }
}

/** Wait long enough for collected requests to be sent. */
const turn = () => new Promise((done) => setTimeout(done, 60));

async function open(service = new Service()) {
  const socket = new EventSocket(async () => "http://here", service.ask);
  /** @type {any[]} */
  const taken = [];
  /** @type {string[]} */
  const closed = [];
  socket.onmessage = ({ data }) => taken.push(JSON.parse(data));
  socket.onclose = ({ reason }) => closed.push(reason);
  await new Promise((done) => (socket.onopen = () => done(undefined)));
  const send = (/** @type {object} */ message) => socket.send(JSON.stringify(message));
  send({ type: "subscribe", sub: "a", stream: "jobs", since: "c1" });
  send({ type: "subscribe", sub: "o", stream: "output", job: "fA", tail: 5 });
  await turn();
  return { socket, service, taken, closed, send };
}

test("all subscriptions are one request, made anew from where each stands", async () => {
  const { service, taken, send } = await open();
  assert.equal(service.asked.length, 1);
  service.last.say({ type: "job", sub: "a", cursor: "c2", id: "fA" }, { type: "output", sub: "o", index: 7, name: "data" });
  await turn();
  assert.deepEqual(taken.map((it) => it.type), ["job", "output"]);
  send({ type: "subscribe", sub: "b", stream: "stats" });
  await turn();
  assert.equal(service.asked.length, 2);
  assert.ok(service.asked[0]?.signal.aborted);
  assert.deepEqual(service.last.subscriptions, [
    { type: "subscribe", sub: "a", stream: "jobs", since: "c2" },
    { type: "subscribe", sub: "o", stream: "output", job: "fA", from: 8 },
    { type: "subscribe", sub: "b", stream: "stats" },
  ]);
});

test("a finished or refused subscription is not requested again", async () => {
  const { service, taken, closed, send } = await open();
  service.last.say({ type: "end", sub: "o", reason: "finished" }, { type: "error", sub: "a", status: 422, detail: "No." });
  await turn();
  send({ type: "subscribe", sub: "b", stream: "stats" });
  await turn();
  assert.deepEqual([taken.length, closed.length], [2, 0]);
  assert.deepEqual(service.last.subscriptions.map((/** @type {any} */ it) => it.sub), ["b"]);
});

test("nothing comes of what is left", async () => {
  const { service, taken, send } = await open();
  send({ type: "unsubscribe", sub: "o" });
  service.last.say({ type: "output", sub: "o", index: 1 });
  await turn();
  assert.deepEqual(taken, []);
  send({ type: "unsubscribe", sub: "a" });
  assert.ok(service.last.signal.aborted);
});

test("a service that ends, or a stream that breaks off, closes it", async () => {
  const { service, closed } = await open();
  service.last.say({ type: "end", reason: "shutdown", detail: "The service is shutting down." });
  await turn();
  assert.deepEqual(closed, ["The service is shutting down."]);
  const other = await open();
  other.service.last.end();
  await turn();
  assert.deepEqual(other.closed, [""]);
});

for (const status of [401, 408, 429, 503]) {
  test(`what may be had later (${status}) closes it`, async () => {
    const service = new Service();
    service.status = status;
    const { taken, closed } = await open(service);
    assert.deepEqual([taken, closed], [[], ["No."]]);
  });
}

test("a final refusal is reported", async () => {
  const service = new Service();
  service.status = 404;
  const { taken, closed } = await open(service);
  assert.deepEqual(taken.map((it) => [it.type, it.sub, it.detail]), [["error", "a", "No."], ["error", "o", "No."]]);
  assert.deepEqual(closed, []);
});

/** Return the windows of one browser. @param {Service} service */
function browser(service) {
  const switchboard = new Switchboard((admit) => new EventSocket(admit, service.ask));
  class Worker {
    constructor() {
      const { port1, port2 } = new MessageChannel();
      this.port = port1;
      switchboard.join(port2);
    }
  }
  /** @type {SharedSocket[]} */
  const opened = [];
  async function window() {
    const socket = new SharedSocket("", /** @type {any} */ (Worker), async () => new URL("http://here"));
    opened.push(socket);
    /** @type {any[]} */
    const taken = [];
    /** @type {string[]} */
    const closed = [];
    socket.onmessage = ({ data }) => taken.push(JSON.parse(data));
    socket.onclose = ({ reason }) => closed.push(reason);
    await new Promise((done) => (socket.onopen = () => done(undefined)));
    socket.send(JSON.stringify({ type: "subscribe", sub: "jobs", stream: "jobs" }));
    await turn();
    return { socket, taken, closed };
  }
  return { window, switchboard, end: () => opened.forEach((socket) => socket.close()) };
}

test("all windows share one stream, and each gets its own", async () => {
  const service = new Service();
  const { window, end } = browser(service);
  const windows = [];
  for (let number = 0; number < 8; number++) windows.push(await window());
  const streams = service.asked.filter(({ signal }) => !signal.aborted);
  assert.deepEqual([streams.length, service.last.subscriptions.length], [1, 8]);
  for (const [number, { sub }] of service.last.subscriptions.entries()) service.last.say({ type: "job", sub, id: `f${number}` });
  await turn();
  assert.deepEqual(windows.map(({ taken }) => taken), windows.map((_, number) => [{ type: "job", sub: "jobs", id: `f${number}` }]));
  end();
  await turn();
  assert.ok(service.last.signal.aborted);
});

test("a window that closes or ends without a word is forgotten", async () => {
  const service = new Service();
  const { window, switchboard, end } = browser(service);
  const first = await window();
  await window();
  first.socket.close();
  await window();
  assert.equal(service.last.subscriptions.length, 2);
  switchboard.sweep(Date.now() + 1_000_000);
  assert.ok(service.last.signal.aborted);
  end();
});

test("each window hears that the stream is cut off, and comes back by itself", async () => {
  const service = new Service();
  const { window, end } = browser(service);
  const windows = [await window(), await window()];
  service.last.say({ type: "end", reason: "shutdown", detail: "The service is shutting down." });
  await turn();
  assert.deepEqual(windows.map(({ closed }) => closed), [["The service is shutting down."], ["The service is shutting down."]]);
  await window();
  assert.equal(service.last.subscriptions.length, 1);
  end();
});
