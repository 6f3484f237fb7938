/** The ticks of the charts: which steps they go in, and what stands beside them. */

/** Steps of what is counted: there is no half of a job. */
export const COUNTS = [1, 2, 5].flatMap((it) => [0, 1, 2, 3, 4, 5].map((power) => it * 10 ** power)).sort((a, b) => a - b);
/** Steps of a number of seconds, in the units that people read. */
export const SECONDS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 432_000, 864_000];
/** Steps of what a second brings: no finer than it is written. */
export const RATES = [0.1, 0.2, 0.5, ...COUNTS];

/** Steps of core hours; below 0.1, they are written with one digit. */
export const HOURS = [0.0001, 0.0002, 0.001, 0.002, 0.01, 0.02, ...RATES];

/**
 * Return the end of a scale, with some room above the highest value.
 * @param {{ high?: number, isFine?: boolean }} chart
 * @param {number} highest value
 */
export function endOf({ high, isFine = false }, highest) {
  return high ?? (Math.max(highest * 1.1, isFine ? 0 : 1) || 1);
}

/** Zeros at the end of a number of seconds. */
const ZEROS = /\.?0+(?=s$)/;

/**
 * Return the labels of ticks, without repetitions and unnecessary digits.
 * @param {number[]} splits
 * @param {(value: number) => string} text
 */
export function labels(splits, text) {
  const texts = splits.map((it) => short(text(Math.abs(it) < 1e-9 ? 0 : it)));
  return texts.map((it, index) => (index > 0 && it === texts[index - 1] ? "" : it));
}

/** @param {string} text */
const short = (text) => (text.includes(".") ? text.replace(ZEROS, "") : text);
