/** One chart of the history, with its legend, its sentence and the time that is pointed at. */

import { figureParts } from "./figure_parts.js";
import { sentence, values } from "./past.js";

/** @typedef {import("./past.js").PastChart} PastChart */
/** @typedef {import("./past.js").Step} Step */

const HEIGHT = 160;

export class PastFigure {
  /** @type {HTMLElement[]} */
  #keys = [];
  /** @type {HTMLElement[]} */
  #values = [];
  /** @type {import("../pages/plots.js").Plot | undefined} */
  #plot;
  /** @type {Step[]} */
  #steps = [];
  #step = 0;
  /** @type {[number, number]} */
  #span = [0, 0];

  /**
   * @param {PastChart} chart
   * @param {HTMLElement} where
   * @param {(begin: number, end: number) => string} period in words
   */
  constructor(chart, where, period) {
    this.chart = chart;
    this.period = period;
    const parts = figureParts(chart);
    this.place = parts.place;
    this.caption = parts.caption;
    this.#keys = parts.keys;
    this.#values = parts.values;
    where.append(parts.figure);
  }

  /** @param {typeof import("../pages/plots.js").Plot} Plot what draws */
  draw(Plot) {
    const { lines, hasPoints, isMean: _said, ...chart } = this.chart;
    this.#plot = new Plot(
      this.place,
      { height: HEIGHT, ...chart, lines, hasPoints },
      (_values, index) => this.#say(index),
    );
    this.#update();
  }

  /** Show other steps. @param {Step[]} steps @param {number} step seconds of each @param {[number, number]} span */
  show(steps, step, span) {
    this.#steps = steps;
    this.#step = step;
    this.#span = span;
    this.#update();
  }

  #update() {
    this.#say(undefined);
    for (const [place, line] of this.chart.lines.entries()) {
      // An instance may have no GPUs.
      const isKnown = values(line, this.#steps).some((it) => it !== null);
      /** @type {HTMLElement} */ (this.#keys[place]).hidden = this.#steps.length > 0 && !isKnown;
    }
    this.place.setAttribute("aria-label", `${this.chart.title}: ${sentence(this.chart, this.#steps, this.#step)}`);
    if (!this.#steps.length) return;
    this.#plot?.set(
      this.#steps.map((step) => step["time"]),
      this.chart.lines.map((line) => values(line, this.#steps)),
      this.#span,
    );
  }

  /** Say the values of one step, or what all have in common. @param {number | undefined} index */
  #say(index) {
    const step = index === undefined ? undefined : this.#steps[index];
    for (const [place, line] of this.chart.lines.entries()) {
      const value = step && line.value(step);
      const text = !step ? "" : value === null || value === undefined ? "–" : this.chart.text(value);
      /** @type {HTMLElement} */ (this.#values[place]).textContent = text;
    }
    this.caption.textContent = step ? this.period(step["time"], step["time"] + this.#step) : sentence(this.chart, this.#steps, this.#step);
  }
}
