/** The counter of the state that a job is in, which grows while the page is open. */

import { growing } from "../ui/format.js";

/** @param {HTMLElement} where the timeline @param {number} now seconds since 1970 */
export function tick(where, now) {
  const counter = /** @type {HTMLElement | null} */ (where.querySelector("[data-since]"));
  if (!counter) return;
  const seconds = Math.max(now - Number(counter.dataset["since"]), 0);
  const text = growing(seconds);
  if (counter.textContent !== text) counter.textContent = text;
  const bar = counter.closest("li")?.querySelector("progress");
  const bars = [...where.querySelectorAll("progress")];
  if (!bar) return;
  const longest = Math.max(seconds, ...bars.filter((it) => it !== bar).map((it) => it.value));
  for (const it of bars) it.max = Math.max(longest, 0.001);
  bar.value = seconds;
}
