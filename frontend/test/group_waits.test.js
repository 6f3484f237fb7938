import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { commonest, GroupWaits } from "../src/group/group_waits.js";

test("the reasons that most jobs have are told, and how many jobs have others", () => {
  const of = (/** @type {string[]} */ reasons) => {
    const { told, others } = commonest(reasons.map((reason) => ({ reason })));
    return [...told.map(({ reason, count }) => `${count} ${reason}`), others];
  };
  assert.deepEqual(of(["held", "its turn", "its turn"]), ["2 its turn", "1 held", 0]);
  assert.deepEqual(of(["a", "b", "c", "d", "e"]), ["1 a", "1 b", "1 c", 2]);
  assert.deepEqual(of([""]), [0]);
  assert.deepEqual(commonest([{}]), { told: [], others: 0 });
  // Jobs that may start at different times wait for the same.
  assert.deepEqual(of(["waits", "waits; may start at 2026-11-29 19:18:13 UTC", "waits; may start at 2026-11-29 19:38:13 UTC"]), ["3 waits", 0]);
});

test("however often the group changes, the reasons are read at most every two seconds", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let asked = 0;
  const drawn = /** @type {string[]} */ ([]);
  const where = /** @type {any} */ ({ hidden: true });
  const waits = new GroupWaits(where, "g", /** @type {any} */ ({}), { isAskedUnseen: true, ask: async () => `answer ${++asked}`, draw: (lines) => void drawn.push(lines) });
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
