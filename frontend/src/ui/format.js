/** Values as people read them. */

import { dayOf, moments } from "./times.js";
import { t } from "./words.js";

/** Seconds of a unit, the key of its text, and the next smaller unit. */
const UNITS = /** @type {const} */ ([
  [86400, "durations.days", 3600, "durations.hours"],
  [3600, "durations.hours", 60, "durations.minutes"],
  [60, "durations.minutes", 1, "durations.seconds"],
]);

/** Milliseconds of the shortest duration that has no milliseconds in its text. */
const WHOLE_FROM_MS = 10_000;

/**
 * Format a duration as fluxapi/model/duration.py does, by the same cases: 1.234s below ten seconds, else in at most
 * two units: 4m 5s. An unknown duration gives an empty text.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return "";
  const milliseconds = Math.floor(Math.max(seconds, 0) * 1000 + 0.5);
  const whole = Math.floor(milliseconds / 1000);
  const rest = milliseconds % 1000;
  if (milliseconds < WHOLE_FROM_MS && rest) return t("durations.thousandths", { seconds: String(whole), thousandths: String(rest).padStart(3, "0") });
  for (const [size, unit, below, smaller] of UNITS) {
    if (whole < size) continue;
    const large = t(unit, { number: String(Math.floor(whole / size)) });
    const left = Math.floor((whole % size) / below);
    return left ? t("durations.two", { large, small: t(smaller, { number: String(left) }) }) : large;
  }
  return t("durations.seconds", { number: String(whole) });
}

/** Format a duration that still grows: in whole seconds, since it is read once a second.
 * @param {number} seconds
 */
export const growing = (seconds) => duration(Math.floor(seconds));

/**
 * Return how long a job has run, or ran, in seconds.
 * @param {import("../table/rows.js").Row} row
 * @param {number} now seconds since 1970
 */
export function runtime(row, now) {
  if (Number.isNaN(row.t_run)) return NaN;
  const end = Number.isNaN(row.t_cleanup) ? now : row.t_cleanup;
  return Math.max(end - row.t_run, 0);
}

const clock = moments({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
const short = moments({ hour: "2-digit", minute: "2-digit" });
const day = moments({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const dayOfYear = moments({ year: "numeric", month: "short", day: "numeric" });
const momentOfYear = moments({ year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const whole = moments({ dateStyle: "full", timeStyle: "long" });

/** Return whether a time is in this year, which need not be said. @param {Date} date */
const isOfThisYear = (date) => date.getFullYear() === new Date().getFullYear();

/** @type {[number, number]} the day of the last question, since there is one for each row */
let today = [0, 0];

/** Return whether a time is on the same day as now in the reader's zone. @param {number} seconds since 1970 @param {number} now */
export function isToday(seconds, now) {
  if (!(now >= today[0] && now < today[1])) today = dayOf(now);
  return seconds >= today[0] && seconds < today[1];
}

/** Format the time of a day in hours and minutes. @param {number} seconds since 1970 */
export const hour = (seconds) => short.format(seconds * 1000);

/**
 * Format a time in the reader's zone, as short as it can be: the time of today, else the day too,
 * else the day of that year.
 * @param {number} seconds since 1970
 * @param {number} now
 */
export function moment(seconds, now) {
  if (!Number.isFinite(seconds)) return "";
  const date = new Date(seconds * 1000);
  if (isToday(seconds, now)) return clock.format(date);
  return (isOfThisYear(date) ? day : dayOfYear).format(date);
}

/** Format a time with its day, and its year if that is another one. @param {number} seconds since 1970 */
export function dated(seconds) {
  const date = new Date(seconds * 1000);
  return (isOfThisYear(date) ? day : momentOfYear).format(date);
}

/** Format the time from one moment to another, with the year if that is another one. @param {number} begin seconds since 1970 @param {number} end */
export function period(begin, end) {
  const from = new Date(begin * 1000);
  return (isOfThisYear(from) ? day : momentOfYear).formatRange(from, new Date(end * 1000));
}

/**
 * Format the same in full, as a title shows it.
 * @param {number} seconds since 1970
 */
export function absolute(seconds) {
  return Number.isFinite(seconds) ? whole.format(seconds * 1000) : "";
}

/**
 * Format the same for programs: ISO 8601, of which they know the zone.
 * @param {number} seconds since 1970
 */
export function iso(seconds) {
  return Math.abs(seconds) < 8.64e12 ? new Date(seconds * 1000).toISOString() : "";
}

/** @param {number} count */
export function plain(count) {
  return Number.isFinite(count) ? String(count) : "";
}
