/** A line of the last minutes as small as a word; where values are missing there is a gap. */

/** @typedef {import("./series.js").Numbers} Numbers */

const SVG = "http://www.w3.org/2000/svg";
export const WIDTH = 72;
export const HEIGHT = 24;
/** Points that are drawn of a line: more than pixels nobody sees. */
const MAX_POINTS = WIDTH;

/**
 * Return the path of a line. Each line has a scale of its own, so that small numbers can be read
 * beside large ones.
 * @param {number[]} times
 * @param {Numbers} values
 * @param {[number, number]} span
 * @param {{ gap: number, high?: number | undefined }} how gap: a longer time between two values, in seconds, is a gap; high: end of the scale
 */
export function path(times, values, [from, to], { gap, high }) {
  const top = high ?? Math.max(1e-9, ...values.map((value) => value ?? 0));
  const x = (/** @type {number} */ t) => (((t - from) / (to - from)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT - 1.5 - (Math.min(value / top, 1) * (HEIGHT - 3))).toFixed(1);
  let text = "";
  let last = -Infinity;
  let column = -1;
  let count = 0;
  for (const [index, t] of times.entries()) {
    const value = values[index];
    if (value === null || value === undefined || t < from || t > to) continue;
    const place = Math.floor(((t - from) / (to - from)) * MAX_POINTS);
    const isLast = index === times.length - 1;
    if (place === column && t - last <= gap && !isLast) continue;
    column = place;
    count++;
    text += !text || t - last > gap ? `M${x(t)} ${y(value)}h.01` : `L${x(t)} ${y(value)}`;
    last = t;
  }
  // One value alone would be a dot, and read as one behind the words.
  return count > 1 ? text : "";
}

/** The picture of some lines, told in words elsewhere. */
export class Sparkline {
  /** @param {readonly { color: string, dash?: unknown }[]} lines */
  constructor(lines) {
    this.element = document.createElementNS(SVG, "svg");
    this.element.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    this.element.setAttribute("class", "sparkline");
    this.element.setAttribute("aria-hidden", "true");
    this.paths = lines.map(({ color, dash }) => {
      const line = document.createElementNS(SVG, "path");
      line.setAttribute("data-color", color);
      if (dash) line.setAttribute("class", "dashed");
      this.element.append(line);
      return line;
    });
  }

  /** @param {string[]} paths */
  draw(paths) {
    for (const [index, line] of this.paths.entries()) {
      const text = paths[index] ?? "";
      if (line.getAttribute("d") !== text) line.setAttribute("d", text);
    }
  }
}
