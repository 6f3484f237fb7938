/** Why a job waits: with each new figure, one of the texts that fluxapi/model/reason.py chooses from, by the same cases. */

import { dated, isToday, hour } from "./format.js";
import { list, t } from "./words.js";

/** @typedef {import("../table/rows.js").Row} Row */
/** @typedef {import("./words.js").Key} Key */
/** @typedef {{ count: number, queues: string[] }} Blocked jobs, and the stopped queues that some of them are in, in words */
/**
 * @typedef {object} Supply nodes, cores or GPUs
 * @property {number} total
 * @property {number} up
 * @property {number} free those that are up and have no job
 * @property {number} idle those that are not up and have no job
 * @property {number} drained nodes that are not up since they are drained or draining
 * @property {string[]} names those of these nodes, if they are few
 */

/** The words about a job that waits in the queue for an unknown reason. */
const RESOURCES = capital(t("waits.resources"));

/** The conditions of flux-core's own schemes of dependencies (RFC 26, flux-submit(1)). */
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

/**
 * Return a reason as the service says it, without the time of the estimated start, which the API writes in UTC.
 * @param {string} reason
 */
export function withoutTime(reason) {
  const cut = reason.lastIndexOf(t("waits.estimated", { reason: "", moment: "" }));
  return cut < 0 ? reason : reason.slice(0, cut);
}

/** Capitalize a reason: in the API, it is a part of a sentence, but a note begins as a sentence. @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/**
 * Explain why a pending job waits, as far as its record says; empty for any other.
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

/** @param {{ total: number, allocated?: number, free: number, up: number, drained?: number, drained_names?: string[] }} figures of the queue or the instance @returns {Supply} */
function supply({ total, up, free, allocated = total, drained = 0, drained_names: names = [] }) {
  return { total, up, free, idle: Math.max(total - allocated - free, 0), drained, names };
}

export class Situation {
  /** @type {Supply | undefined} */
  nodes;
  /** @type {Supply | undefined} */
  cores;
  /** @type {Supply | undefined} */
  gpus;
  /** @type {Set<string> | undefined} all properties that nodes have */
  properties;
  /** Properties of which no node is up, and their nodes. @type {Map<string, Supply>} */
  out = new Map();
  /** @type {Map<string, string>} queues that start no jobs, and what there is to say of it */
  stopped = new Map();
  /** @type {Map<string, Set<string>>} queues that require properties of their nodes, which those that are free may not have, and these */
  partial = new Map();
  /** The nodes, cores and GPUs of these queues, as far as they are known. @type {Map<string, { nodes: Supply, cores: Supply, gpus: Supply | undefined }>} */
  shares = new Map();
  /** The first job in line of each queue. @type {Map<string, string>} */
  first = new Map();
  /** The first job of all, of queues whose own first job comes after it. @type {Map<string, string>} */
  before = new Map();
  /** Jobs that are instances in which jobs failed; kept: they can be listed. @type {Map<string, { failed: number, timed_out: number, total?: number, kept?: boolean }>} */
  inside = new Map();

  /** @param {Record<string, any>} message of the stream of stats */
  take({ type, nodes, queues, instances = [] }) {
    if (type !== "stats") return;
    this.inside = new Map(instances.map((/** @type {any} */ it) => [it.id, it]));
    const { up = 0, drained = 0, draining = 0 } = nodes?.states ?? {};
    this.nodes = nodes ? supply({ ...nodes, up, drained: drained + draining }) : undefined;
    this.cores = nodes ? supply(nodes.cores) : undefined;
    this.gpus = nodes?.gpus && supply(nodes.gpus);
    this.properties = nodes?.properties && new Set(nodes.properties);
    this.out = new Map(Object.entries(nodes?.properties_out ?? {}).map(([name, { total, drained }]) => [name, supply({ total, up: 0, free: 0, drained })]));
    this.stopped = new Map(
      (queues ?? [])
        .filter((/** @type {any} */ queue) => !queue.started)
        .map((/** @type {any} */ queue) => [queue.name, queue.stop_reason ?? ""]),
    );
    const partial = (queues ?? []).filter((/** @type {any} */ queue) => queue.requires?.length);
    this.partial = new Map(partial.map((/** @type {any} */ queue) => [queue.name, new Set(queue.requires)]));
    this.shares = new Map(
      partial
        .filter((/** @type {any} */ queue) => queue.nodes)
        .map((/** @type {any} */ queue) => [queue.name, { nodes: supply(queue.nodes), cores: supply(queue.cores), gpus: queue.gpus && supply(queue.gpus) }]),
    );
    const told = (/** @type {string} */ key) => (queues ?? []).filter((/** @type {any} */ queue) => queue[key]).map((/** @type {any} */ queue) => [queue.name, queue[key]]);
    this.first = new Map(told("first"));
    this.before = new Map(told("before"));
  }

  /**
   * Explain why a job waits, or what went wrong with it; empty if there is nothing to say.
   * @param {Row} row @param {number} now seconds since 1970
   */
  why(row, now) {
    const inside = this.inside.get(row.id);
    if (!inside) return this.#why(row, now);
    const said = failuresIn(inside);
    const note = this.#why(row, now);
    return note ? t("jobs.note_inside", { note, inside: said }) : capital(said);
  }

  /** Return what {@link why} says at its end of failures in an instance whose jobs can be listed, if anything. @param {Row} row */
  failures(row) {
    const inside = this.inside.get(row.id);
    if (!inside?.kept) return "";
    const said = failuresIn(inside);
    return this.#why(row, 0) ? said : capital(said);
  }

  /** @param {Row} row @param {number} now */
  #why(row, now) {
    if (!isScheduled(row)) return row.note;
    // The figures are those of this instance, not of the one that the job is in.
    const isElsewhere = row.reason !== undefined;
    if (!isElsewhere && this.stopped.has(row.queue)) return this.#stopped(row.queue);
    const why = isElsewhere ? capital(withoutTime(row.reason ?? "")) : row.note === RESOURCES ? this.#needs(row) : row.note;
    if (!(Number.isFinite(row.estimate) && row.estimate > now)) return why;
    if (isToday(row.estimate, now)) return t("waits.estimated", { reason: why, moment: hour(row.estimate) });
    return t("waits.estimated_day", { reason: why, moment: dated(row.estimate) });
  }

  /**
   * Return why all of the jobs wait, if they wait for the same, and the jobs that the text may name.
   * @param {readonly Row[]} rows
   */
  shared(rows) {
    // No estimate is so late: each job has its own.
    const [why = "", ...others] = new Set(rows.map((row) => this.why(row, Infinity)));
    const [first] = rows;
    return first && !others.length ? { why, named: this.named(first) } : { why: "", named: [] };
  }

  /** @param {string} queue that starts no jobs */
  #stopped(queue) {
    const words = this.stopped.get(queue);
    const stopped = capital(queue ? t("waits.named_queue_stopped", { queue }) : t("waits.queue_stopped"));
    return words ? t("waits.explained", { reason: stopped, words }) : stopped;
  }

  /** Return how many of the jobs do not start until somebody acts, and what there is to say of the stopped queues among theirs. @param {Row[]} rows @returns {Blocked} */
  blocked(rows) {
    const found = rows.filter((row) => this.isBlocked(row));
    const queues = new Set(found.map(({ queue }) => queue).filter((queue) => this.stopped.has(queue)));
    return { count: found.length, queues: [...queues].map((queue) => this.#stopped(queue)) };
  }

  /** Say whether a job asks for more than there is: time alone does not start it. @param {Row} row */
  cannotStart(row) {
    if (row.reason !== undefined) return false;
    const { count, supply } = this.#wanted(row);
    const { gpus } = this.#supplies(row);
    const isNeeding = isScheduled(row) && !this.stopped.has(row.queue) && row.note === RESOURCES;
    const isLacking = (supply !== undefined && count > supply.total) || (gpus !== undefined && row.gpus > gpus.total);
    return isNeeding && (isLacking || this.#missing(row) !== undefined);
  }

  /** Say whether what is told of a job is a warning. @param {Row} row */
  warns(row) {
    return this.inside.has(row.id) || this.cannotStart(row);
  }

  /** Return the jobs that the text of a job may name. @param {Row} row */
  named(row) {
    if (row.reason !== undefined) return [];
    const first = isScheduled(row) ? this.first.get(row.queue) : undefined;
    const named = first === row.id ? this.before.get(row.queue) ?? first : first;
    if (named !== undefined) return [named];
    return row.blamed ? [row.blamed] : row.after;
  }

  /** Say whether somebody has to act before a job can start. @param {Row} row */
  isBlocked(row) {
    const { state, urgency, priority, queue } = row;
    if (!["DEPEND", "PRIORITY", "SCHED"].includes(state)) return false;
    return urgency === 0 || (state === "SCHED" && priority === 0) || this.stopped.has(queue) || this.cannotStart(row) || this.#lacksNodes(row) || (isScheduled(row) && this.#without(row) !== "");
  }

  /** Say whether fewer nodes are up than a job asks for: others are down or drained. @param {Row} row */
  #lacksNodes(row) {
    const { count, supply } = this.#wanted(row);
    return isScheduled(row) && row.note === RESOURCES && supply !== undefined && count > supply.up;
  }

  /** Describe the request of a job, and the available resources. @param {Row} row */
  #wanted(row) {
    const { nodes, cores } = this.#supplies(row);
    if (row.nnodes > 0) return { count: row.nnodes, supply: nodes, key: /** @type {Key} */ ("waits.nodes") };
    return { count: row.ncores, supply: cores, key: /** @type {Key} */ ("waits.cores") };
  }

  /** Return a property that it requires and no node has. @param {Row} row */
  #missing({ limits }) {
    const known = this.properties;
    return known && limits.split("\n").find((it) => it && it !== "*" && !it.startsWith("^") && !known.has(it));
  }

  /** Say that no node is up with a property that it requires; nothing if one may be. @param {Row} row */
  #without({ limits, queue }) {
    const own = this.partial.get(queue);
    const property = this.out.size ? limits.split("\n").find((it) => this.out.has(it) && !own?.has(it)) : undefined;
    const nodes = property === undefined ? undefined : this.out.get(property);
    if (property === undefined || !nodes) return "";
    const { total: count } = nodes;
    return away(count > 1 ? t("waits.all_with", { count, property }) : t("waits.only_with", { property }), nodes, count);
  }

  /**
   * Return the nodes, cores and GPUs of its queue, or else of the instance. @param {Row} row
   * @returns {{ nodes: Supply | undefined, cores: Supply | undefined, gpus: Supply | undefined }}
   */
  #supplies({ queue }) {
    return this.shares.get(queue) ?? this;
  }

  /** @param {Row} row */
  #needs(row) {
    const property = this.#missing(row);
    if (property !== undefined) return capital(t("waits.no_property", { property }));
    const lacking = this.#needsGpus(row);
    if (lacking) return capital(lacking);
    const { count, supply, key } = this.#wanted(row);
    if (!(count > 0) || !supply) return RESOURCES;
    return capital(this.#told(row, t(key, { count }), count, supply));
  }

  /** Say that there are too few GPUs, or too few that are free; nothing if not. @param {Row} row */
  #needsGpus(row) {
    const { gpus: count, queue } = row;
    const { gpus } = this.#supplies(row);
    if (!(count > 0) || !gpus) return "";
    const needs = t("waits.gpus", { count });
    if (count > gpus.total) return tooFew(needs, gpus, this.shares.has(queue) ? queue : "");
    const isKnown = this.shares.has(queue) || !this.partial.has(queue);
    return count <= gpus.free || !isKnown ? "" : t("waits.taken", { needs, free: gpus.free });
  }

  /** @param {Row} row @param {string} needs @param {number} count of what it asks for @param {Supply} supply */
  #told(row, needs, count, supply) {
    const { up, free, idle } = supply;
    const queue = this.shares.has(row.queue) ? row.queue : "";
    const isKnown = queue !== "" || !this.partial.has(row.queue);
    if (count > supply.total) return tooFew(needs, supply, queue);
    const without = this.#without(row);
    if (without) return t("waits.out", { out: without, needs });
    const isRoomy = count <= Math.min(up, free) && isKnown;
    if (isRoomy && this.#isLimited(row)) return t("waits.limited", { needs });
    if (isRoomy) return this.#turn(row, needs, free);
    const out = notUp(this.#supplies(row).nodes, queue);
    if (out && count > up) return t("waits.out_up", { out, needs, count: up });
    if (!isKnown) return t("waits.needed", { needs });
    return out && count <= free + idle ? t("waits.out_free", { out, needs, free }) : t("waits.taken", { needs, free });
  }

  /** Return whether it can start on some of the nodes of its queue only, as far as is known. @param {Row} row */
  #isLimited({ limits, queue }) {
    const own = this.partial.get(queue);
    return limits !== "" && !limits.split("\n").every((it) => own?.has(it));
  }

  /** Explain the wait of a job that fits: those before it in line come first. @param {Row} row @param {string} needs @param {number} free */
  #turn({ id, queue }, needs, free) {
    const job = this.first.get(queue);
    if (job === undefined) return t("waits.turn", { needs, free });
    if (job !== id) return t("waits.behind", { job, needs, free });
    const before = this.before.get(queue);
    return before === undefined ? t("waits.first", { needs, free }) : t("waits.first_of_queue", { job: before, needs, free });
  }
}

/** Say that there are fewer than a job needs. @param {string} needs @param {Supply} supply @param {string} queue whose they are, if not the instance's */
function tooFew(needs, { total: count, up }, queue) {
  if (!count) return queue ? t("waits.none_exist_in_queue", { needs, queue }) : t("waits.none_exist", { needs });
  if (up < count) return queue ? t("waits.too_few_up_in_queue", { needs, queue, count, up }) : t("waits.too_few_up", { needs, count, up });
  return queue ? t("waits.too_few_in_queue", { needs, queue, count }) : t("waits.too_few", { needs, count });
}

/** Say how many nodes are not up, and why; nothing if all are up. @param {Supply | undefined} nodes @param {string} queue whose they are, if not the instance's */
function notUp(nodes, queue) {
  if (!nodes || nodes.up >= nodes.total) return "";
  const { total, up, names, drained } = nodes;
  const count = total - up;
  if (total > 1 && count === names.length && drained >= count) return t("waits.drained_named", { names: names.join(", ") });
  const ofQueue = total > 1 ? t("waits.part_of_queue", { count, total, queue }) : t("waits.only_of_queue", { queue });
  const ofAll = total > 1 ? t("waits.part", { count, total }) : t("waits.only");
  return away(queue ? ofQueue : ofAll, nodes, count);
}

/** Say of some nodes why they are not up. @param {string} some of them, in words @param {Supply} nodes @param {number} count of these */
function away(some, { drained }, count) {
  const kind = drained >= count ? "waits.drained" : drained ? "waits.drained_or_down" : "waits.down";
  return t(kind, { nodes: some, count });
}

/** Return whether a job waits for its turn in the queue, and is not held. @param {Row} row */
const isScheduled = ({ state, urgency, priority }) => state === "SCHED" && urgency !== 0 && priority !== 0;
