/** The rows that open below a job: the jobs that it waits for, or those of the instance that it is. */

import { call } from "../ui/api.js";
import { at, instance, within } from "../ui/root.js";
import { t } from "../ui/words.js";
import { row as rowOf } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/**
 * @typedef {object} Place
 * @property {string} label what stands as its id
 * @property {string} href of its page
 * @property {"after" | "inside" | "words"} kind a job that is waited for, one of the instance, a sentence in the column of notes
 */
/** @typedef {Row & { nested: Place }} Nested a row below another one; its id is made of both */

/** Jobs of an instance that are listed; its page has all. */
const MAX_JOBS = 20;
/** Milliseconds after which the jobs of an open instance are asked for again. */
const FRESH_MS = 3000;

/** @param {Row} row @returns {row is Nested} */
export const isNested = (row) => "nested" in row;

/** Return whether there is something to open below a row. @param {Row} row */
export const opens = (row) => row.isInstance || row.after.length > 0;

/** @param {string} parent @param {Place} place @param {Row} row @returns {Nested} */
function nested(parent, place, row) {
  return { ...row, id: `${parent} ${place.label}`, isInstance: false, after: [], nested: place };
}

export class NestedRows extends EventTarget {
  /** @type {Map<string, { rows: Nested[], at: number }>} by the job that the instance is */
  #instances = new Map();
  /** @type {Map<string, Map<string, string>>} addresses by the job above the rows, and by the ids of the rows */
  #places = new Map();

  /** @param {Map<string, Row>} all the jobs of the table */
  constructor(all) {
    super();
    this.all = all;
  }

  /** Return the rows below a job that is open. @param {Row} row @returns {Nested[]} */
  of(row) {
    const rows = [...row.after.map((id) => this.#dependency(row.id, id)), ...(row.isInstance ? this.#jobs(row.id) : [])];
    // Those of rows that were there before are kept no more: the jobs of an instance are always others.
    this.#places.set(row.id, new Map(rows.map((it) => [it.id, it.nested.href])));
    return rows;
  }

  /** Return the address of the page of a row below another one. @param {string} id */
  address(id) {
    return this.#places.get(id.split(" ", 1)[0] ?? "")?.get(id);
  }

  /** Return a row in its latest version. @param {Nested} row @returns {Nested} */
  latest(row) {
    const known = row.nested.kind === "after" ? this.all.get(row.nested.label) : undefined;
    return known && known.revision !== row.revision ? { ...known, id: row.id, isInstance: false, after: [], nested: row.nested } : row;
  }

  /** @param {string} parent @param {string} id @returns {Nested} */
  #dependency(parent, id) {
    const known = this.all.get(id);
    return nested(parent, { label: id, href: at(`/ui/jobs/${id}`), kind: "after" }, known ?? rowOf({ id, revision: 0 }));
  }

  /** @param {string} id @returns {Nested[]} */
  #jobs(id) {
    const known = this.#instances.get(id);
    if (known) return known.rows;
    const rows = [sentence(id, t("jobs.instance_loading"))];
    this.#instances.set(id, { rows, at: -Infinity });
    this.#read(id);
    return rows;
  }

  /** Forget the rows below jobs that are not open, and ask again for the jobs of instances that are. @param {Set<string>} open */
  refresh(open) {
    for (const id of this.#places.keys()) if (!open.has(id)) this.#places.delete(id);
    for (const [id, { at: when }] of this.#instances) {
      if (!open.has(id) || !this.all.get(id)?.isInstance) this.#instances.delete(id);
      else if (performance.now() - when > FRESH_MS) this.#read(id);
    }
  }

  /** @param {string} id */
  async #read(id) {
    const path = [instance(), id].filter(Boolean).join("/");
    const before = this.#instances.get(id);
    if (before) before.at = performance.now();
    let rows;
    try {
      const found = await call("GET", `/v1/instances/${path}/jobs?limit=${MAX_JOBS}`);
      rows = found.jobs.map((/** @type {any} */ record) => nested(id, { label: record.id, href: `${within(id)}/jobs/${record.id}`, kind: "inside" }, inside(record)));
      if (!rows.length) rows = [sentence(id, t("jobs.instance_empty"))];
      else if (found.next) rows.push(sentence(id, t("jobs.instance_more", { count: MAX_JOBS })));
    } catch (problem) {
      rows = [sentence(id, problem instanceof Error ? problem.message : String(problem))];
    }
    if (!this.#instances.has(id)) return;
    this.#instances.set(id, { rows, at: performance.now() });
    this.dispatchEvent(new Event("change"));
  }
}

/** Return the row of a job of another instance: the service knows what is free there. @param {Record<string, any>} record @returns {Row} */
const inside = (record) => ({ ...rowOf(record), reason: record["reason"] ?? "" });

/** Return a row with a sentence, and with a link to the page of the instance. @param {string} parent @param {string} words @returns {Nested} */
function sentence(parent, words) {
  return { ...nested(parent, { label: t("instances.instance"), href: within(parent), kind: "words" }, rowOf({ id: parent, revision: words.length })), note: words };
}
