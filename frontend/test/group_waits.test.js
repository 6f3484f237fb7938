import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { commonest, GroupWaits } from "../src/group/group_waits.js";

test("the reasons that most jobs have are told, and no more than three", () => {
  const of = (/** @type {string[]} */ reasons) => commonest(reasons.map((reason) => ({ reason })));
  assert.deepEqual(of(["held", "its turn", "its turn"]), [{ reason: "its turn", count: 2 }, { reason: "held", count: 1 }]);
  assert.equal(of(["a", "b", "c", "d"]).length, 3);
  assert.deepEqual(of([""]), []);
  assert.deepEqual(commonest([{}]), []);
});

test("however often the group changes, the reasons are read at most every two seconds", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const drawn = /** @type {string[]} */ ([]);
  const where = /** @type {any} */ ({ hidden: true });
  const waits = new GroupWaits(where, "g", { isAskedUnseen: true, ask: async () => `answer ${++asked}`, draw: (lines) => void drawn.push(lines) });
  for (let pending = 500; pending > 400; pending--) {
    waits.become(pending);
    await new Promise((done) => setImmediate(done));
  }
  assert.deepEqual([asked, drawn], [1, ["answer 1"]]);
  mock.timers.tick(2000);
  await new Promise((done) => setImmediate(done));
  assert.deepEqual(drawn, ["answer 1", "answer 2"]);
  mock.timers.reset();
});
