import assert from "node:assert/strict";
import { test } from "node:test";

import { hosts, named } from "../src/ui/hosts.js";

test("a host list names each host", () => {
  assert.deepEqual([...hosts("node[1-3,07],login")], ["node1", "node2", "node3", "node07", "login"]);
});

test("a host list that never ends is read as far as needed", () => {
  assert.equal(hosts("n[0-9007199254740991]").size, 100_000);
});

test("numbers that have no next one end a range", () => {
  assert.equal(hosts("n[9007199254740992-9007199254740993],m").size, 1);
});

for (const [list, shown] of /** @type {const} */ ([
  ["vm,vm", "vm (2 ranks)"], ["n[1-2],n1", "n1 (2 ranks), n2"], ["node[0-3]", "node[0-3]"], ["a,b", "a,b"],
  ["n[0-2000],n1", "n[0-2000],n1"], ["n[0-9007199254740991],n1", "n[0-9007199254740991],n1"], ["", ""],
]))
  test(`a host that ${list || "no list"} repeats is named once`, () => assert.equal(named(list), shown));
