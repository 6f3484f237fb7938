/** The cores in use over time, of all nodes or of one. */

import { PastFigure } from "../charts/past_figure.js";
import { every } from "../channel/visibility.js";
import { ahead, call } from "../ui/api.js";
import { moments } from "../ui/times.js";
import { resolved } from "../ui/root.js";
import { t } from "../ui/words.js";

const DAY = 86_400;
/** Seconds that are shown at least, however young the instance is. */
const LEAST = 600;
const STEPS = 96;
const HEIGHT = 116;
/** Milliseconds between two requests: the last step changes slowly. */
const EVERY = 30_000;
const clock = moments({ dateStyle: "medium", timeStyle: "short" });

export class Trend {
  /** All cores that there are now. */
  #total = 0;
  /** @type {Record<string, any> | undefined} */
  #found;

  /**
   * @param {HTMLElement} where says by its data where the script that draws is, and when the instance started
   * @param {(query: URLSearchParams) => string} path of the request for the steps of a time
   */
  constructor(where, path) {
    this.where = where;
    this.path = path;
    const percent = (/** @type {number} */ value) => `${Math.round(value)}%`;
    this.figure = new PastFigure(
      { title: t("nodes.trend"), lines: [{ title: t("nodes.cores"), color: "running", value: (step) => this.#share(step) }], text: percent, isMean: true, high: 100, height: HEIGHT },
      where,
      (begin, end) => clock.formatRange(begin * 1000, end * 1000),
    );
    import(resolved(where.dataset["plots"] ?? "")).then(({ Plot }) => this.figure.draw(Plot), () => {
      // Without what draws, the sentence is there.
      this.figure.place.hidden = true;
    });
    every(EVERY, () => this.ask());
    this.ask();
  }

  /** Say how many cores there are. @param {number} total */
  of(total) {
    if (total === this.#total) return;
    this.#total = total;
    this.#draw();
  }

  /** @param {Record<string, any>} step */
  #share({ allocated, total = this.#total }) {
    return allocated === undefined || !total ? null : Math.min((100 * allocated) / total, 100);
  }

  async ask() {
    const now = Date.now() / 1000 + ahead;
    const start = Number(this.where.dataset["start"] ?? 0);
    const since = Math.min(Math.max(now - DAY, start), now - LEAST);
    try {
      this.#found = await call("GET", this.path(new URLSearchParams({ since: since.toFixed(3), steps: String(STEPS) })));
      this.#draw();
    } catch {
      // The page says itself that the service or the instance does not answer; what was drawn stays.
      if (!this.#found) this.where.hidden = true;
    }
  }

  #draw() {
    // A step may say itself how many cores there were.
    if (!this.#found?.["steps"].some((/** @type {Record<string, any>} */ step) => this.#share(step) !== null)) return;
    this.where.hidden = false;
    const { steps, step, since, until } = this.#found;
    this.figure.show(steps, step, [since, until]);
  }
}
