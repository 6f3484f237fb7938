/** Why a job waits: with each new figure, one of the texts that fluxapi/model/reason.py chooses from, by the same cases. */

import { dated, isToday, hour } from "./format.js";
import { list, t } from "./words.js";

/** @typedef {import("../table/rows.js").Row} Row */
/** @typedef {import("./words.js").Key} Key */
/** @typedef {{ total: number, up: number, free: number }} Supply nodes or cores: all, those that are up, those without a job */

/** What there is to say of a job that waits in the queue when nobody says why. */
const RESOURCES = capital(t("waits.resources"));

/** What flux-core's own schemes of dependencies wait for (RFC 26, flux-submit(1)). */
const AFTER = /** @type {Map<string, Key>} */ (new Map([
  ["after-start", "waits.after_start"],
  ["after-success", "waits.after_success"],
  ["after-failure", "waits.after_failure"],
  ["after-finish", "waits.after_finish"],
]));
/** The first letter of an F58 ID as Flux writes it; the service writes a plain f. */
const HOOKED = "\u0192";

/** @param {string} text as the job manager describes it: SCHEME=VALUE */
function dependency(text) {
  const [, scheme = "", value = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const time = Number(value);
  if (scheme === "begin-time" && Math.abs(time) < 8.64e12) return t("waits.begin_time", { moment: dated(time) });
  const key = AFTER.get(scheme);
  return key ? t(key, { job: value.replace(HOOKED, "f") }) : t("waits.other", { text });
}

/** The reasons are parts of sentences in the API; a note begins as a sentence. @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Why a pending job waits, as far as its record says; empty for any other.
 * @param {Record<string, any>} record
 */
export const said = (record) => capital(reason(record));

/** @param {Record<string, any>} record @returns {string} */
function reason(record) {
  if (record["state"] === "DEPEND") {
    const waits = (record["dependencies"] ?? []).map(dependency);
    // Flux holds it after that.
    return list([...(waits.length ? waits : [t("waits.dependency")]), ...(record["urgency"] === 0 ? [t("waits.held")] : [])]);
  }
  if (record["state"] === "PRIORITY") return t("waits.priority");
  if (record["state"] !== "SCHED") return "";
  if (record["urgency"] === 0) return t("waits.held");
  if (record["priority"] === 0) return t("waits.no_priority");
  const pending = record["annotations"]?.sched?.reason_pending;
  return typeof pending === "string" && pending ? pending : RESOURCES;
}

/** Say how many jobs of an instance have failed; more may have where nobody knows of how many. @param {{ failed: number, timed_out: number, total?: number }} inside */
function failuresIn({ failed, timed_out: late, total }) {
  const bad = failed + late;
  if (total === undefined) return t(late ? "jobs.failures_inside_least" : "jobs.failed_inside_least", { count: bad });
  return t(late ? "jobs.failures_inside" : "jobs.failed_inside", { failed: bad, count: total });
}

export class Situation {
  /** @type {Supply | undefined} */
  nodes;
  /** @type {Supply | undefined} */
  cores;
  /** @type {Map<string, string>} queues that start no jobs, and what there is to say of it */
  stopped = new Map();
  /** @type {Set<string>} queues that require properties of their nodes, which those that are free may not have */
  partial = new Set();
  /** Jobs that are instances in which jobs failed. @type {Map<string, { failed: number, timed_out: number, total?: number }>} */
  inside = new Map();

  /** @param {Record<string, any>} message of the stream of stats */
  take({ type, nodes, queues, instances = [] }) {
    if (type !== "stats") return;
    this.inside = new Map(instances.map((/** @type {any} */ it) => [it.id, it]));
    this.nodes = nodes ? { total: nodes.total, up: nodes.states?.up ?? 0, free: nodes.free } : undefined;
    this.cores = nodes?.cores;
    this.stopped = new Map(
      (queues ?? [])
        .filter((/** @type {any} */ queue) => !queue.started)
        .map((/** @type {any} */ queue) => [queue.name, queue.stop_reason ?? ""]),
    );
    this.partial = new Set(
      (queues ?? []).filter((/** @type {any} */ queue) => queue.requires?.length).map((/** @type {any} */ queue) => queue.name),
    );
  }

  /**
   * Why a job waits, or what went wrong with it; empty when there is nothing to say.
   * @param {Row} row @param {number} now seconds since 1970
   */
  why(row, now) {
    const inside = this.inside.get(row.id);
    if (!inside) return this.#why(row, now);
    const said = failuresIn(inside);
    const note = this.#why(row, now);
    return note ? t("jobs.note_inside", { note, inside: said }) : capital(said);
  }

  /** @param {Row} row @param {number} now */
  #why(row, now) {
    if (!isScheduled(row)) return row.note;
    const { queue } = row;
    const words = this.stopped.get(queue);
    if (words !== undefined) {
      const stopped = capital(queue ? t("waits.named_queue_stopped", { queue }) : t("waits.queue_stopped"));
      return words ? t("waits.explained", { reason: stopped, words }) : stopped;
    }
    const why = row.note === RESOURCES ? this.#needs(row) : row.note;
    if (!(Number.isFinite(row.estimate) && row.estimate > now)) return why;
    if (isToday(row.estimate, now)) return t("waits.estimated", { reason: why, moment: hour(row.estimate) });
    return t("waits.estimated_day", { reason: why, moment: dated(row.estimate) });
  }

  /** Say whether a job asks for more than there is: time alone does not start it. @param {Row} row */
  cannotStart(row) {
    const { count, supply } = this.#wanted(row);
    const isNeeding = isScheduled(row) && !this.stopped.has(row.queue) && row.note === RESOURCES;
    return isNeeding && supply !== undefined && count > supply.total;
  }

  /** Say whether what is told of a job is a warning. @param {Row} row */
  warns(row) {
    return this.inside.has(row.id) || this.cannotStart(row);
  }

  /** Say whether somebody has to act before a job can start. @param {Row} row */
  isBlocked(row) {
    const { state, urgency, priority, queue } = row;
    if (!["DEPEND", "PRIORITY", "SCHED"].includes(state)) return false;
    return urgency === 0 || (state === "SCHED" && priority === 0) || this.stopped.has(queue) || this.cannotStart(row);
  }

  /** What a job asks for, and what there is of it. @param {Row} row */
  #wanted(row) {
    if (row.nnodes > 0) return { count: row.nnodes, supply: this.nodes, key: /** @type {Key} */ ("waits.nodes") };
    return { count: row.ncores, supply: this.cores, key: /** @type {Key} */ ("waits.cores") };
  }

  /** @param {Row} row */
  #needs(row) {
    const { count, supply, key } = this.#wanted(row);
    if (!(count > 0) || !supply) return RESOURCES;
    const needs = t(key, { count });
    const { total, up, free } = supply;
    if (count > total && up < total) return capital(t("waits.too_few_up", { needs, count: total, up }));
    if (count > total) return capital(total ? t("waits.too_few", { needs, count: total }) : t("waits.none_exist", { needs }));
    if (count > up) return capital(t("waits.up", { needs, count: up }));
    if (this.partial.has(row.queue)) return capital(t("waits.needed", { needs }));
    return capital(t(count > free ? "waits.taken" : "waits.turn", { needs, free }));
  }
}

/** Whether a job waits for its turn in the queue, and nobody holds it. @param {Row} row */
const isScheduled = ({ state, urgency, priority }) => state === "SCHED" && urgency !== 0 && priority !== 0;
