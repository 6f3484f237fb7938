/** The charts of the page of jobs: a card with a small line each, of which one opens to a chart below them. */

import { ahead } from "../ui/api.js";
import { element } from "../ui/element.js";
import { t } from "../ui/words.js";
import { CHARTS } from "./live.js";
import { Panel } from "./panel.js";
import { Series, SPAN } from "./series.js";
import { out } from "./sentences.js";
import { path, Sparkline } from "./sparkline.js";

/** @typedef {import("../channel/channel.js").Message} Message */

const KEY = "fluxapi.charts";
/** Milliseconds between two drawings. */
const EVERY = 500;

export class Charts {
  series = new Series();
  #isStale = true;
  /** Nodes that are not up. */
  #down = { count: 0, drained: 0 };

  /**
   * @param {HTMLElement} where for the cards
   * @param {HTMLElement} below for the chart that is open
   * @param {import("../table/rows.js").Rows} rows those that the page has
   * @param {string} instance by which figures of another one are told
   */
  constructor(where, below, rows, instance) {
    this.rows = rows;
    // The rows tell less of the past than figures did: what was drawn once is drawn so again.
    this.series.samples = recall(instance, now());
    addEventListener("pagehide", () => remember(instance, this.series.samples));
    for (const it of rows.all.values()) this.series.note(undefined, it);
    const kept = wanted();
    this.panel = new Panel(below, kept.range ?? "", () => this.#keep());
    this.cards = CHARTS.map((chart) => new Card(chart, () => this.#open(this.panel.key === chart.key ? "" : chart.key)));
    where.replaceChildren(...this.cards.map((card) => card.element));
    this.panel.addEventListener("close", () => this.#open(""));
    if (kept.open) this.#open(kept.open);
    setInterval(() => {
      if (this.#isStale) this.draw();
    }, EVERY);
    this.draw();
  }

  /** @param {string} key of a chart, or nothing to close the one that is open */
  #open(key) {
    const before = this.panel.key;
    this.panel.open(CHARTS.find((chart) => chart.key === key));
    for (const card of this.cards) card.press(card.chart.key === key);
    if (!key) this.cards.find(({ chart }) => chart.key === before)?.element.focus();
    this.#keep();
    this.draw();
  }

  #keep() {
    want({ open: this.panel.key, range: this.panel.range });
  }

  /**
   * Note a message of a stream of jobs, before the rows take it.
   * @param {Message} message
   */
  note(message) {
    const records = message.type === "snapshot" ? message["jobs"] : message.type === "job" ? [message] : [];
    for (const record of records) this.series.note(this.rows.all.get(record.id), times(record));
    if (message.type === "bookmark" && this.series.hasGap(now())) this.series.fill(this.rows.all.values(), now());
    this.#isStale = true;
  }

  /**
   * Take a message of the stream of figures.
   * @param {Message} message
   */
  take(message) {
    if (message.type !== "stats") return;
    this.series.take(message, now());
    const nodes = message["nodes"];
    const { up = 0, drained = 0, draining = 0 } = nodes?.states ?? {};
    this.#down = nodes ? { count: nodes.total - up, drained: drained + draining } : { count: 0, drained: 0 };
    this.#isStale = true;
  }

  draw() {
    if (document.hidden) return;
    this.#isStale = false;
    const at = now();
    for (const card of this.cards) card.draw(this.series, at, this.#down);
    this.panel.draw(this.series, at);
  }
}

/** A small line with what it comes to now; pressed, it opens its chart. */
class Card {
  /** @param {import("./live.js").Chart} chart @param {() => void} pressed */
  constructor(chart, pressed) {
    this.chart = chart;
    this.element = element("button", { type: "button", className: "figure-card" });
    this.element.setAttribute("aria-controls", "chart");
    this.label = element("span", { className: "label", textContent: t(chart.label, chart.times) });
    this.value = element("b", { textContent: "–" });
    this.more = element("span", { className: "wrong" });
    this.line = new Sparkline(chart.lines);
    const words = element("span", { className: "words" });
    words.append(this.label, this.value, this.more);
    this.element.append(words, this.line.element);
    this.element.addEventListener("click", pressed);
    this.press(false);
  }

  /** @param {boolean} isOpen */
  press(isOpen) {
    this.element.setAttribute("aria-expanded", String(isOpen));
  }

  /** @param {Series} series @param {number} at @param {{ count: number, drained: number }} down nodes that are not up, and those of them that are drained or draining */
  draw(series, at, down) {
    const { chart } = this;
    const { times: moments, lines, said } = chart.read(series, at);
    const span = /** @type {[number, number]} */ ([series.since(at), at]);
    this.line.draw(lines.map((line) => path(moments, line, span, { gap: chart.gap, high: chart.high })));
    set(this.value, chart.brief(series, at));
    set(this.more, chart.key === "use" ? out(down) : "");
    if (this.element.title !== said) this.element.title = said;
  }
}

/** @param {HTMLElement} where @param {string} text */
function set(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** Return the times of a record that the charts need. @param {Record<string, any>} record */
function times({ t_submit = NaN, t_run = NaN, t_cleanup = NaN, t_inactive = NaN, ncores = NaN }) {
  return { t_submit, t_run, t_cleanup, t_inactive, ncores };
}

const now = () => Date.now() / 1000 + ahead;

const SAMPLES = "fluxapi.samples";

/** Return the figures of the last minutes that this tab has seen. @param {string} instance @param {number} at */
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

/** Return the chart that was open last, and its range. @returns {{ open?: string, range?: string }} */
function wanted() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return typeof kept === "object" && kept ? kept : {};
  } catch {
    // Kept by another version, or not to be kept at all.
    return {};
  }
}

/** @param {{ open: string, range: string }} kept */
function want(kept) {
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // A browser that keeps nothing asks again.
  }
}
