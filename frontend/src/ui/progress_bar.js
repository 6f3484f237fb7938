/** A bar of the jobs of a group, with a part for each way in which they have come out. */

import { element } from "./element.js";
import { t } from "./words.js";

/** The parts, each with the status whose color it has. */
const PARTS = /** @type {const} */ ([["completed", "COMPLETED"], ["failed", "FAILED"], ["canceled", "CANCELED"], ["running", "RUN"]]);

/** Numbers of jobs. @typedef {Record<(typeof PARTS)[number][0], number> & { count: number, pending: number }} Progress */

export class ProgressBar {
  constructor() {
    this.element = element("span", { className: "progress" });
    this.element.setAttribute("role", "img");
    this.parts = PARTS.map(([, status]) => {
      const part = element("span", {});
      part.dataset["status"] = status;
      return part;
    });
    this.element.append(...this.parts);
  }

  /** @param {Progress} progress @param {string} counts in words, for its name */
  show(progress, counts) {
    const { count, running, pending } = progress;
    // 100 % only once all have ended.
    const percent = count ? Math.floor(((count - running - pending) / count) * 100) : 0;
    this.element.setAttribute("aria-label", t("common.progress", { percent, counts }));
    for (const [at, [name]] of PARTS.entries()) {
      const width = `${count ? (progress[name] / count) * 100 : 0}%`;
      const part = /** @type {HTMLElement} */ (this.parts[at]);
      if (part.style.width !== width) part.style.width = width;
    }
  }
}
