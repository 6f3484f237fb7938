/** The drawing of the charts; loaded only when they are opened. */

import uPlot from "uplot";

import { endOf, labels } from "../charts/ticks.js";
import { moments, shifted } from "../ui/times.js";

/** @typedef {import("../charts/series.js").Numbers} Numbers */
/**
 * @typedef {Pick<import("../charts/live.js").Chart, "text" | "high" | "isFine" | "incrs" | "dots"> & { lines: readonly { title: string, color: string, dash?: number[] }[] }} Look
 * @typedef {Look & { height?: number, hasPoints?: boolean | undefined }} Chart hasPoints: each value is a point, and a gap stays one
 */

const HEIGHT = 120;
const DAY = 86_400;
const day = moments({ month: "short", day: "numeric" });
const clock = moments({ hour: "2-digit", minute: "2-digit" });
const FONT = "11px system-ui, sans-serif";
/** Largest ratio of the highest values of two lines on a linear scale; above it the scale is compressed, so that the lower one is read, too. */
const FAR = 30;
/** Ticks of a compressed scale. */
const POWERS = [0, ...[0, 1, 2, 3, 4, 5, 6, 7].map((power) => 10 ** power)];

/** Seconds between two ticks: a clock that shows minutes would show less twice. */
const TICKS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 90 * DAY, 365 * DAY];
/** Pixels that labels take at least, so that the charts begin at about the same place. */
const LEAST = 30;

export class Plot {
  /** @type {import("uplot") | undefined} */
  #made;
  /** @type {[number[], ...Numbers[]]} */
  #data = [[]];
  /** @type {[number, number]} */
  #span = [0, 0];
  #isCompressed = false;
  /** True if a value of another time than now is under the pointer. */
  isPointedAt = false;

  /**
   * @param {HTMLElement} where
   * @param {Chart} chart
   * @param {(values: (number | null | undefined)[], index: number | undefined) => void} say what is pointed at
   */
  constructor(where, chart, say) {
    this.where = where;
    this.chart = chart;
    this.say = say;
    new ResizeObserver(() => this.#fit()).observe(where);
    for (const wish of ["(prefers-color-scheme: dark)", "(prefers-contrast: more)"]) {
      matchMedia(wish).addEventListener("change", () => this.#make());
    }
  }

  /**
   * @param {number[]} times
   * @param {Numbers[]} lines
   * @param {[number, number]} span the time that is shown
   */
  set(times, lines, span) {
    this.#data = [times, ...lines];
    this.#span = span;
    const isCompressed = this.chart.high === undefined && areFar(lines);
    if (isCompressed !== this.#isCompressed) {
      this.#isCompressed = isCompressed;
      this.#make();
    } else if (this.#made) this.#made.setData(/** @type {any} */ (this.#data));
    else this.#make();
  }

  #fit() {
    const width = Math.floor(this.where.clientWidth);
    if (!width) return;
    if (this.#made) this.#made.setSize({ width, height: this.chart.height ?? HEIGHT });
    else this.#make();
  }

  #make() {
    const width = Math.floor(this.where.clientWidth);
    if (!width || !this.#span[1]) return;
    this.#made?.destroy();
    this.#made = new uPlot(this.#options(width), /** @type {any} */ (this.#data), this.where);
  }

  /** @param {number} width @returns {import("uplot").Options} */
  #options(width) {
    const color = (/** @type {string} */ name) => resolved(this.where, name);
    const { chart } = this;
    const { incrs } = chart;
    const axis = { stroke: color("text-muted"), font: FONT, grid: { stroke: color("border"), width: 1 }, ticks: { show: false } };
    return {
      width,
      height: chart.height ?? HEIGHT,
      // Half of a time has room beside the last tick.
      padding: [8, 30, 0, 0],
      legend: { show: false },
      tzDate: shifted,
      // The line stands where the values are that are told.
      cursor: { y: false, drag: { x: false, y: false }, move: (plot, left, top) => [left < 0 ? left : plot.valToPos(plot.data[0][plot.posToIdx(left)] ?? NaN, "x"), top] },
      scales: {
        x: { time: true, range: () => this.#span },
        y: {
          ...(this.#isCompressed ? { distr: 4, asinh: 1 } : {}),
          range: (_plot, _low, high) => [0, endOf(chart, high)],
        },
      },
      axes: [
        { ...axis, size: 24, gap: 6, space: 70, incrs: TICKS, values: (_plot, splits) => splits.map(moment) },
        {
          ...axis, gap: 4, space: 28, ...(incrs ? { incrs } : {}),
          ...(this.#isCompressed ? { splits: (_plot, _axis, _low, high) => powers(high), filter: (_plot, splits) => splits } : {}),
          values: (_plot, splits) => labels(splits, chart.text),
          size: (plot, texts) => width_of(plot.ctx, texts ?? []) + 8,
        },
      ],
      series: [
        {},
        ...chart.lines.map((line, index) => ({
          label: line.title,
          stroke: color(line.color),
          width: 1.75,
          spanGaps: chart.dots === true,
          points: { show: chart.dots === true || chart.hasPoints === true, filter: alone, size: 5, fill: color(line.color) },
          ...(line.dash ? { dash: line.dash } : {}),
          ...(index === 0 && !line.dash ? { fill: color(line.color).replace(/^rgb\((.*)\)$/, "rgba($1, 0.15)") } : {}),
        })),
      ],
      hooks: {
        setCursor: [
          (plot) => {
            const at = plot.cursor.idx;
            this.isPointedAt = at !== null && at !== undefined && (plot.cursor.left ?? -1) >= 0;
            const index = this.isPointedAt ? /** @type {number} */ (at) : this.#data[0].length - 1;
            this.say(this.#data.slice(1).map((line) => line[index]), this.isPointedAt ? index : undefined);
          },
        ],
      },
    };
  }
}

/**
 * Return the values of a line without neighbors: without a point, they would not be seen.
 * @param {import("uplot")} plot @param {number} line @param {boolean} hasPoints
 */
function alone(plot, line, hasPoints) {
  if (hasPoints) return null;
  const values = plot.data[line] ?? [];
  /** @param {number} at */
  const has = (at) => values[at] !== null && values[at] !== undefined;
  return [...values.keys()].filter((at) => has(at) && !has(at - 1) && !has(at + 1));
}

/** Return whether the highest values of two lines are far from each other. @param {Numbers[]} lines */
function areFar(lines) {
  const highs = lines.map((line) => line.reduce((/** @type {number} */ high, it) => Math.max(high, it ?? 0), 0)).filter(Boolean);
  return highs.length > 1 && Math.max(...highs) > FAR * Math.min(...highs);
}

/** Return some of the ticks of a compressed scale. @param {number} high */
function powers(high) {
  const found = POWERS.filter((it) => it <= high);
  const every = Math.ceil(found.length / 5);
  return found.filter((_it, index) => (found.length - 1 - index) % every === 0);
}

/** Format a time as the label of a tick: the day at midnight. @param {number} seconds since 1970 */
function moment(seconds) {
  const local = shifted(seconds);
  return (local.getHours() || local.getMinutes() ? clock : day).format(seconds * 1000);
}

/** Return the width of the widest label, in pixels. @param {CanvasRenderingContext2D} canvas @param {string[]} texts */
function width_of(canvas, texts) {
  canvas.save();
  canvas.font = FONT;
  const widths = texts.map((text) => canvas.measureText(text).width);
  canvas.restore();
  return Math.ceil(Math.max(LEAST, ...widths));
}

/**
 * Return a color of the style sheet as the canvas takes it.
 * @param {HTMLElement} where @param {string} name
 */
function resolved(where, name) {
  const probe = document.createElement("span");
  probe.style.color = `var(--${name})`;
  where.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
