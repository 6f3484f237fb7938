import { deepEqual } from "node:assert/strict";
import { test } from "node:test";

import { OutputStatus } from "../src/job/output_status.js";
import { t } from "../src/ui/words.js";

const END = t("output.end");
const ABSENT = t("output.not_kept", { line: 1500 });

function made() {
  const where = { textContent: "" };
  const shown = { hasEnded: false, isBeforeEnd: false };
  const status = new OutputStatus(/** @type {any} */ (where), { hasEnded: () => shown.hasEnded, isBeforeEnd: () => shown.isBeforeEnd });
  return { where, shown, status };
}

test("the end of the output does not replace an answer", () => {
  const { where, shown, status } = made();
  status.answer(ABSENT);
  shown.hasEnded = true;
  status.hear(END);
  deepEqual(where.textContent, ABSENT);
  status.forget();
  status.settle();
  deepEqual(where.textContent, END);
});

test("an answer that is taken back leaves what the output has told", () => {
  const { where, shown, status } = made();
  shown.hasEnded = true;
  const nothing = t("output.nothing");
  status.hear(nothing);
  status.answer(t("output.searching_error"));
  deepEqual(where.textContent, t("output.searching_error"));
  status.answer("");
  deepEqual(where.textContent, nothing);
});

test("progress is shown, and then the answer again", () => {
  const { where, status } = made();
  status.answer(ABSENT);
  status.hear(t("output.counting", { size: "1 MB" }));
  deepEqual(where.textContent, t("output.counting", { size: "1 MB" }));
  status.hear("");
  deepEqual(where.textContent, ABSENT);
});

test("the end is told only beside the last lines", () => {
  const { where, shown, status } = made();
  shown.hasEnded = true;
  shown.isBeforeEnd = true;
  status.hear(END);
  deepEqual(where.textContent, "");
  shown.isBeforeEnd = false;
  status.settle();
  deepEqual(where.textContent, END);
});
