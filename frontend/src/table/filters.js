/** Which jobs a page shows: kept in its address, so that a view can be sent to a colleague. */
import { FILTERED, TABLE } from "./column_table.js";
import { problem, YES } from "./filter_query.js";
import { viewTime } from "./view_time.js";
import { hosts } from "../ui/hosts.js";
import { GROUPS, PENDING } from "../ui/states.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./filter_query.js").Filters} Filters */

const FIELDS = ["state", "result", ...FILTERED.map(({ name }) => name), "since", "until", "ended", "held", "text"];

/** Columns that words are searched in, besides that of the notes. */
const FOUND = TABLE.flatMap(({ kind, found, field }) => (found && field && kind !== "note" ? [field] : []));

/**
 * How a filter by a column compares.
 * @type {Record<string, (value: string) => (text: string, row: Row) => boolean>}
 */
const MATCHES = {
  whole: (value) => (text) => text === value,
  group: (value) => (text, row) => text === value || row.group_name === value,
  host: (value) => (text) => hosts(text).has(value),
  part: (value) => {
    if (value.includes("*")) return pattern(value);
    const part = folded(value);
    return (text) => folded(text).includes(part);
  },
};

/** Return a test by a pattern, in which * stands for any characters: in one go, as fluxapi/table/name_pattern.py does. @param {string} value */
function pattern(value) {
  const parts = value.split("*");
  const [first = "", last = ""] = [parts.shift(), parts.pop()];
  return (/** @type {string} */ text) => {
    if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
    const end = text.length - last.length;
    let place = first.length;
    for (const part of parts) {
      const found = text.indexOf(part, place);
      if (found < 0 || found + part.length > end) return false;
      place = found + part.length;
    }
    return true;
  };
}

/**
 * Say which filters of a view make no sense; the service refuses the same.
 * @param {Filters} filters
 */
export function refused(filters) {
  return Object.entries(filters).flatMap(([key, value]) => (problem({ key, value }) ? [key] : []));
}

/**
 * @param {URLSearchParams} query
 * @returns {Filters}
 */
export function read(query) {
  /** @type {Filters} */
  const found = {};
  for (const field of FIELDS) {
    const values = query.getAll(field).filter(Boolean);
    if (values.length) found[field] = values.join(",");
  }
  const { result, state, ...rest } = found;
  // A result is a word for a state, too.
  return result && !state ? { state: result.toLowerCase(), ...rest } : found;
}

/**
 * Return the address of a view.
 * @param {Filters} filters
 * @param {{ key: string, down: boolean }} order
 */
export function write(filters, order) {
  const query = new URLSearchParams();
  for (const field of FIELDS) if (filters[field]) query.set(field, filters[field]);
  if (order.key !== "id" || !order.down) query.set("sort", order.down ? `-${order.key}` : order.key);
  // Signs that stand for themselves in a query are easier to read.
  return query.toString().replaceAll("%2C", ",").replaceAll("%3A", ":");
}

/** Fold the letter of job IDs: Flux shows them with ƒ, the API with f, and either is found. @param {string} text */
const folded = (text) => text.toLowerCase().replaceAll("ƒ", "f");

/** @param {string} words @returns {Set<string>} states and results */
const members = (words) => new Set(words.toUpperCase().split(",").map((word) => word.trim()).flatMap((word) => GROUPS[word] ?? [word]));

/**
 * Return a test of rows, or nothing if every row passes.
 * @param {Filters} filters
 * @param {(row: Row) => string} [note] what is shown of a row as its note
 * @param {number} [now] seconds since 1970
 * @returns {((row: Row) => boolean) | undefined}
 */
export function test(filters, note = (row) => row.note, now = Date.now() / 1000) {
  /** @type {((row: Row) => boolean)[]} */
  const tests = [];
  const { state, result } = filters;
  const text = filters["text"]?.trim();
  if (state) {
    const states = members(state);
    tests.push((row) => states.has(row.state) || states.has(row.result));
  }
  if (result) {
    const results = members(result);
    tests.push((row) => results.has(row.result));
  }
  for (const { name, field, match } of FILTERED) {
    const value = filters[name]?.trim();
    const passes = value && MATCHES[match]?.(value);
    if (passes) tests.push((row) => passes(/** @type {any} */ (row)[field], row));
  }
  const since = viewTime(filters["since"] ?? "", now);
  if (since !== undefined) tests.push((row) => row.t_submit >= since);
  const until = viewTime(filters["until"] ?? "", now, true);
  if (until !== undefined) tests.push((row) => row.t_submit < until);
  const ended = viewTime(filters["ended"] ?? "", now);
  if (ended !== undefined) {
    // A day is that day, and a duration goes on until now.
    const dayEnd = viewTime(filters["ended"] ?? "", now, true) ?? ended;
    const end = dayEnd > ended ? dayEnd : Infinity;
    tests.push((row) => row.state === "INACTIVE" && row.t_inactive >= ended && row.t_inactive < end);
  }
  if (filters["held"]) {
    const isHeld = YES.has(filters["held"].toLowerCase());
    tests.push((row) => (row.urgency === 0 && PENDING.includes(row.state)) === isHeld);
  }
  if (text) {
    const words = folded(text).split(/\s+/);
    tests.push((row) => {
      let said = note(row);
      for (const field of FOUND) said += `\n${/** @type {any} */ (row)[field]}`;
      said = folded(said);
      return words.every((word) => said.includes(word));
    });
  }
  return tests.length ? (row) => tests.every((passes) => passes(row)) : undefined;
}
