import assert from "node:assert/strict";
import { test } from "node:test";

import { Choice, load } from "../src/table/column_settings.js";
import { columns } from "../src/table/columns.js";
import { Rows } from "../src/table/rows.js";
import { Situation } from "../src/ui/situation.js";

const all = columns(new Situation());
const keys = (/** @type {Choice} */ choice) => choice.columns.map(({ key }) => key);

test("a column that no job has anything for is not shown", () => {
  const choice = new Choice(all);
  assert.ok(!keys(choice).includes("queue"));
  choice.fill(new Set(["queue"]));
  assert.ok(keys(choice).includes("queue"));
});

test("a column that is not wanted is not shown when there is something for it", () => {
  const choice = new Choice(all, ["id", "name"]);
  choice.fill(new Set(["queue"]));
  assert.deepEqual(keys(choice), ["id", "name"]);
});

test("rows tell which sparse columns have something to show", () => {
  const [rows, choice] = [new Rows(), new Choice(all)];
  rows.take({ type: "job", id: "f1", revision: 1, queue: "" });
  assert.equal(choice.fill(rows.filled), false);
  rows.take({ type: "job", id: "f2", revision: 1, queue: "batch" });
  assert.deepEqual([choice.fill(rows.filled), choice.fill(rows.filled)], [true, false]);
  assert.ok(keys(choice).includes("queue"));
});

test("columns give way in their turn, and the column of the order stays", () => {
  const choice = new Choice(all);
  choice.fill(new Set(["queue"]));
  const sum = choice.columns.reduce((sum, { width }) => sum + width, 36);
  const given = (/** @type {number} */ room, sorted = "id") => {
    const shown = choice.fitting(room, sorted);
    return choice.columns.filter((column) => !shown.includes(column)).map(({ key }) => key);
  };
  assert.deepEqual([given(sum), given(sum - 1)], [[], ["nodelist"]]);
  assert.deepEqual(given(0), ["user", "ntasks", "nnodes", "submitted", "nodelist", "queue"]);
  assert.deepEqual(given(0, "nnodes"), ["user", "ntasks", "submitted", "nodelist", "queue"]);
  // A window of 1024 pixels has room for the note of a failure.
  assert.deepEqual(given(976), ["ntasks", "nnodes", "nodelist", "queue"]);
});

test("what another version has kept is not used", (context) => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "localStorage");
  context.after(() => (before ? Object.defineProperty(globalThis, "localStorage", before) : Reflect.deleteProperty(globalThis, "localStorage")));
  for (const kept of ["null", '{"shown":{}}', '{"widths":5}', "no JSON"]) {
    Object.defineProperty(globalThis, "localStorage", { value: { getItem: () => kept }, configurable: true });
    assert.deepEqual(keys(load(all)), keys(new Choice(all)));
  }
});
