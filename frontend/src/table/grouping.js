/**
 * The rows of a view in order, in which each group of jobs is one row until it is opened. The cost
 * of a change does not depend on the number of jobs in its group.
 */

import { isNested } from "./nested.js";
import { row as rowOf } from "./rows.js";
import { Order } from "./order.js";
import { atOnce } from "./slices.js";
import { PENDING, RUNNING } from "../ui/states.js";
import { list, t } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/**
 * The figures that the row of a group shows, of the jobs that pass the filters.
 * @typedef {object} Summary
 * @property {number} count
 * @property {number} pending
 * @property {number} running
 * @property {number} completed
 * @property {number} canceled
 * @property {number} failed
 * @property {boolean} isOpen
 * @property {readonly Row[]} waiting some of those that are pending
 */
/** @typedef {Row & { summary: Summary }} Head the row of a group: its id is that of the group */

/** The fewest jobs of a group that has a row of its own. */
const LEAST = 2;

/** The most pending jobs of a group that its row is asked for the reasons of. */
const MAX_WAITING = 20;

/** Rows of a step of work. */
const STEP = 250;

const PENDING_STATES = new Set(PENDING);
const RUNNING_STATES = new Set(RUNNING);

/** @param {Row} row @returns {row is Head} */
export const isHead = (row) => "summary" in row;

/** @param {Row} row @returns {"pending" | "running" | "completed" | "canceled" | "failed"} */
function kind(row) {
  if (PENDING_STATES.has(row.state)) return "pending";
  if (RUNNING_STATES.has(row.state)) return "running";
  if (row.result === "CANCELED") return "canceled";
  return row.result === "COMPLETED" ? "completed" : "failed";
}

/** The jobs of one group that pass the filters. */
class Group {
  /** @type {Map<string, Row>} */
  jobs = new Map();
  /** Those that are pending. @type {Map<string, Row>} */
  waiting = new Map();
  summary = { pending: 0, running: 0, completed: 0, canceled: 0, failed: 0 };
  /** When the last one was submitted. */
  newest = NaN;
  name = "";
  /** True if its jobs have different names. */
  isMixed = false;
  revision = 0;
  /** The state that its row showed last. */
  #state = "";
  /** @type {Row | undefined} the row that stands for it, as it was last shown */
  shown;
  /** @type {Order | undefined} its jobs, while it is open */
  order;

  /** @param {string} id */
  constructor(id) {
    this.id = id;
  }

  /** @param {Row} row */
  add(row) {
    this.jobs.set(row.id, row);
    const its = kind(row);
    if (its === "pending") this.waiting.set(row.id, row);
    this.summary[its]++;
    if (!(this.newest > row.t_submit)) this.newest = row.t_submit;
    if (row.group_name) this.name = row.group_name;
    else if (!this.name) this.name = row.name;
    else if (this.name !== row.name) this.isMixed = true;
  }

  /** @param {Row} row as it was */
  remove(row) {
    this.jobs.delete(row.id);
    this.waiting.delete(row.id);
    this.summary[kind(row)]--;
  }

  /** Return some of the pending jobs, so that the cost does not depend on their number. */
  #some() {
    const some = [];
    for (const row of this.waiting.values()) {
      some.push(row);
      if (some.length >= MAX_WAITING) break;
    }
    return some;
  }

  /** Return the row that stands for it: its only job, or a summary of all. @returns {Row | undefined} */
  row() {
    const [job] = this.jobs.values();
    if (!job || this.jobs.size < LEAST) return job;
    const { summary, id } = this;
    const { username, queue, bank, group, group_name } = job;
    const status = summary.running ? "RUN" : summary.pending ? "SCHED" : summary.failed ? "FAILED" : summary.canceled ? "CANCELED" : "COMPLETED";
    const name = group_name || (this.isMixed ? `${this.name} …` : this.name);
    const shown = { ...summary, count: this.jobs.size, isOpen: this.order !== undefined };
    // A row shows that it has changed only if what it shows has.
    const state = JSON.stringify([shown, name, this.newest, username, queue, bank]);
    if (state !== this.#state) this.revision++;
    this.#state = state;
    return /** @type {Head} */ ({
      ...rowOf({ id, revision: this.revision, status, username, queue, bank, group, group_name }),
      name,
      t_submit: this.newest,
      note: words(summary),
      summary: { ...shown, waiting: this.#some() },
    });
  }
}

const PARTS = /** @type {const} */ ([
  ["failed", "common.count_failures"],
  ["canceled", "common.count_canceled"],
  ["running", "common.count_running"],
  ["pending", "common.count_pending"],
  ["completed", "common.count_completed"],
]);

/** @param {Omit<Summary, "count" | "isOpen" | "waiting">} summary */
function words(summary) {
  return list(PARTS.flatMap(([part, key]) => (summary[part] ? [t(key, { count: summary[part] })] : [])));
}

export class Grouping {
  /** @type {Map<string, Group>} */
  #groups = new Map();
  /** @type {Set<Group>} groups whose row is out of date */
  #stale = new Set();
  /** @type {Row[] | undefined} */
  #rows;

  /**
   * @param {import("./order.js").Key} key
   * @param {boolean} down
   * @param {((row: Row) => boolean) | undefined} test
   * @param {{ isOn: boolean, open: Set<string>, below?: (row: Row) => Row[] }} how open: ids of groups and jobs; it is
   *   changed by {@link toggle}; below: the rows below a job that is open
   */
  constructor(key, down, test, { isOn, open, below = () => [] }) {
    this.#below = below;
    this.#key = key;
    this.#down = down;
    this.#test = test;
    this.#isOn = isOn;
    this.#open = open;
    this.#top = new Order(key, down, undefined);
  }

  #key;
  #down;
  #test;
  #isOn;
  #open;
  #top;
  #below;

  /** How many jobs pass the filters. */
  size = 0;

  /** True if there is a group of several jobs. */
  get hasGroups() {
    for (const group of this.#groups.values()) if (group.jobs.size >= LEAST) return true;
    return false;
  }

  /** Rows of jobs and groups, in order. */
  get rows() {
    if (this.#rows) return this.#rows;
    this.#rows = this.#top.rows;
    if (this.#open.size) {
      this.#rows = [];
      for (const row of this.#top.rows) {
        this.#push(row);
        for (const job of (isHead(row) && this.#groups.get(row.id)?.order?.rows) || []) this.#push(job);
      }
    }
    return this.#rows;
  }

  /** Add a row, and what is open below it. @param {Row} row */
  #push(row) {
    this.#rows?.push(row);
    if (this.#open.has(row.id) && !isHead(row)) for (const it of this.#below(row)) this.#rows?.push(it);
  }

  /** Have the rows below jobs made anew. */
  renew() {
    this.#rows = undefined;
  }

  /** Return the rows of all jobs that pass, also of those in closed groups, in order. @returns {Row[]} */
  jobs() {
    if (!this.#groups.size) return this.#top.rows;
    const rows = [];
    for (const row of this.#top.rows) {
      const group = isHead(row) && this.#groups.get(row.id);
      if (!group) rows.push(row);
      else for (const job of (group.order ?? this.#ordered(group)).rows) rows.push(job);
    }
    return rows;
  }

  /** Take all rows anew. @param {Iterable<Row>} all */
  fill(all) {
    atOnce(this.filling(all));
  }

  /** Take all rows anew, step by step. @param {Iterable<Row>} all */
  *filling(all) {
    this.#groups.clear();
    this.#stale.clear();
    this.size = 0;
    /** @type {Row[]} */
    const rows = [];
    let count = 0;
    for (const row of all) {
      if (++count % STEP === 0) yield;
      if (this.#test && !this.#test(row)) continue;
      this.size++;
      if (this.#isOn && row.group) this.#group(row.group).add(row);
      else rows.push(row);
    }
    for (const group of this.#groups.values()) {
      if (this.#open.has(group.id) && group.jobs.size >= LEAST) group.order = this.#ordered(group);
      group.shown = group.row();
      if (group.shown) rows.push(group.shown);
      yield;
    }
    yield* this.#top.filling(rows);
    this.#rows = undefined;
  }

  /**
   * Apply the change of one row from ``before`` to ``after`` (nothing: it was not there, it is
   * gone). {@link settle} brings the rows of groups up to date.
   * @param {Row | undefined} before
   * @param {Row | undefined} after
   * @returns {boolean} whether rows moved
   */
  change(before, after) {
    const row = before ?? after;
    if (!row) return false;
    const now = after && (!this.#test || this.#test(after)) ? after : undefined;
    const group = this.#isOn && row.group ? this.#group(row.group) : undefined;
    const was = before && (group ? group.jobs.get(row.id) : this.#top.has(row.id) ? before : undefined);
    this.size += Number(now !== undefined) - Number(was !== undefined);
    if (!group) return this.#note(this.#top.change(was, now));
    if (was) group.remove(was);
    if (now) group.add(now);
    this.#stale.add(group);
    return group.order ? this.#note(group.order.change(was, now)) : false;
  }

  /** Bring the rows of groups up to date. @returns {number} how many moved */
  settle() {
    let moved = 0;
    for (const group of this.#stale) {
      const was = group.shown;
      const { size } = group.jobs;
      if (size < LEAST) group.order = undefined;
      else if (this.#open.has(group.id)) group.order ??= this.#ordered(group);
      group.shown = group.row();
      if (!size) this.#groups.delete(group.id);
      moved += Number(this.#note(this.#top.change(was, group.shown)));
    }
    this.#stale.clear();
    return moved;
  }

  /** Open or close a group. @param {string} id */
  toggle(id) {
    const group = this.#groups.get(id);
    if (!group) {
      if (!this.#open.delete(id)) this.#open.add(id);
      this.#rows = undefined;
      return;
    }
    if (this.#open.delete(id)) group.order = undefined;
    else this.#open.add(id);
    this.#stale.add(group);
    this.#rows = undefined;
    this.settle();
  }

  /** Return the row of a group as it is now. @param {string} id */
  head(id) {
    return this.#groups.get(id)?.shown;
  }

  /** Return whether the jobs of a group have rows. @param {string} id */
  isOpen(id) {
    return this.#groups.get(id)?.order !== undefined;
  }

  /** Return the IDs of the jobs that a row stands for. @param {Row} row @returns {Iterable<string>} */
  members(row) {
    if (isNested(row)) return [];
    return (isHead(row) && this.#groups.get(row.id)?.jobs.keys()) || [row.id];
  }

  /** @param {string} id */
  #group(id) {
    let group = this.#groups.get(id);
    if (!group) this.#groups.set(id, (group = new Group(id)));
    return group;
  }

  /** @param {Group} group */
  #ordered(group) {
    const order = new Order(this.#key, this.#down, undefined);
    order.fill(group.jobs.values());
    return order;
  }

  /** @param {boolean} moved */
  #note(moved) {
    this.#rows = undefined;
    return moved;
  }
}
