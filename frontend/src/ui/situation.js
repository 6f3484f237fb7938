/** Why a job waits, as fluxapi/model/reason.py says it, by the same cases: here it changes with each figure. */

import { moment } from "./format.js";

/** @typedef {import("../table/rows.js").Row} Row */
/** @typedef {{ total: number, up: number, free: number }} Supply nodes or cores: all, those that are up, those without a job */

/** What there is to say of a job that waits in the queue when nobody says why. */
const RESOURCES = "waits for resources";

/**
 * What flux-core's own schemes of dependencies wait for (RFC 26, flux-submit(1)).
 * @type {Map<string, (value: string) => string>}
 */
const SCHEMES = new Map([
  ["after-start", (job) => `waits until ${job} has started`],
  ["after-success", (job) => `waits until ${job} has ended well`],
  ["after-failure", (job) => `waits until ${job} has failed`],
  ["after-finish", (job) => `waits until ${job} has ended`],
]);
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** @param {string} text as the job manager describes it: SCHEME=VALUE */
function dependency(text) {
  const [, scheme = "", value = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const time = Number(value) * 1000;
  if (scheme === "begin-time" && Math.abs(time) < 8.64e15) return `waits until ${day.format(time)}`;
  return SCHEMES.get(scheme)?.(value) ?? `waits for ${text}`;
}

/**
 * Why a pending job waits, as far as its record says; empty for any other.
 * @param {Record<string, any>} record
 */
export function said(record) {
  if (record["state"] === "DEPEND") return (record["dependencies"] ?? []).map(dependency).join(", ") || "waits for a dependency";
  if (record["state"] === "PRIORITY") return "waits for its priority";
  if (record["state"] !== "SCHED") return "";
  if (record["urgency"] === 0) return "held until it is released";
  if (record["priority"] === 0) return "held: its priority is 0";
  const reason = record["annotations"]?.sched?.reason_pending;
  return typeof reason === "string" && reason ? reason : RESOURCES;
}

export class Situation {
  /** @type {Supply | undefined} */
  nodes;
  /** @type {Supply | undefined} */
  cores;
  /** @type {Map<string, string>} queues that start no jobs, and what there is to say of it */
  stopped = new Map();

  /** @param {Record<string, any>} message of the stream of stats */
  take({ type, nodes, queues }) {
    if (type !== "stats") return;
    this.nodes = nodes ? { total: nodes.total, up: nodes.states?.up ?? 0, free: nodes.free } : undefined;
    this.cores = nodes?.cores;
    this.stopped = new Map(
      (queues ?? [])
        .filter((/** @type {any} */ queue) => !queue.started)
        .map((/** @type {any} */ queue) => [queue.name, queue.stop_reason ?? ""]),
    );
  }

  /**
   * Why a job waits, or what went wrong with it; empty when there is nothing to say.
   * @param {Row} row @param {number} now seconds since 1970
   */
  why(row, now) {
    if (row.state !== "SCHED" || row.urgency === 0 || row.priority === 0) return row.note;
    const stopped = this.stopped.get(row.queue);
    if (stopped !== undefined) return `${row.queue ? `queue ${row.queue}` : "the queue"} is stopped${stopped && `: ${stopped}`}`;
    const base = row.note === RESOURCES ? this.#needs(row) : row.note;
    return Number.isFinite(row.estimate) && row.estimate > now ? `${base}; may start ${moment(row.estimate, now)}` : base;
  }

  /** @param {Row} row */
  #needs(row) {
    const [wanted, supply, noun] = row.nnodes > 0 ? [row.nnodes, this.nodes, "node"] : [row.ncores, this.cores, "core"];
    if (!(wanted > 0) || !supply) return RESOURCES;
    const needs = `${wanted} ${noun}${wanted === 1 ? "" : "s"}`;
    const { total, up, free } = supply;
    if (wanted > total) return `needs ${needs}; there ${total === 1 ? "is" : "are"} ${total || "none"}`;
    if (wanted > up) return `waits for ${needs}; ${up} ${up === 1 ? "is" : "are"} up`;
    return wanted > free ? `waits for ${needs}; ${free} free` : `waits for its turn; needs ${needs}, ${free} free`;
  }
}
