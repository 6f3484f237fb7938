/** Values as people read them. */

const UNITS = /** @type {const} */ ([
  [86400, "d"],
  [3600, "h"],
  [60, "m"],
]);

/** Seconds in at most two units: 3.2s, 4m 5s, 2d 3h; empty for what is not known.
 * @param {number} seconds
 */
export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) return "";
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  if (seconds < 60) return `${Math.floor(seconds)}s`;
  for (const [index, [size, unit]] of UNITS.entries()) {
    if (seconds < size) continue;
    const [below, smaller] = UNITS[index + 1] ?? [1, "s"];
    const rest = Math.floor((seconds % size) / below);
    return rest ? `${Math.floor(seconds / size)}${unit} ${rest}${smaller}` : `${Math.floor(seconds / size)}${unit}`;
  }
  return "";
}

/** How long a job has run, or ran, in seconds.
 * @param {import("../table/rows.js").Row} row
 * @param {number} now seconds since 1970
 */
export function runtime(row, now) {
  if (Number.isNaN(row.t_run)) return NaN;
  const end = Number.isNaN(row.t_cleanup) ? now : row.t_cleanup;
  return Math.max(end - row.t_run, 0);
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "long" });

/** A moment in the reader's zone: the time of today, else the day too.
 * @param {number} seconds since 1970
 * @param {number} now
 */
export function moment(seconds, now) {
  if (!Number.isFinite(seconds)) return "";
  return (now - seconds < 12 * 3600 ? clock : day).format(seconds * 1000);
}

/** The same, whole: what a title shows.
 * @param {number} seconds since 1970
 */
export function absolute(seconds) {
  return Number.isFinite(seconds) ? whole.format(seconds * 1000) : "";
}

/** The same for programs: ISO 8601, of which they know the zone.
 * @param {number} seconds since 1970
 */
export function iso(seconds) {
  return Math.abs(seconds) < 8.64e12 ? new Date(seconds * 1000).toISOString() : "";
}

/** @param {number} count */
export function plain(count) {
  return Number.isFinite(count) ? String(count) : "";
}
