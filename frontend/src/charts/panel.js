/** The chart that is open: of the last minutes, or of a longer time from the history. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { duration, period } from "../ui/format.js";
import { painted } from "../ui/painted.js";
import { resolved } from "../ui/root.js";
import { moments } from "../ui/times.js";
import { t } from "../ui/words.js";
import { figureParts } from "./figure_parts.js";
import { broken } from "./live.js";
import { CHARTS as PAST } from "./past.js";
import { PastFigure } from "./past_figure.js";

/** @typedef {import("./live.js").Chart} Chart */
/** @typedef {import("./series.js").Series} Series */
/** @typedef {import("../ui/words.js").Key} Key */
/** @typedef {import("./series.js").Numbers} Numbers */

const HOUR = 3600;
/** @type {[range: string, title: Key, seconds: number][]} ranges of the history; that of the last minutes has no seconds */
const RANGES = [
  ["", "jobs.range_minutes", 0], ["hour", "jobs.range_hour", HOUR], ["day", "jobs.range_day", 24 * HOUR],
  ["week", "jobs.range_week", 7 * 24 * HOUR], ["month", "jobs.range_month", 30 * 24 * HOUR],
];
/** Milliseconds after which a range of the history is read again. */
const EVERY_MS = 60_000;
const HEIGHT = 160;
const clock = moments({ hour: "2-digit", minute: "2-digit", second: "2-digit" });

export class Panel extends EventTarget {
  /** @type {Chart | undefined} */
  #chart;
  /** @type {LiveFigure | PastFigure | undefined} */
  #figure;
  /** Which answer is waited for; an earlier one is of another view. */
  #asked = 0;
  #readAt = -Infinity;

  /**
   * @param {HTMLElement} where names what draws, and whether there is a history
   * @param {string} range
   * @param {() => void} changed another range was chosen
   */
  constructor(where, range, changed) {
    super();
    this.where = where;
    const hasHistory = "history" in where.dataset;
    this.range = hasHistory && RANGES.some(([name]) => name === range) ? range : "";
    this.title = element("h2", {});
    this.body = element("div", { className: "chart-body" });
    this.said = element("p", { className: "wrong", role: "status" });
    const ranges = element("fieldset", { className: "segmented", ariaLabel: t("jobs.chart_time") });
    ranges.hidden = !hasHistory;
    ranges.append(...RANGES.map(([name, title]) => this.#choice(name, title, changed)));
    const close = element("button", { type: "button", className: "quiet icon-button", ariaLabel: t("jobs.chart_close"), title: t("jobs.chart_close") });
    close.dataset["icon"] = "close";
    close.addEventListener("click", () => this.dispatchEvent(new Event("close")));
    const head = element("div", { className: "chart-head" });
    head.append(this.title, ranges, close);
    where.replaceChildren(head, this.body, this.said);
  }

  /** @param {string} name @param {Key} title @param {() => void} changed */
  #choice(name, title, changed) {
    const label = element("label", {});
    const radio = element("input", { type: "radio", name: "chart-range", value: name, checked: name === this.range });
    radio.addEventListener("change", () => {
      this.range = name;
      this.#make();
      changed();
      this.dispatchEvent(new Event("range"));
    });
    label.append(radio, t(title));
    return label;
  }

  /** Key of the chart that is open. */
  get key() {
    return this.#chart?.key ?? "";
  }

  /** @param {Chart | undefined} chart */
  open(chart) {
    this.#chart = chart;
    this.where.hidden = !chart;
    this.#make();
  }

  #make() {
    const chart = this.#chart;
    this.#asked++;
    this.#readAt = -Infinity;
    this.#figure = undefined;
    this.said.textContent = "";
    this.body.replaceChildren();
    if (!chart) return;
    const past = PAST.find(({ title }) => title === t(chart.past));
    const title = this.range && past ? past.title : t(chart.title, chart.times);
    this.title.textContent = title;
    this.where.setAttribute("aria-label", title);
    const figure = this.range && past ? new PastFigure(past, this.body, period) : new LiveFigure(chart, this.body);
    this.#figure = figure;
    // Without what draws, the sentences are there.
    load(this.where).then(async ({ Plot }) => {
      await painted();
      if (figure === this.#figure) figure.draw(Plot);
    }, () => {
      figure.place.hidden = true;
    });
    if (this.#seen) this.draw(...this.#seen);
  }

  /** @type {[Series, number] | undefined} */
  #seen;

  /** Show how things stand. @param {Series} series @param {number} at seconds since 1970 */
  draw(series, at) {
    this.#seen = [series, at];
    const figure = this.#figure;
    if (figure instanceof LiveFigure) figure.show(series, at);
    else if (figure && performance.now() - this.#readAt > EVERY_MS) this.#read(figure, at);
  }

  /** @param {PastFigure} figure @param {number} at */
  async #read(figure, at) {
    this.#readAt = performance.now();
    const mine = ++this.#asked;
    const seconds = RANGES.find(([name]) => name === this.range)?.[2] ?? HOUR;
    try {
      const query = new URLSearchParams({ since: String(at - seconds), until: String(at) });
      const found = await call("GET", `/v1/history/figures?${query}`);
      if (mine !== this.#asked) return;
      figure.show(found.steps, found.step, [found.since, found.until]);
      this.said.textContent = "";
    } catch (problem) {
      if (mine === this.#asked) this.said.textContent = problem instanceof Error ? problem.message : String(problem);
    }
  }
}

/** The chart of the last minutes. */
class LiveFigure {
  /** @type {import("../pages/plots.js").Plot | undefined} */
  #plot;
  /** @type {[times: number[], lines: Numbers[], span: [number, number]] | undefined} */
  #last;
  #sentence = "";

  /** @param {Chart} chart @param {HTMLElement} where */
  constructor(chart, where) {
    this.chart = chart;
    const parts = figureParts({ title: t(chart.title, chart.times), lines: chart.lines.map((line) => ({ ...line, title: t(line.title) })) });
    this.place = parts.place;
    this.caption = parts.caption;
    this.values = parts.values;
    where.append(parts.figure);
  }

  /** @param {typeof import("../pages/plots.js").Plot} Plot what draws */
  draw(Plot) {
    this.#plot = new Plot(this.place, { ...this.chart, height: HEIGHT }, (values, index) => this.#say(values, index));
    if (this.#last) this.#plot.set(...this.#last);
  }

  /** @param {Series} series @param {number} at */
  show(series, at) {
    const { times: all, lines: given, said } = this.chart.read(series, at);
    const [times, lines] = broken(all, given, this.chart.gap);
    this.#last = [times, lines, [series.since(at), at]];
    this.#sentence = said;
    this.#plot?.set(...this.#last);
    this.place.setAttribute("aria-label", t("jobs.last_minutes", { title: t(this.chart.title, this.chart.times), said }));
    if (!this.#plot?.isPointedAt) this.#say(lines.map((line) => line.at(-1)), undefined);
  }

  /**
   * Show the current values, or those under the pointer and their time.
   * @param {(number | null | undefined)[]} values @param {number | undefined} index
   */
  #say(values, index) {
    for (const [place, where] of this.values.entries()) {
      const value = values[place];
      const said = value === null || value === undefined ? "–" : this.chart.text(value);
      // The value of now is that of the latest step, not of all that is drawn.
      const text = index === undefined && this.chart.step ? t("charts.latest", { value: said, step: duration(this.chart.step) }) : said;
      if (where.textContent !== text) where.textContent = text;
    }
    const time = index === undefined ? undefined : this.#last?.[0][index];
    const words = time === undefined ? this.#sentence : t("jobs.pointed_at", { time: clock.format(time * 1000) });
    if (this.caption.textContent !== words) this.caption.textContent = words;
  }
}

/** @type {Promise<typeof import("../pages/plots.js")> | undefined} */
let loading;

/** Load the module that draws when it is needed, from the path in the page. @param {HTMLElement} where */
function load(where) {
  loading ??= import(resolved(where.dataset["plots"] ?? ""));
  return loading;
}
