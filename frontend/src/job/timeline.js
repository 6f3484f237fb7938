/** The states that a job was in, since when and how long: bars whose lengths can be compared. */

import { duration } from "../ui/format.js";
import { element } from "../ui/element.js";
import * as moments from "./timestamps.js";

/** @typedef {{ state: string, since: number, lasted: number, goesOn: boolean }} Step times in seconds */

const STATES = /** @type {const} */ ([
  ["NEW", "t_submit"],
  ["DEPEND", "t_depend"],
  ["PRIORITY", "t_priority"],
  ["SCHED", "t_sched"],
  ["RUN", "t_run"],
  ["CLEANUP", "t_cleanup"],
  ["INACTIVE", "t_inactive"],
]);

/**
 * @param {Record<string, any>} record
 * @param {number} now seconds since 1970
 * @returns {Step[]}
 */
export function steps(record, now) {
  const reached = STATES.filter(([, key]) => typeof record[key] === "number");
  return reached.map(([state, key], at) => {
    const next = reached[at + 1];
    const goesOn = !next && state !== "INACTIVE";
    const end = next ? record[next[1]] : goesOn ? now : record[key];
    return { state, since: record[key], lasted: Math.max(end - record[key], 0), goesOn };
  });
}

/** States often last for milliseconds. @param {number} seconds */
export function lasting(seconds) {
  return seconds < 1 ? `${Math.round(seconds * 1000)}ms` : duration(seconds);
}

/** @param {HTMLElement} where @param {Record<string, any>} record @param {number} now */
export function draw(where, record, now) {
  const all = steps(record, now);
  const most = Math.max(...all.map((step) => step.lasted), 0.001);
  where.replaceChildren(
    ...all.map(({ state, since, lasted, goesOn }) => {
      const line = element("li", {});
      line.dataset["status"] = state;
      if (goesOn) line.setAttribute("aria-current", "step");
      const bar = element("span", { className: "bar" });
      bar.setAttribute("aria-hidden", "true");
      const filled = element("span", {});
      filled.style.width = `${(100 * lasted) / most}%`;
      bar.append(filled);
      const long = state === "INACTIVE" ? "" : `${lasting(lasted)}${goesOn ? " so far" : ""}`;
      line.append(element("b", { textContent: state }), bar, element("span", { className: "lasted", textContent: long }), moments.tell(since));
      return line;
    }),
  );
}
