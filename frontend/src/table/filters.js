/** Which jobs a page shows: kept in its address, so that a view can be sent to a colleague. */
import { FILTERED, TABLE } from "./column_table.js";
import { hosts } from "../ui/hosts.js";
import { GROUPS, RESULTS, STATES } from "../ui/states.js";

/** @typedef {import("./rows.js").Row} Row */

const FIELDS = ["state", "result", ...FILTERED.map(({ name }) => name), "text"];

/** @typedef {Record<string, string>} Filters by the name of their field */

/** Columns that the field "Find" searches, besides that of the notes. */
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
    if (value.endsWith("*")) return (text) => text.startsWith(value.slice(0, -1));
    const part = folded(value);
    return (text) => folded(text).includes(part);
  },
};

const STATE_FILTERS = new Set([...STATES, ...Object.keys(GROUPS)]);
const RESULT_FILTERS = new Set(RESULTS);

/**
 * Say what of a view there is no such thing as; the service refuses the same.
 * @param {Filters} filters
 * @returns {("state" | "result")[]}
 */
export function refused(filters) {
  const names = /** @type {const} */ ([["state", STATE_FILTERS], ["result", RESULT_FILTERS]]);
  return names.flatMap(([name, known]) =>
    (filters[name] ?? "").split(",").every((word) => !word || known.has(word.trim().toUpperCase())) ? [] : [name],
  );
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
  return found;
}

/**
 * The address of a view.
 * @param {Filters} filters
 * @param {{ key: string, down: boolean }} order
 */
export function write(filters, order) {
  const query = new URLSearchParams();
  for (const field of FIELDS) if (filters[field]) query.set(field, filters[field]);
  if (order.key !== "id" || !order.down) query.set("sort", order.down ? `-${order.key}` : order.key);
  return query.toString();
}

/** Flux shows ids with ƒ, the API with f: whichever is pasted is found. @param {string} text */
const folded = (text) => text.toLowerCase().replaceAll("ƒ", "f");

/**
 * A test of rows, or nothing when every row passes.
 * @param {Filters} filters
 * @param {(row: Row) => string} [note] what is shown of a row as its note
 * @returns {((row: Row) => boolean) | undefined}
 */
export function test(filters, note = (row) => row.note) {
  /** @type {((row: Row) => boolean)[]} */
  const tests = [];
  const { state, result } = filters;
  const text = filters["text"]?.trim();
  if (state) {
    const states = new Set(state.toUpperCase().split(",").flatMap((word) => GROUPS[word] ?? [word]));
    tests.push((row) => states.has(row.state));
  }
  if (result) {
    const results = new Set(result.toUpperCase().split(","));
    tests.push((row) => results.has(row.result));
  }
  for (const { name, field, match } of FILTERED) {
    const value = filters[name]?.trim();
    const passes = value && MATCHES[match]?.(value);
    if (passes) tests.push((row) => passes(/** @type {any} */ (row)[field], row));
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
