/** Formats of moments in the zone that the reader chose: that of the browser, or UTC. */

import { preference } from "./preferences.js";
import { locale } from "./words.js";

/** True if the reader chose UTC. */
export const isUtc = preference("times") === "utc";
const timeZone = isUtc ? "UTC" : undefined;

/** Return a format of moments in the reader's zone. @param {Intl.DateTimeFormatOptions} options */
export const moments = (options) => new Intl.DateTimeFormat(locale, timeZone ? { ...options, timeZone } : options);

/** Return the name of the zone of all times. */
export const zone = () => timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Return the date whose local parts are those of a moment in the reader's zone. @param {number} seconds since 1970 */
export function shifted(seconds) {
  const date = new Date(seconds * 1000);
  return timeZone ? new Date(date.getTime() + date.getTimezoneOffset() * 60_000) : date;
}

/** Return when a day of the reader's zone begins and ends. @param {number} seconds since 1970, within it @returns {[number, number]} */
export function dayOf(seconds) {
  const date = new Date(seconds * 1000);
  const begin = (/** @type {number} */ later) =>
    isUtc
      ? Date.UTC(date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate() + later)
      : new Date(date.getFullYear(), date.getMonth(), date.getDate() + later).getTime();
  return [begin(0) / 1000, begin(1) / 1000];
}
