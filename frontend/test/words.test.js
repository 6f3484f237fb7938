/** The texts of the scripts: every place has a value, plural forms and numbers are those of the language. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

import { message } from "../src/ui/message.js";
import { detailOf, endOf } from "../src/ui/problem.js";

/** @type {Record<string, string | Record<string, string>>} */
const texts = /** @type {any} */ (globalThis).fluxapiWords.texts;
const source = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(source, { recursive: true }).map(String).filter((name) => name.endsWith(".js"));

/**
 * Return the calls of t and rich with a literal key and with literal names of values: file,
 * function, key, names.
 * @param {string} file
 */
function calls(file) {
  const parsed = ts.createSourceFile(file, readFileSync(join(source, file), "utf8"), ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  /** @type {{ name: string, key: string, given: string[] }[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    ts.forEachChild(node, visit);
    if (!ts.isCallExpression(node) || !ts.isIdentifier(node.expression)) return;
    const name = node.expression.text;
    const [key, values] = node.arguments;
    if ((name !== "t" && name !== "rich") || !key || !ts.isStringLiteralLike(key)) return;
    if (values && !ts.isObjectLiteralExpression(values)) return;
    const properties = values?.properties ?? [];
    if (properties.some((property) => !property.name)) return;
    found.push({ name, key: key.text, given: properties.map((property) => property.name?.getText() ?? "") });
  };
  visit(parsed);
  return found;
}

test("each call gives the values that its text has places for", () => {
  for (const file of files) {
    for (const { name, key, given } of calls(file)) {
      const text = texts[key];
      assert.ok(text !== undefined, `${file}: there is no text ${key}`);
      const whole = typeof text === "string" ? text : (text["other"] ?? "");
      const places = new Set([...whole.matchAll(/\{([a-z][a-z0-9_]*)\}/g)].map((match) => match[1] ?? ""));
      if (typeof text !== "string") places.add("count");
      assert.deepEqual([...given].sort(), [...places].sort(), `${file}: ${key}`);
      assert.ok(name === "rich" || !JSON.stringify(text).includes("`"), `${file}: ${key} has code, so it needs rich()`);
    }
  }
});

/** Return the module with the texts of another language. @param {string} lang @param {typeof texts} given */
async function speaking(lang, given) {
  Object.assign(globalThis, { fluxapiWords: { lang, texts: given } });
  return import(`../src/ui/words.js?${lang}`);
}

test("numbers and plural forms are those of the language", async () => {
  const { t, number } = await speaking("pl", { "a.jobs": { one: "{count} a", few: "{count} b", many: "{count} c", other: "{count} d" } });
  assert.deepEqual([1, 3, 5, 1.5].map((count) => t("a.jobs", { count })), ["1 a", "3 b", "5 c", "1,5 d"]);
  assert.equal(number(1234567.5), "1\u00a0234\u00a0567,5");
});

test("a text keeps values as they are", async () => {
  const { t } = await speaking("en", { "a.hello": "{name}, {name} & {count}" });
  assert.equal(t("a.hello", { name: "<b>$&{count}", count: 1234 }), "<b>$&{count}, <b>$&{count} & 1,234");
});

test("a sentence of the service is said by its code and values", () => {
  const limit = { code: "queue_max_duration", params: { queue: "batch", limit_seconds: 600 } };
  assert.equal(message("findings", limit, "x"), "Queue batch allows a time limit of at most 10m.");
  const size = { code: "instance_max_nodes", params: { count: 1, asked: 2000 } };
  assert.equal(message("findings", size, "x"), "The instance allows at most 1 node for a job, and this one asks for 2,000.");
  const names = { code: "no_default_queue", params: { names: ["a", "b"] } };
  assert.equal(message("findings", names, "x"), "There is no default queue: name one of a, b.");
});

test("a sentence that the language has no words for is the service's own", () => {
  const queue = { queue: "batch" };
  const others = [
    {},
    { code: "other", params: {} },
    { code: "queue_max_duration", params: queue },
    { code: "queue_max_nodes", params: { ...queue, count: "3", asked: 1 } },
    { code: "no_default_queue" },
  ];
  for (const coded of others) assert.equal(message("findings", coded, "Its own."), "Its own.");
});

test("a problem is told by its code, and else in the words of the service", () => {
  const type = "/flux/docs/errors#job-not-found";
  const plain = { type, title: "Job not found", detail: "It is not here." };
  assert.equal(detailOf({ ...plain, code: "no_job", params: { job: "f1" } }), "There is no job f1.");
  assert.equal(detailOf({ ...plain, code: "parent_ended", params: {} }), "The parent of this instance has ended.");
  for (const others of [{}, { code: "other" }, { code: "no_job", params: {} }]) assert.equal(detailOf({ ...plain, ...others }), "It is not here.");
  assert.equal(detailOf({ title: "Bad gateway" }), "Bad gateway");
  assert.equal(detailOf({}), undefined);
});

test("an end is told by its reason, unless the service says more", () => {
  assert.equal(endOf({ reason: "shutdown", detail: "x" }), "The service is shutting down.");
  assert.equal(endOf({ reason: "changed", detail: "The file a.log is shorter." }), "The file a.log is shorter.");
  assert.equal(endOf({ reason: "new-one", detail: "x" }), "x");
});

test("a problem without a code has its type before it in another language", () => {
  // As if the page had another word for it than the service.
  assert.equal(detailOf({ type: "/docs/errors#conflict", title: "Konflikt", detail: "No." }), "Conflict: No.");
});

test("a text that does not exist is an error", async () => {
  const { t } = await speaking("en-GB", {});
  assert.throws(() => t("a.missing"), /there is no text a\.missing/);
});
