/** Times in the filters of a view, as fluxapi/model/view_time.py reads them, by the same cases; days are those of the reader's zone. */

import { zone } from "../ui/times.js";

const MAX_CHARS = 64;
/** The largest time that the API takes. */
const MAX_SECONDS = 1e11;
const UNITS = /** @type {Record<string, number>} */ ({ w: 604_800, d: 86_400, h: 3600, m: 60, s: 1 });
const WORDS = /** @type {Record<string, number>} */ ({ today: 0, yesterday: 1 });
const DURATION = /^-?(?:\d+(?:\.\d+)?[wdhms])+$/;
const PART = /(\d+(?:\.\d+)?)([wdhms])/g;
const NUMBER = /^\d+(?:\.\d+)?$/;
const DAY = /^(\d{4})-(\d{2})-(\d{2})$/;
const MOMENT = /^(\d{4})-(\d{2})-(\d{2})[T ](\d{2}):(\d{2})(?::(\d{2}))?(Z|[+-]\d{2}:\d{2})?$/;

/** Return whether a text is a duration before now, whose time moves on. @param {string} text */
export const moves = (text) => DURATION.test(text.trim());

/**
 * Return the seconds since 1970 that a text means, or nothing for an invalid one.
 * @param {string} text
 * @param {number} now seconds since 1970
 * @param {boolean} [isEnd] it ends a range, so a day counts to its end
 * @returns {number | undefined}
 */
export function viewTime(text, now, isEnd = false) {
  const it = text.trim();
  if (it.length > MAX_CHARS) return undefined;
  const found = DURATION.test(it) ? before(it, now) : at(it, now, isEnd);
  return found !== undefined && found >= 0 && found <= MAX_SECONDS ? found : undefined;
}

/** @param {string} text @param {number} now */
function before(text, now) {
  let seconds = 0;
  for (const [, count = "", unit = ""] of text.matchAll(PART)) seconds += Number(count) * (UNITS[unit] ?? 0);
  return Math.max(now - seconds, 0);
}

/** @param {string} text @param {number} now @param {boolean} isEnd @returns {number | undefined} */
function at(text, now, isEnd) {
  if (NUMBER.test(text)) return Number(text);
  const isUtc = zone() === "UTC";
  /** @param {[number, number, number, number?, number?, number?]} parts */
  const seconds = (...parts) => (isUtc ? Date.UTC(...parts) : new Date(...parts).getTime()) / 1000;
  if (Object.hasOwn(WORDS, text)) {
    const today = new Date(now * 1000);
    const shift = Number(isEnd) - (WORDS[text] ?? 0);
    if (isUtc) return seconds(today.getUTCFullYear(), today.getUTCMonth(), today.getUTCDate() + shift);
    return seconds(today.getFullYear(), today.getMonth(), today.getDate() + shift);
  }
  const [, ...parts] = DAY.exec(text) ?? MOMENT.exec(text) ?? [];
  if (!parts.length) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts.slice(0, 6).map((it) => Number(it ?? 0));
  const made = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const isReal = made.getUTCMonth() === month - 1 && made.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
  // Dates of the first century are those of the twentieth to a Date; all before 1970 are none.
  if (!isReal || year < 100) return undefined;
  if (parts.length === 3) return seconds(year, month - 1, day + Number(isEnd));
  if (parts[6]) {
    const parsed = Date.parse(text.replace(" ", "T")) / 1000;
    return Number.isNaN(parsed) ? undefined : parsed;
  }
  return seconds(year, month - 1, day, hour, minute, second);
}
