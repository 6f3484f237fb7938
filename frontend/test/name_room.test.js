import assert from "node:assert/strict";
import { test } from "node:test";

import { divided } from "../src/nodes/name_room.js";
import { roomBeside } from "../src/nodes/node_table.js";

test("short names take no more room than the least", () => {
  assert.deepEqual(divided(40, 1200, false), { width: 128, lines: 1 });
});

test("names have the room that the longest one needs", () => {
  assert.deepEqual(divided(300, 1200, false), { width: 324, lines: 1 });
});

test("a very long name gets more lines, and no more of the width", () => {
  const { width, lines } = divided(1500, 1000, false);
  assert.equal(width, 300);
  assert.ok(lines * (width - 24) >= 1500);
});

test("on a narrow screen names have a line of their own", () => {
  assert.deepEqual(divided(330, 360, true), { width: 354, lines: 1 });
  assert.equal(divided(400, 360, true).lines, 2);
});

test("properties and ranks go before the reason is cut", () => {
  const has = () => true;
  assert.equal(roomBeside(80, has), "all");
  assert.equal(roomBeside(70, has), "most");
  assert.equal(roomBeside(60, has), "some");
  assert.equal(roomBeside(43, has), "few");
  assert.equal(roomBeside(60, (column) => column !== "gpus" && column !== "properties" && column !== "queues"), "all");
});
