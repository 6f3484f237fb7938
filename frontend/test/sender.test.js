import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Sender } from "../src/submit/sender.js";

Object.assign(globalThis, { document: { body: { dataset: {} } }, location: { origin: "http://flux.test", pathname: "/ui/submit" } });

/** @typedef {() => Response} Answer */

/** @param {number} status @param {string} [text] @returns {Answer} */
const json = (status, text = "{}") => () => new Response(text, { status, headers: { "Content-Type": "application/json" } });
/** @type {Answer} */
const lost = () => {
  throw new TypeError("the connection was lost");
};
const made = json(201, '{"id":"f1"}');

/** Send one job until each answer was given; return the number of different keys. @param {Answer[]} answers */
async function keysOf(...answers) {
  /** @type {string[]} */
  const keys = [];
  mock.method(globalThis, "fetch", async (/** @type {string} */ _place, /** @type {any} */ { headers }) => {
    keys.push(headers["Idempotency-Key"]);
    return answers[keys.length - 1]?.();
  });
  const sender = new Sender();
  for (const _ of answers) await sender.send("/v1/jobs", { command: ["true"] }).catch(() => {});
  mock.restoreAll();
  return new Set(keys).size;
}

test("a job that may have been taken is sent again under its key", async () => {
  assert.equal(await keysOf(lost, made), 1);
  assert.equal(await keysOf(json(503), made), 1);
});

test("a refusal says nothing of an attempt before it that had no answer", async () => {
  assert.equal(await keysOf(lost, json(401), json(429), made), 1);
});

test("an answer that breaks off is none", async () => {
  assert.equal(await keysOf(json(201, '{"id":'), made), 1);
});

test("a job that was refused, or made, is another one when it is sent again", async () => {
  assert.equal(await keysOf(json(422), made), 2);
  assert.equal(await keysOf(made, made), 2);
  assert.equal(await keysOf(lost, made, made), 2);
});
