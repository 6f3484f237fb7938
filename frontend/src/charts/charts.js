/** The charts of the page of jobs: figures with a sentence each; drawn only where they are seen. */

import { figureParts } from "./figure_parts.js";
import { ahead } from "../ui/api.js";
import { duration } from "../ui/format.js";
import { element } from "../ui/element.js";
import { resolved } from "../ui/root.js";
import * as sentences from "./sentences.js";
import { Series, SPAN, STEP } from "./series.js";
import { COUNTS, RATES, SECONDS } from "./ticks.js";

/** @typedef {import("../channel/channel.js").Message} Message */
/** @typedef {import("./series.js").Numbers} Numbers */
/**
 * @typedef {object} Line
 * @property {string} title
 * @property {string} color name of a color of the style sheet
 * @property {number[]} [dash] so that lines are told apart without their colors
 */
/**
 * @typedef {object} Chart
 * @property {string} title
 * @property {Line[]} lines
 * @property {(value: number) => string} text of a value
 * @property {number} [high] end of the scale
 * @property {number[]} [incrs] steps that ticks may go in
 * @property {boolean} [dots] each value for itself
 * @property {(series: Series, now: number) => { times: number[], lines: Numbers[], said: string }} read
 */

const KEY = "fluxapi.charts";
/** Milliseconds between two drawings. */
const EVERY = 500;
/** Where charts are shown to those who never said whether they want them. */
const ROOMY = "(width >= 64rem) and (height >= 56rem)";

/** @type {Chart[]} */
const CHARTS = [
  {
    title: "In use",
    lines: [{ title: "Cores", color: "running" }, { title: "Nodes", color: "success", dash: [6, 4] }],
    text: (value) => `${Math.round(value)}%`,
    high: 100,
    read: (series) => {
      const { times, cores, nodes } = series.use();
      return { times, lines: [cores, nodes], said: sentences.use(series) };
    },
  },
  {
    title: "Jobs by state",
    lines: [{ title: "Pending", color: "waiting", dash: [6, 4] }, { title: "Running", color: "running" }],
    text: (value) => value.toLocaleString(),
    incrs: COUNTS,
    read: (series) => {
      const { times, pending, running } = series.states();
      return { times, lines: [pending, running], said: sentences.states(series) };
    },
  },
  {
    title: "Jobs a second",
    lines: [{ title: "Submitted", color: "waiting", dash: [6, 4] }, { title: "Ended", color: "success" }],
    text: sentences.brief,
    incrs: RATES,
    read: (series, now) => {
      const rates = series.rates(now);
      return { times: rates.times, lines: [rates.submitted, rates.ended], said: sentences.rates(rates, STEP) };
    },
  },
  {
    title: "Wait until start",
    lines: [{ title: "Median", color: "running" }],
    text: duration,
    incrs: SECONDS,
    dots: true,
    read: (series, now) => {
      const waits = series.waits(now);
      return { times: waits.times, lines: [waits.median], said: sentences.waits(waits) };
    },
  },
];

export class Charts {
  series = new Series();
  #isStale = true;
  /** @type {Figure[] | undefined} */
  #figures;

  /**
   * @param {HTMLDetailsElement} where
   * @param {import("../table/rows.js").Rows} rows those that the page has
   * @param {string} instance by which figures of another one are told
   */
  constructor(where, rows, instance) {
    this.where = where;
    this.rows = rows;
    // The rows tell less of the past than figures did: what was drawn once is drawn so again.
    this.series.samples = recall(instance, now());
    addEventListener("pagehide", () => remember(instance, this.series.samples));
    for (const it of rows.all.values()) this.series.note(undefined, it);
    where.open = wanted() ?? matchMedia(ROOMY).matches;
    // The browser says that it is open by an event of its own: only a click is a wish.
    where.querySelector("summary")?.addEventListener("click", () => want(!where.open));
    where.addEventListener("toggle", () => this.draw());
    setInterval(() => {
      if (this.#isStale) this.draw();
    }, EVERY);
    this.draw();
  }

  /** What a stream of jobs says, before the rows take it.
   * @param {Message} message
   */
  note(message) {
    const records = message.type === "snapshot" ? message["jobs"] : message.type === "job" ? [message] : [];
    for (const record of records) this.series.note(this.rows.all.get(record.id), times(record));
    if (message.type === "bookmark" && this.series.hasGap(now())) this.series.fill(this.rows.all.values(), now());
    this.#isStale = true;
  }

  /** What the stream of figures says.
   * @param {Message} message
   */
  take(message) {
    if (message.type !== "stats") return;
    this.series.take(message, now());
    this.#isStale = true;
  }

  draw() {
    if (!this.where.open || document.hidden) return;
    this.#isStale = false;
    this.#figures ??= CHARTS.map((chart) => new Figure(chart, this.where));
    for (const figure of this.#figures) figure.draw(this.series, now());
  }
}

/** Of a record, what the charts need. @param {Record<string, any>} record */
function times({ t_submit = NaN, t_run = NaN, t_cleanup = NaN, t_inactive = NaN, ncores = NaN }) {
  return { t_submit, t_run, t_cleanup, t_inactive, ncores };
}

const now = () => Date.now() / 1000 + ahead;

const SAMPLES = "fluxapi.samples";

/** The figures of the last minutes that this tab has seen. @param {string} instance @param {number} at */
function recall(instance, at) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(SAMPLES) ?? "{}");
    return kept.instance === instance ? kept.samples.filter((/** @type {any} */ { t }) => t >= at - SPAN && t <= at) : [];
  } catch {
    return [];
  }
}

/** @param {string} instance @param {import("./series.js").Sample[]} samples */
function remember(instance, samples) {
  try {
    sessionStorage.setItem(SAMPLES, JSON.stringify({ instance, samples }));
  } catch {
    // A browser that keeps nothing draws what the rows tell.
  }
}

/** @returns {boolean | undefined} */
function wanted() {
  try {
    const kept = localStorage.getItem(KEY);
    return kept === null ? undefined : kept === "open";
  } catch {
    return undefined;
  }
}

/** @param {boolean} open */
function want(open) {
  try {
    localStorage.setItem(KEY, open ? "open" : "closed");
  } catch {
    // A browser that keeps nothing asks again.
  }
}

/** One chart with its legend and its sentence. */
class Figure {
  /** @type {import("../pages/plots.js").Plot | undefined} */
  #plot;
  /** @type {HTMLElement[]} */
  #values = [];

  /** @param {Chart} chart @param {HTMLElement} where */
  constructor(chart, where) {
    this.chart = chart;
    const parts = figureParts(chart);
    this.plot = parts.place;
    this.sentence = parts.caption;
    this.#values = parts.values;
    let place = where.querySelector(".figures-of-charts");
    if (!place) {
      place = element("div", { className: "figures-of-charts" });
      where.append(place);
    }
    place.append(parts.figure);
    // Without what draws, the sentences are there.
    load(where).then(({ Plot }) => {
      this.#plot = new Plot(this.plot, chart, (values) => this.#say(values));
      if (this.#last) this.#plot.set(...this.#last);
    }, () => {
      this.plot.hidden = true;
    });
  }

  /** @type {[times: number[], lines: Numbers[], span: [number, number]] | undefined} */
  #last;

  /** @param {import("./series.js").Series} series @param {number} at */
  draw(series, at) {
    const { times, lines, said } = this.chart.read(series, at);
    this.#last = [times, lines, [series.since(at), at]];
    this.#plot?.set(...this.#last);
    if (this.sentence.textContent !== said) this.sentence.textContent = said;
    this.plot.setAttribute("aria-label", `${this.chart.title}, the last minutes: ${said}`);
    if (!this.#plot?.isPointedAt) this.#say(lines.map((line) => line.at(-1)));
  }

  /** The values beside the legend: those of now, or those that are pointed at.
   * @param {(number | null | undefined)[]} values
   */
  #say(values) {
    for (const [index, where] of this.#values.entries()) {
      const value = values[index];
      const text = value === null || value === undefined ? "–" : this.chart.text(value);
      if (where.textContent !== text) where.textContent = text;
    }
  }
}

/** @type {Promise<typeof import("../pages/plots.js")> | undefined} */
let loading;

/** What draws is loaded once it is needed, from where the page says. @param {HTMLElement} where */
function load(where) {
  loading ??= import(resolved(where.dataset["plots"] ?? ""));
  return loading;
}
