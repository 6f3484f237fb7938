import assert from "node:assert/strict";
import { test } from "node:test";

import { Channel, delay } from "../src/channel/channel.js";

/** A socket that a test plays by hand. */
class FakeSocket {
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {() => void} */ onopen = () => {};
  /** @type {() => void} */ onclose = () => {};
  /** @type {(event: { data: string }) => void} */ onmessage = () => {};
  /** @param {string} address */
  constructor(address) {
    this.address = address;
    FakeSocket.all.push(this);
  }
  open() {
    this.readyState = 1;
    this.onopen();
  }
  /** @param {object} message */
  say(message) {
    this.onmessage({ data: JSON.stringify(message) });
  }
  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {
    this.readyState = 3;
  }
}

async function channel() {
  FakeSocket.all = [];
  const made = new Channel(async () => "ws://here", /** @type {any} */ (FakeSocket));
  /** @type {any[]} */
  const taken = [];
  made.follow("jobs", { stream: "jobs" }, (message) => taken.push(message.type), "c1");
  await made.start();
  const socket = /** @type {FakeSocket} */ (FakeSocket.all[0]);
  return { made, socket, taken };
}

test("it subscribes with its cursor and is live after the bookmark", async () => {
  const { made, socket, taken } = await channel();
  assert.equal(made.state.phase, "connecting");
  socket.open();
  assert.deepEqual(socket.sent, [{ type: "subscribe", sub: "jobs", stream: "jobs", since: "c1" }]);
  assert.equal(made.state.phase, "catching up");
  socket.say({ type: "job", sub: "jobs", cursor: "c2", id: "fA" });
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: true });
  assert.equal(made.state.phase, "live");
  assert.deepEqual(taken, ["job", "bookmark"]);
  made.stop();
});

test("after a loss it goes on from the last cursor", async () => {
  const { made, socket } = await channel();
  socket.open();
  socket.say({ type: "job", sub: "jobs", cursor: "c2", id: "fA" });
  socket.onclose();
  assert.equal(made.state.phase, "cut off");
  await made.start();
  const again = /** @type {FakeSocket} */ (FakeSocket.all[1]);
  again.open();
  assert.equal(again.sent[0].since, "c2");
  made.stop();
});

test("a lost instance is told apart from a lost connection", async () => {
  const { made, socket } = await channel();
  socket.open();
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: false });
  assert.deepEqual([made.state.phase, made.state.instanceLost], ["live", true]);
  made.stop();
});

test("the pauses grow, and have a limit", () => {
  assert.equal(delay(0, 1), 250);
  assert.equal(delay(2, 0), 500);
  assert.equal(delay(30, 1), 1500);
});

test("a wish may depend on what came, and output is never behind", async () => {
  const { made, socket } = await channel();
  let from = 0;
  made.follow("out", () => ({ stream: "output", job: "fA", from }), () => from++);
  socket.open();
  assert.deepEqual(socket.sent[1], { type: "subscribe", sub: "out", stream: "output", job: "fA", from: 0 });
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: true });
  assert.equal(made.state.phase, "live");
  socket.say({ type: "output", sub: "out", index: 0 });
  socket.onclose();
  await made.start();
  const again = /** @type {FakeSocket} */ (FakeSocket.all[1]);
  again.open();
  assert.equal(again.sent[1].from, 1);
  made.stop();
});

test("a refused subscription is reported, and the others go on", async () => {
  const { made, socket, taken } = await channel();
  socket.open();
  made.follow("more", { stream: "events" }, () => {});
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: true });
  socket.say({ type: "error", sub: "more", detail: "No." });
  assert.deepEqual([made.state.phase, made.state.refused], ["live", ["No."]]);
  socket.say({ type: "job", sub: "jobs", id: "fA" });
  assert.deepEqual(taken, ["bookmark", "job"]);
  made.stop();
});

test("a service that wants credentials is not asked again and again", async () => {
  let asked = 0;
  const made = new Channel(async () => {
    asked++;
    throw Object.assign(new Error("Say who you are."), { document: { status: 401 } });
  }, /** @type {any} */ (FakeSocket));
  await made.start();
  assert.deepEqual([asked, made.state.phase, made.state.detail], [1, "logged out", "Say who you are."]);
  made.stop();
});

test("a refused socket has the page ask first whether the service is ready", async () => {
  FakeSocket.all = [];
  /** @type {boolean[]} */
  const doubts = [];
  const made = new Channel(async (isDoubtful) => {
    doubts.push(isDoubtful);
    return "ws://here";
  }, /** @type {any} */ (FakeSocket));
  await made.start();
  FakeSocket.all[0]?.onclose();
  await made.start();
  FakeSocket.all[1]?.open();
  FakeSocket.all[1]?.onclose();
  await made.start();
  assert.deepEqual(doubts, [false, true, false]);
  made.stop();
});

test("a service that still reads the jobs tells how far it is", async () => {
  FakeSocket.all = [];
  const answers = [{ read: 5 }, { read: 7, total: 9 }, undefined];
  const made = new Channel(async () => {
    const progress = answers.shift();
    if (progress) throw Object.assign(new Error("It reads."), { document: { status: 503, progress } });
    return "ws://here";
  }, /** @type {any} */ (FakeSocket));
  /** @type {Set<string>} */
  const phases = new Set();
  made.addEventListener("state", () => phases.add(made.state.phase));
  await made.start();
  assert.deepEqual(made.state.progress, { read: 5 });
  await made.start();
  assert.deepEqual(made.state.progress, { read: 7, total: 9 });
  assert.deepEqual([...phases], ["connecting", "reading"]);
  await made.start();
  FakeSocket.all[0]?.open();
  assert.deepEqual([made.state.phase, made.state.progress], ["live", undefined]);
  made.stop();
});

test("a page at rest says so, and comes back with its cursor", async () => {
  const { made, socket } = await channel();
  socket.open();
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: true });
  made.rest();
  assert.deepEqual([made.state.phase, socket.readyState], ["resting", 3]);
  await made.start();
  assert.equal(made.state.phase, "catching up");
  const again = /** @type {FakeSocket} */ (FakeSocket.all[1]);
  again.open();
  assert.equal(again.sent[0].since, "c3");
  made.stop();
});

test("since when Flux is lost is what the service says", async () => {
  const { made, socket } = await channel();
  socket.open();
  socket.say({ type: "bookmark", sub: "jobs", cursor: "c3", live: false, lost_since: 5 });
  assert.equal(made.state.lostSince, 5);
  made.stop();
});

test("a channel of an instance that has ended says why, and does not come back", async () => {
  const { made, socket } = await channel();
  socket.open();
  socket.say({ type: "end", sub: "jobs", reason: "instance-ended", detail: "The job of this Flux instance has ended; its rows stay as they were." });
  assert.equal(made.state.ended, "The job of this Flux instance has ended; its rows stay as they were.");
  socket.onclose();
  await made.start();
  assert.equal(made.state.phase, "resting");
  assert.equal(FakeSocket.all.length, 1);
  made.stop();
});
