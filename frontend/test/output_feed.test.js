import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Feed } from "../src/job/output_feed.js";

Object.assign(globalThis, { document: { body: { dataset: {} } }, location: { origin: "http://flux.test", pathname: "/ui/jobs/f1" } });

/** @typedef {(message: Record<string, unknown>) => void} Take */

/**
 * Return a feed of a job without lines; the service gives this answer to the request for the first
 * line. @param {string} answer @param {number} later milliseconds that pass then @param
 * {Record<string, unknown>} [message] that comes at once
 */
async function silent(answer, later = 0, message = undefined) {
  mock.timers.enable({ apis: ["setTimeout"] });
  /** @type {string[]} */
  const requests = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ place) => {
    requests.push(String(place));
    return new Response(answer);
  });
  /** @type {Take[]} */
  const takers = [];
  const channel = /** @type {any} */ ({ follow: (/** @type {string} */ _name, /** @type {unknown} */ _wish, /** @type {Take} */ take) => takers.push(take), leave: () => {} });
  let changes = 0;
  const nothing = () => {};
  const feed = new Feed(channel, "f1", "", { changed: () => changes++, said: nothing, file: nothing, ended: nothing, memory: nothing });
  if (message) takers[0]?.(message);
  mock.timers.tick(300);
  await new Promise((done) => setImmediate(() => setImmediate(done)));
  mock.timers.tick(later);
  feed.stop();
  mock.timers.reset();
  mock.restoreAll();
  return { feed, requests, changes };
}

test("a job of which no message comes has written nothing if the service has no line", async () => {
  const { feed, requests, changes } = await silent('{"type":"end","reason":"end"}\n');
  assert.match(requests[0] ?? "", /\/v1\/jobs\/f1\/output\/lines\?first=1&count=1$/);
  assert.deepEqual([requests.length, feed.isQuiet, feed.isSilent, changes], [1, true, true, 1]);
});

test("an output that has a line is on its way", async () => {
  const { feed } = await silent('{"type":"line","line":1}\n{"type":"end","reason":"count"}\n');
  assert.deepEqual([feed.isQuiet, feed.isSilent], [false, false]);
});

test("an early end is still reported later", async () => {
  const { feed } = await silent('{"type":"end","reason":"end"}\n', 1700);
  assert.deepEqual([feed.isQuiet, feed.isSilent], [true, true]);
});

test("only the service says that nothing is written, however long the lines take", async () => {
  const header = { type: "output", index: 1, timestamp: 1, name: "redirect", stream: "stdout" };
  const { feed } = await silent('{"type":"line","line":1}\n{"type":"end","reason":"count"}\n', 60_000, header);
  assert.deepEqual([feed.isQuiet, feed.isSilent], [true, false]);
});

test("a job whose files are empty, too, has written nothing", async () => {
  const file = { type: "output", index: 2 ** 48, timestamp: 1, name: "file", stream: "stdout", path: "/tmp/out" };
  const { feed, requests } = await silent('{"type":"end","reason":"end"}\n', 0, file);
  assert.deepEqual(requests.map((place) => /[?&]source=([0-9]+)/.exec(place)?.[1]), [undefined, "1"]);
  assert.ok(feed.isSilent);
});

test("the service is asked again after it could not answer", async () => {
  const { feed, requests } = await silent("no answer\n", 5000);
  assert.ok(requests.length === 2 && !feed.isSilent);
});

test("lines after some that the history has left out are numbered by the service", async () => {
  const log = { type: "output", index: 1, name: "log", component: "fluxapi", message: "The history has left out 9 bytes of the output here." };
  const { feed } = await silent("", 0, log);
  assert.deepEqual([feed.hasGap, feed.numbers.hasGap], [true, true]);
  const [line] = feed.terminal.lines;
  assert.equal(line && feed.numbers.of(line), undefined);
});
