/** The rows of a view as a file, made piece by piece so that the page goes on meanwhile. */

import { element } from "../ui/element.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

/** Rows that are written before the page gets its turn. */
const PIECE = 1000;
/**
 * The beginning of a formula; a spreadsheet that separates by another sign than the comma begins a
 * cell after that sign. Some remove blanks before it, and characters that have no width, as fluxapi/archive/export.py says.
 */
const FORMULA = /(^|[;|\t\r\n])([ \xa0\u2000-\u200f\u2028-\u202f\u2060-\u2069\u3000\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g;
const NUMBER = /^-?\d+(\.\d+)?$/;

/** Format a value of a table of comma-separated values (RFC 4180). @param {string | number} value */
export function cell(value) {
  const text = String(value);
  const safe = NUMBER.test(text) ? text : text.replace(FORMULA, "$1'$2").replace(/^[\t\r\n]/, "'$&");
  return /[",;|\t\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** Columns that a program needs, whichever the reader looks at: how a job ended, and its group. */
const ADDED = new Set(["returncode", "ended", "group"]);

/**
 * The columns of a file: those that are shown, and the end and the group of the jobs, if they have any.
 * @param {import("./column_settings.js").Choice} choice @param {Row[]} rows @param {number} now
 * @returns {Column[]}
 */
export function columnsOf({ all, columns }, rows, now) {
  const shown = new Set(columns);
  const isFilled = (/** @type {Column} */ { text, value = text }) => rows.some((row) => value(row, now) !== "");
  const chosen = all.filter((column) => shown.has(column) || (ADDED.has(column.key) && isFilled(column)));
  // A column without a value is none.
  return chosen.map(({ beside, ...column }) => (beside && rows.some((row) => beside.value(row)) ? { ...column, beside } : column));
}

/** @param {Column[]} columns @param {number} now @returns {{ head: string, line: (row: Row) => string, tail: string }} */
export function csv(columns, now) {
  const line = (/** @type {(string | number)[]} */ values) => `${values.map(cell).join(",")}\r\n`;
  return {
    head: line(columns.flatMap(({ title, beside }) => (beside ? [title, beside.title] : [title]))),
    line: (row) =>
      line(
        columns.flatMap(({ text, value = text, beside }) => (beside ? [value(row, now), beside.value(row)] : [value(row, now)])),
      ),
    tail: "",
  };
}

/** The rows in the words of the API, one a line; what is not known is left out. @param {number} now */
export function json(now) {
  let between = "";
  return {
    head: "[",
    line: (/** @type {Row} */ row) => {
      const { estimate: _estimate, isInstance: _isInstance, blamed: _blamed, ...rest } = row;
      const runtime = (Number.isNaN(row.t_cleanup) ? now : row.t_cleanup) - row.t_run;
      const known = Object.entries({ ...rest, runtime }).filter(([, value]) => value !== "" && !Number.isNaN(value));
      const text = `${between}\n${JSON.stringify(Object.fromEntries(known))}`;
      between = ",";
      return text;
    },
    tail: "\n]\n",
  };
}

/**
 * @param {Row[]} rows
 * @param {{ head: string, line: (row: Row) => string, tail: string }} form
 * @param {() => Promise<void>} pause lets the page have its turn
 */
export async function write(rows, { head, line, tail }, pause = turn) {
  const parts = [head];
  for (let at = 0; at < rows.length; at += PIECE) {
    parts.push(rows.slice(at, at + PIECE).map(line).join(""));
    await pause();
  }
  parts.push(tail);
  return parts;
}

/** @returns {Promise<void>} */
const turn = () => new Promise((done) => setTimeout(done));

/** @param {string} name @param {string} type @param {string[]} parts */
export function save(name, type, parts) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  element("a", { href: url, download: name }).click();
  // The browser has begun to read it by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
