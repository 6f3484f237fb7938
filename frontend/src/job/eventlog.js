/** The eventlog of a job as it grows: each entry once, in order, by its index. */

import { element } from "../ui/element.js";
import * as moments from "./timestamps.js";
import { escaped, LONG, SHORT, visible } from "../ui/visible.js";

/** @typedef {{ index?: number, name: string, timestamp: number, context?: Record<string, any> }} Entry */

export const MAX_ENTRIES = 1000;

export class Eventlog {
  /** @type {Entry[]} */
  entries = [];
  /** How many entries are left out before these. */
  skipped = 0;
  /** Index of the next entry that is not here yet. Memos have none. */
  next = 0;

  /**
   * Begin anew with the entries of the eventlog.
   * @param {Entry[]} entries @param {number} skipped how many come before them @param {number} next see above
   */
  fill(entries, skipped, next = indexed(entries)) {
    this.entries = entries.slice();
    this.skipped = skipped;
    this.next = next;
    this.#trim();
  }

  /**
   * @param {Entry} entry
   * @returns {boolean} false if something before it is missing: then it was not taken
   */
  take(entry) {
    if (entry.index !== undefined) {
      if (entry.index < this.next) return true;
      if (entry.index > this.next) return false;
      this.next++;
    } else if (this.entries.some(({ name, timestamp }) => name === entry.name && timestamp === entry.timestamp)) {
      return true;
    }
    this.entries.push(entry);
    this.#trim();
    return true;
  }

  #trim() {
    const excess = this.entries.length - MAX_ENTRIES;
    if (excess <= 0) return;
    this.skipped += this.entries.splice(0, excess).filter((entry) => entry.name !== "annotations").length;
  }
}

/** @param {Entry[]} entries of an eventlog @returns {number} how many of them have an index */
function indexed(entries) {
  return entries.filter(({ name }) => name !== "memo").length;
}

/** A context as `flux job eventlog` writes it. @param {Record<string, any> | undefined} context */
export function details(context) {
  const text = Object.entries(context ?? {})
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join(" ");
  return escaped(text.length > LONG ? `${text.slice(0, LONG)} …` : text);
}

/**
 * All exceptions that the entries tell of; without one, that of the record.
 * @param {Record<string, any>} record
 * @param {Entry[]} entries
 * @returns {{ type: string, note: string, severity: number }[]}
 */
export function exceptions(record, entries) {
  const found = entries.filter((entry) => entry.name === "exception").map((entry) => entry.context ?? {});
  if (!found.length && record["exception"]?.occurred) found.push(record["exception"]);
  return found.map(({ type = "exception", note, severity = 0 }) => ({
    type: visible(String(type), { most: SHORT }),
    note: visible(String(note ?? ""), { lines: true }),
    severity,
  }));
}

/**
 * Write the entries as rows; those that are there already stay.
 * @param {HTMLElement} where
 * @param {Eventlog} log
 * @param {number} start when the job was submitted, seconds since 1970
 */
export function draw(where, log, start) {
  const kept = new Set(log.entries);
  for (const row of [...where.children]) {
    const entry = rows.get(row);
    if (!entry || !kept.delete(entry)) row.remove();
  }
  for (const entry of log.entries) {
    if (!kept.has(entry)) continue;
    const row = element("tr", { role: "row" });
    const after = `+${Math.max(entry.timestamp - start, 0).toFixed(3)}s`;
    const cells = ["", "numeric", "", "details"].map((className) => element("td", { className, role: "cell" }));
    cells[0]?.append(moments.tell(entry.timestamp));
    cells[1]?.append(after);
    cells[2]?.append(element("b", { textContent: visible(entry.name, { most: SHORT }) }));
    if (entry.name === "annotations") cells[2]?.append(element("span", { className: "soft", textContent: " (not kept)" }));
    cells[3]?.append(details(entry.context));
    row.append(...cells);
    rows.set(row, entry);
    where.append(row);
  }
}

/** @type {WeakMap<Element, Entry>} */
const rows = new WeakMap();
