/** Formats of moments in the zone that the reader chose: that of the browser, or UTC. */

import { preference } from "./preferences.js";
import { locale } from "./words.js";

const timeZone = preference("times") === "utc" ? "UTC" : undefined;

/** Return a format of moments in the reader's zone. @param {Intl.DateTimeFormatOptions} options */
export const moments = (options) => new Intl.DateTimeFormat(locale, timeZone ? { ...options, timeZone } : options);

/** Return the name of the zone of all times. */
export const zone = () => timeZone ?? new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** Return the date whose local parts are those of a moment in the reader's zone. @param {number} seconds since 1970 */
export function shifted(seconds) {
  const date = new Date(seconds * 1000);
  return timeZone ? new Date(date.getTime() + date.getTimezoneOffset() * 60_000) : date;
}
