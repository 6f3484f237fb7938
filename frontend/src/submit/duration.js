/** Time limits as people write them, and as the service takes them: a Flux Standard Duration (RFC 23). */

import { t } from "../ui/words.js";

/** Longer texts are no time limit. */
const MAX_LENGTH = 64;
const FSD = /^(?:\d+(?:\.\d*)?|\.\d+)(?:ms|s|m|h|d)?$/;
const UNITS = /** @type {Record<string, number>} */ ({ d: 86_400, h: 3600, m: 60, s: 1, ms: 0.001 });
/** 1d 2h 30m 5s, largest unit first, each at most once. */
const COMPOUND =
  /^(?:(?<d>\d+(?:\.\d+)?) ?(?:d|days?))? ?(?:(?<h>\d+(?:\.\d+)?) ?(?:h|hrs?|hours?))? ?(?:(?<m>\d+(?:\.\d+)?) ?(?:m|mins?|minutes?))? ?(?:(?<s>\d+(?:\.\d+)?) ?(?:s|secs?|seconds?))?$/;
/** As Slurm writes it: minutes:seconds, hours:minutes:seconds, and days- in front. */
const CLOCK = /^(?:(?<days>\d+)-)?(?<first>\d+):(?<second>[0-5]?\d)(?::(?<third>[0-5]?\d))?$/;

/**
 * Return the seconds of a time limit; a number alone is seconds. Undefined for any other text.
 * @param {string} text
 * @returns {number | undefined}
 */
export function seconds(text) {
  const typed = text.trim().toLowerCase();
  if (!typed || typed.length > MAX_LENGTH) return undefined;
  if (FSD.test(typed)) {
    const [, value = "", unit = "s"] = /^([\d.]+)([a-z]*)$/.exec(typed) ?? [];
    return Number(value) * (UNITS[unit || "s"] ?? NaN);
  }
  const clock = CLOCK.exec(typed)?.groups;
  if (clock) {
    const [days, first, second, third] = [clock["days"], clock["first"], clock["second"], clock["third"]].map((it) => Number(it ?? 0));
    // With days in front, the first part is hours.
    const isHours = clock["third"] !== undefined || clock["days"] !== undefined;
    return Number(days) * 86_400 + (isHours ? Number(first) * 3600 + Number(second) * 60 + Number(third) : Number(first) * 60 + Number(second));
  }
  const parts = COMPOUND.exec(typed)?.groups;
  if (!parts) return undefined;
  return Object.entries(parts).reduce((sum, [unit, count]) => sum + Number(count ?? 0) * (UNITS[unit] ?? 0), 0);
}

/**
 * Convert a time limit for the service: a text that the service understands is unchanged, and so is
 * one that nobody does.
 * @param {string} text
 */
export function standard(text) {
  const typed = text.trim();
  if (FSD.test(typed)) return typed;
  const found = seconds(typed);
  return found === undefined ? typed : shortest(found);
}

/** Format a duration as a whole number of its largest unit: 90m, 45s. @param {number} found in seconds */
export function shortest(found) {
  if (!Number.isInteger(found)) return String(found);
  const [unit] = Object.entries(UNITS).find(([, size]) => size >= 1 && found >= size && found % size === 0) ?? ["s"];
  return `${found / (UNITS[unit] ?? 1)}${unit}`;
}

/** Format a duration as people type it, in all its units: 2h30m, 45s. @param {number} found in seconds */
export function compact(found) {
  if (!Number.isInteger(found) || found <= 0) return shortest(found);
  let rest = found;
  let text = "";
  for (const [unit, size] of Object.entries(UNITS)) {
    if (size < 1 || rest < size) continue;
    text += `${Math.floor(rest / size)}${unit}`;
    rest %= size;
  }
  return text;
}

/** Seconds of each unit, and the key of its text. */
const TEXTS = /** @type {const} */ ([
  [86_400, "durations.days"],
  [3600, "durations.hours"],
  [60, "durations.minutes"],
  [1, "durations.seconds"],
]);

/** Format a duration for its reader in all its units: 1d 2h 30m. @param {number} found in seconds */
export function spelled(found) {
  let rest = Number.isInteger(found) ? found : 0;
  let text = "";
  for (const [size, key] of TEXTS) {
    if (rest < size) continue;
    const small = t(key, { number: String(Math.floor(rest / size)) });
    text = text ? t("durations.two", { large: text, small }) : small;
    rest %= size;
  }
  return text || t("durations.seconds", { number: String(found) });
}
