/** The cores in use over time, of all nodes or of one. */

import { PastFigure } from "../charts/past_figure.js";
import { every } from "../channel/visibility.js";
import { ahead, call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { moments } from "../ui/times.js";
import { resolved } from "../ui/root.js";
import { t } from "../ui/words.js";

/** @typedef {import("../ui/words.js").Key} Key */

const HOUR = 3600;
const DAY = 24 * HOUR;
/** @type {[range: string, title: Key, seconds: number][]} */
const RANGES = [
  ["hour", "jobs.range_hour", HOUR], ["day", "jobs.range_day", DAY],
  ["week", "jobs.range_week", 7 * DAY], ["month", "jobs.range_month", 30 * DAY],
];
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
  #seconds = DAY;
  /** True if the page names the time that is shown. */
  #isChosen = false;
  /** Which answer is waited for; an earlier one is of another range. */
  #asked = 0;
  #cut = element("p", { className: "soft cut", role: "status", hidden: true });

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
    where.append(this.#cut);
    every(EVERY, () => this.ask());
    this.ask();
  }

  /**
   * Let the reader choose the time that is shown.
   * @param {string} range that is shown first; any other than those that are known is a day
   * @param {(range: string) => void} changed another one was chosen
   */
  offerRanges(range, changed) {
    const [known] = RANGES.find(([name]) => name === range) ?? ["day"];
    this.#isChosen = true;
    const head = element("div", { className: "chart-head" });
    const set = element("fieldset", { className: "segmented", ariaLabel: t("jobs.chart_time") });
    for (const [name, title, seconds] of RANGES) {
      const label = element("label", {});
      const radio = element("input", { type: "radio", name: "trend-range", value: name, checked: name === known });
      const show = () => {
        this.#seconds = seconds;
        this.ask();
      };
      radio.addEventListener("change", () => {
        show();
        changed(name);
      });
      if (name === known && seconds !== this.#seconds) show();
      label.append(radio, t(title));
      set.append(label);
    }
    head.append(element("h2", { textContent: t("nodes.trend") }), set);
    this.where.prepend(head);
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
    const since = Math.min(Math.max(now - this.#seconds, start), now - LEAST);
    const mine = ++this.#asked;
    try {
      const found = await call("GET", this.path(new URLSearchParams({ since: since.toFixed(3), steps: String(STEPS) })));
      if (mine !== this.#asked) return;
      this.#found = found;
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
    this.#cut.hidden = !this.#found["is_cut"];
    this.#cut.textContent = this.#found["is_cut"] ? t("nodes.trend_cut") : "";
    const { steps, step, since, until } = this.#found;
    // Before the instance started, the time that was chosen is a gap.
    this.figure.show(steps, step, [this.#isChosen ? Math.min(since, until - this.#seconds) : since, until]);
  }
}
