/** The parts of the page that grow with the clock: the current state of a job, and its share of the time limit. */

import { growing } from "../ui/format.js";

/** Width of the bar, and the least width of a state in it; as in fluxapi/web/job_detail.py. */
const BAR = 1000;
const MIN_SEGMENT = 8;

/** @param {HTMLElement} where the timeline @param {number} now seconds since 1970 */
export function tick(where, now) {
  const counter = count(where, now);
  const steps = /** @type {HTMLElement[]} */ ([...where.querySelectorAll("li")]);
  const lasted = steps.map((step) => (counter && step.contains(counter.element) ? counter.seconds : Number(step.dataset["seconds"])));
  const total = lasted.reduce((sum, seconds) => sum + seconds, 0);
  const shown = lasted.filter(Boolean).length;
  let begin = 0;
  for (const [at, rect] of [...where.querySelectorAll("rect")].entries()) {
    const seconds = lasted[at] ?? 0;
    const width = seconds ? MIN_SEGMENT + ((BAR - MIN_SEGMENT * shown) * seconds) / total : 0;
    rect.setAttribute("x", begin.toFixed(1));
    rect.setAttribute("width", width.toFixed(1));
    begin += width;
  }
}

/** @param {HTMLElement} where what tells of the time limit @param {number} now seconds since 1970 */
export function tickLimit(where, now) {
  const counter = count(where, now);
  const bar = where.querySelector("progress");
  if (counter && bar) bar.value = Math.min(counter.seconds, bar.max);
}

/** @param {HTMLElement} where @param {number} now */
function count(where, now) {
  const element = /** @type {HTMLElement | null} */ (where.querySelector("[data-since]"));
  if (!element) return undefined;
  const seconds = Math.max(now - Number(element.dataset["since"]), 0);
  const text = growing(seconds);
  if (element.textContent !== text) element.textContent = text;
  return { element, seconds };
}
