/**
 * The filters of a view as one line of text: `state:failed name:train* since:2h memory`. A word without a key is
 * searched for. The names are those of the API, and of the address.
 */

import { GROUPS, RESULTS, STATES } from "../ui/states.js";
import { viewTime } from "./view_time.js";

/** @typedef {Record<string, string>} Filters by the name of their field */
/** @typedef {{ key: string, value: string }} Token a filter, or a word, whose key is empty */

/** The keys of the filters, in the order in which they are written. */
export const KEYS = ["state", "name", "user", "queue", "group", "node", "since", "until", "ended", "held"];
/** Words for a state: groups of states, results, and the states of RFC 21. */
export const STATE_WORDS = [...Object.keys(GROUPS).slice(0, 2), ...RESULTS, "ACTIVE", ...STATES].map((word) => word.toLowerCase());
const KNOWN_STATES = new Set(STATE_WORDS);
const KNOWN_KEYS = new Set([...KEYS, "result"]);
/** Words of a filter that holds or does not, as the API reads them. */
export const YES = new Set(["yes", "true", "1", "on"]);
const NO = new Set(["no", "false", "0", "off"]);
const TIMES = new Set(["since", "until", "ended"]);
const RESULT_WORDS = new Set(RESULTS.map((word) => word.toLowerCase()));
/** Characters of a field that the API takes. */
const MAX_CHARS = /** @type {Record<string, number>} */ ({ name: 1024, group: 128 });
const MAX_OTHER_CHARS = 256;

/** A filter or a word: KEY:"VALUE WITH SPACES", KEY:VALUE, WORD. */
const TOKEN = /([A-Za-z]+):"((?:[^"\\]|\\.)*)"?|\S+/gs;

/** @param {string} text @returns {Token[]} */
export function tokens(text) {
  return [...text.matchAll(TOKEN)].map(([whole, quoted, inside]) => {
    if (quoted !== undefined && KNOWN_KEYS.has(quoted.toLowerCase())) {
      return { key: quoted.toLowerCase(), value: (inside ?? "").replace(/\\(.)/gs, "$1") };
    }
    const colon = whole.indexOf(":");
    const key = whole.slice(0, Math.max(colon, 0)).toLowerCase();
    return KNOWN_KEYS.has(key) ? { key, value: whole.slice(colon + 1) } : { key: "", value: whole };
  });
}

/** Return the key that a word is meant to have, if one looks mistyped. @param {string} word */
export function meantKey(word) {
  const typed = /^([A-Za-z]{3,20}):\S/.exec(word)?.[1]?.toLowerCase();
  return typed && [...KNOWN_KEYS].find((key) => key.startsWith(typed) || isNear(key, typed));
}

/** Return whether two words differ by one letter, or by the order of two. @param {string} one @param {string} other */
function isNear(one, other) {
  const least = Math.min(one.length, other.length);
  let begin = 0;
  while (begin < least && one[begin] === other[begin]) begin++;
  let end = 0;
  while (end < least - begin && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [left = "", right = ""] = [one, other].map((it) => it.slice(begin, it.length - end));
  return Math.max(left.length, right.length) < 2 || (left.length === 2 && right === [...left].reverse().join(""));
}

/** Say what is wrong with a filter; an empty text if nothing is. @param {Token} token */
export function problem({ key, value }) {
  if (!value) return "empty";
  if (value.length > (MAX_CHARS[key] ?? MAX_OTHER_CHARS)) return "tooLong";
  const words = value.toLowerCase().split(",").filter(Boolean);
  if (key === "state" && !(words.length && words.every((word) => KNOWN_STATES.has(word.trim())))) return "state";
  if (key === "result" && !(words.length && words.every((word) => RESULT_WORDS.has(word.trim())))) return "result";
  if (key === "held" && !YES.has(value.toLowerCase()) && !NO.has(value.toLowerCase())) return "held";
  if (TIMES.has(key) && viewTime(value, Date.now() / 1000, key === "until") === undefined) return "time";
  return "";
}

/**
 * Add a filter to others: a state to those that are there, since one of several may hold, anything else instead.
 * @param {Filters} filters
 * @param {Token} token with a key
 * @returns {Filters}
 */
export function joined(filters, { key, value }) {
  const tidy = key === "state" ? value.toLowerCase() : value;
  const before = filters[key];
  if (key !== "state" || !before) return { ...filters, [key]: tidy };
  return { ...filters, state: [...new Set([...before.toLowerCase().split(","), ...tidy.split(",")])].filter(Boolean).join(",") };
}

/** @param {string} text @returns {{ filters: Filters, wrong: Token[] }} wrong: filters that make no sense */
export function parse(text) {
  /** @type {Filters} */
  let filters = {};
  const wrong = [];
  const words = [];
  for (const token of tokens(text)) {
    if (!token.key) words.push(token.value);
    else if (problem(token)) wrong.push(token);
    else filters = joined(filters, token);
  }
  if (words.length) filters["text"] = words.join(" ").slice(0, MAX_OTHER_CHARS);
  return { filters, wrong };
}

/** Return one filter as it is written. @param {Token} token */
export function written({ key, value }) {
  return /[\s"]/.test(value) ? `${key}:"${value.replace(/["\\]/g, "\\$&")}"` : `${key}:${value}`;
}

/** Return the filters that have a key, in order. @param {Filters} filters @returns {Token[]} */
export function keyed(filters) {
  return ["result", ...KEYS].flatMap((key) => (filters[key] ? [{ key, value: filters[key] }] : []));
}

/** @param {Filters} filters */
export function print(filters) {
  return [...keyed(filters).map(written), ...(filters["text"] ? [filters["text"]] : [])].join(" ");
}
