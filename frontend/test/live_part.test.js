import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { LivePart } from "../src/ui/live_part.js";

/** Let the answers that are there be taken. */
const settle = () => new Promise((done) => setImmediate(done));

/** @param {(() => Promise<string>)[]} answers */
function part(...answers) {
  /** @type {string[]} */
  const drawn = [];
  let asked = 0;
  const it = new LivePart(() => "/ui/jobs/f1?part=events", {
    pauseMs: 1000,
    isAskedUnseen: true,
    ask: () => (answers[asked++] ?? (() => Promise.resolve(`answer ${asked}`)))(),
    draw: (html) => void drawn.push(html),
  });
  return { it, drawn, asked: () => asked };
}

test("a part is asked for at once, and then at most once a second", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { it, drawn, asked } = part();
  for (let n = 0; n < 5; n++) it.want();
  await settle();
  for (let n = 0; n < 5; n++) it.want();
  await settle();
  assert.deepEqual([asked(), drawn], [1, ["answer 1"]]);
  mock.timers.tick(1000);
  await settle();
  mock.timers.tick(5000);
  await settle();
  assert.deepEqual(drawn, ["answer 1", "answer 2"]);
  mock.timers.reset();
});

test("a part that cannot be had is asked for again", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { it, drawn, asked } = part(() => Promise.reject(new Error("no network")));
  it.want();
  await settle();
  mock.timers.tick(1000);
  await settle();
  assert.equal(asked(), 1);
  mock.timers.tick(1000);
  await settle();
  assert.deepEqual(drawn, ["answer 2"]);
  mock.timers.reset();
});

for (const status of [401, 404]) {
  test(`after an answer ${status} nothing is asked for until the channel tells of a change`, async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const problem = Object.assign(new Error(""), { document: { status } });
    const { it, drawn, asked } = part(() => Promise.reject(problem));
    it.want();
    await settle();
    mock.timers.tick(60_000);
    await settle();
    assert.equal(asked(), 1);
    it.want();
    await settle();
    assert.deepEqual(drawn, ["answer 2"]);
    mock.timers.reset();
  });
}

test("a part is not asked for while nobody sees the page", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let listener = () => {};
  const seen = { hidden: true, addEventListener: (/** @type {string} */ _name, /** @type {() => void} */ listen) => void (listener = listen) };
  Object.assign(globalThis, { document: seen });
  /** @type {string[]} */
  const asked = [];
  const it = new LivePart(() => "/ui/queues", { ask: (path) => (asked.push(path), Promise.resolve("")), draw: () => {} });
  it.want();
  await settle();
  assert.deepEqual(asked, []);
  seen.hidden = false;
  listener();
  await settle();
  assert.deepEqual(asked, ["/ui/queues"]);
  Reflect.deleteProperty(globalThis, "document");
  mock.timers.reset();
});
