/** The rows that a page holds: what the stream of jobs said last of each job. */

import { checksum, digest } from "./digest.js";
import { TABLE } from "./column_table.js";
import { blamed, excepted, failure, outcome } from "./failure.js";
import * as waits from "../ui/situation.js";
import { t } from "../ui/words.js";

/** @typedef {import("../channel/channel.js").Message} Message */
/**
 * The part of a record that is kept, in the words of the API. Times are seconds since 1970.
 * @typedef {object} Row
 * @property {string} id
 * @property {number} revision
 * @property {string} name
 * @property {string} username
 * @property {string} state
 * @property {string} status
 * @property {string} result
 * @property {number} urgency
 * @property {number} priority
 * @property {number} ntasks
 * @property {number} nnodes
 * @property {number} ncores
 * @property {number} duration
 * @property {number} returncode
 * @property {number} t_submit
 * @property {number} t_run
 * @property {number} t_cleanup
 * @property {number} t_inactive
 * @property {string} nodelist
 * @property {string} queue
 * @property {string} bank
 * @property {string} limits the properties that its nodes need, and "*" for other constraints, by lines
 * @property {number} gpus that it asks for
 * @property {string} cc the number that --cc gave it
 * @property {string} group id of its group
 * @property {string} group_name
 * @property {string} note why it waits, or what went wrong
 * @property {boolean} isInstance it is a Flux instance with jobs of its own
 * @property {readonly string[]} after ids of the jobs that it waits for
 * @property {string} blamed id of the job that kept it from starting
 * @property {number} estimate when it may start, as the scheduler thinks
 * @property {string} [reason] why it waits, as the service says; of a job of another instance than that of the table
 */

/**
 * Many jobs have the same words: each is kept once.
 * @type {Map<string, string>}
 */
const words = new Map();

/** @param {unknown} value */
function word(value) {
  if (typeof value !== "string" || value === "") return "";
  const known = words.get(value);
  if (known !== undefined) return known;
  if (words.size > 50_000) words.clear();
  words.set(value, value);
  return value;
}

/** @param {unknown} value */
const number = (value) => (typeof value === "number" ? value : NaN);

/** @type {readonly string[]} */
const NONE = [];
/** Jobs that one is shown to wait for. */
const MAX_AFTER = 50;

/** Return the jobs among the dependencies of a job. @param {unknown} dependencies */
function after(dependencies) {
  if (!Array.isArray(dependencies)) return NONE;
  const ids = dependencies.flatMap((text) => /^after-[a-z]+=[fƒ]([1-9A-HJ-NP-Za-km-z]+)$/.exec(String(text))?.slice(1) ?? []);
  return ids.length ? [...new Set(ids)].slice(0, MAX_AFTER).map((id) => `f${id}`) : NONE;
}

/**
 * Return the members that every row has, whichever columns there are.
 * @param {Record<string, any>} record
 * @returns {Row}
 */
function basis(record) {
  return {
    id: record.id,
    revision: record.revision,
    name: word(record.name),
    username: word(record.username),
    state: word(record.state),
    status: word(record.status),
    result: word(record.result),
    urgency: number(record.urgency),
    priority: number(record.priority),
    ntasks: number(record.ntasks),
    nnodes: number(record.nnodes),
    ncores: number(record.ncores),
    duration: number(record.duration),
    returncode: number(record.returncode),
    t_submit: number(record.t_submit),
    t_run: number(record.t_run),
    t_cleanup: number(record.t_cleanup),
    t_inactive: number(record.t_inactive),
    nodelist: word(record.nodelist),
    queue: word(record.queue),
    bank: word(record["bank"]),
    limits: word([...(record["constrained"] ? ["*"] : []), ...(record["properties"] ?? [])].join("\n")),
    gpus: number(record["ngpus"]),
    cc: word(record["cc"]),
    group: word(record["group"]),
    group_name: word(record["group_name"]),
    note: word(note(record)),
    after: record.state === "DEPEND" ? after(record["dependencies"]) : NONE,
    blamed: word(blamed(record.exception)),
    isInstance: record.state === "RUN" && Boolean(record["uri"]),
    estimate: number(record["annotations"]?.sched?.t_estimate),
  };
}

/** Fields that only a column shows. */
const MORE = TABLE.flatMap(({ kind, field }) => (field && !(field in basis({})) ? [{ field, read: kind === "text" ? word : number }] : []));

/**
 * Reduce a record to the part that the table shows: a hundred thousand of them fit a page.
 * @param {Record<string, any>} record
 * @returns {Row}
 */
export function row(record) {
  const made = basis(record);
  for (const { field, read } of MORE) /** @type {any} */ (made)[field] = read(record[field]);
  return made;
}

/** Columns that are shown once a job has something for them. */
const SPARSE = TABLE.flatMap(({ key, sparse, field }) => (sparse && field ? [{ key, field: /** @type {keyof Row} */ (field) }] : []));

/**
 * Explain in plain words why a pending job waits or why one has not completed; empty for any other.
 * @param {Record<string, any>} record
 */
export function note(record) {
  if (record.state === "INACTIVE" && (record.result === "CANCELED" || record.result === "TIMEOUT")) {
    const said = outcome(record);
    const words = record.result === "CANCELED" && record.exception?.occurred && record.exception.note;
    return words ? t("outcomes.explained", { said, words }) : said;
  }
  if (record.exception?.occurred) return excepted(record.exception);
  if (record.state === "INACTIVE" && record.result === "FAILED") return failure(record);
  return waits.said(record);
}

/** The rows by id, with the digest of all of them. */
export class Rows {
  /** @type {Map<string, Row>} */
  all = new Map();
  /** @type {Map<string, Row | undefined>} ids that changed since {@link settle}, and what was */
  changed = new Map();
  #sum = 0;
  /** @type {Set<string> | undefined} rows that a snapshot in progress has not confirmed */
  #unseen;

  /** @type {Set<string>} keys of the sparse columns that a job ever had something for */
  filled = new Set();

  /** True if the rows are those of the server, as of its last bookmark. */
  agrees = true;

  /** @param {Message} message */
  take(message) {
    switch (message.type) {
      case "snapshot":
        this.#snapshot(message);
        break;
      case "job":
        this.#put(row(message));
        break;
      case "gone":
        this.#drop(message.id);
        break;
      case "bookmark":
        this.agrees =
          message.count === undefined || (message.count === this.all.size && message.digest === this.digest);
        break;
    }
  }

  get digest() {
    return digest(this.#sum);
  }

  /** Return the changes since the last time, and forget them. */
  settle() {
    const changed = this.changed;
    this.changed = new Map();
    return changed;
  }

  /** @param {Message} message */
  #snapshot(message) {
    if (message.first) this.#unseen = new Set(this.all.keys());
    for (const record of message.jobs) {
      this.#unseen?.delete(record.id);
      this.#put(row(record));
    }
    if (!message.more) {
      for (const id of this.#unseen ?? []) this.#drop(id);
      this.#unseen = undefined;
    }
  }

  /** @param {Row} fresh */
  #put(fresh) {
    const old = this.all.get(fresh.id);
    if (!this.changed.has(fresh.id)) this.changed.set(fresh.id, old);
    if (old) this.#sum -= checksum(old.id, old.revision);
    this.#sum = (this.#sum + checksum(fresh.id, fresh.revision)) % 0x100000000;
    this.all.set(fresh.id, fresh);
    for (const { key, field } of SPARSE) if (fresh[field] !== "") this.filled.add(key);
    this.#unseen?.delete(fresh.id);
  }

  /** @param {string} id */
  #drop(id) {
    const old = this.all.get(id);
    if (!old) return;
    if (!this.changed.has(id)) this.changed.set(id, old);
    this.#sum -= checksum(old.id, old.revision);
    this.all.delete(id);
  }
}
