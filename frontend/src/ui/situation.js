/** Why a job waits: with each new figure, one of the phrases that fluxapi/model/reason.py chooses from, by the same cases. */

import { dated, moment } from "./format.js";
import { fill, WAITS } from "./phrases.js";

/** @typedef {import("../table/rows.js").Row} Row */
/** @typedef {{ total: number, up: number, free: number }} Supply nodes or cores: all, those that are up, those without a job */

/** What there is to say of a job that waits in the queue when nobody says why. */
const RESOURCES = WAITS["resources"] ?? "";

/** What flux-core's own schemes of dependencies wait for (RFC 26, flux-submit(1)). */
const AFTER = new Set(["after-start", "after-success", "after-failure", "after-finish"]);
/** The first letter of an F58 ID as Flux writes it; the service writes a plain f. */
const HOOKED = "\u0192";

/** @param {string} text as the job manager describes it: SCHEME=VALUE */
function dependency(text) {
  const [, scheme = "", value = ""] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const time = Number(value);
  if (scheme === "begin-time" && Math.abs(time) < 8.64e12) return fill(WAITS[scheme], { moment: dated(time) });
  return AFTER.has(scheme) ? fill(WAITS[scheme], { job: value.replace(HOOKED, "f") }) : fill(WAITS["other"], { text });
}

/**
 * Why a pending job waits, as far as its record says; empty for any other.
 * @param {Record<string, any>} record
 */
export function said(record) {
  if (record["state"] === "DEPEND") return (record["dependencies"] ?? []).map(dependency).join(", ") || WAITS["dependency"];
  if (record["state"] === "PRIORITY") return WAITS["priority"];
  if (record["state"] !== "SCHED") return "";
  if (record["urgency"] === 0) return WAITS["held"];
  if (record["priority"] === 0) return WAITS["no priority"];
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
    const { queue } = row;
    const words = this.stopped.get(queue);
    if (words !== undefined) {
      const reason = fill(WAITS[queue ? "named queue stopped" : "queue stopped"], { queue });
      return words ? fill(WAITS["explained"], { reason, words }) : reason;
    }
    const reason = row.note === RESOURCES ? this.#needs(row) : row.note;
    return Number.isFinite(row.estimate) && row.estimate > now ? fill(WAITS["estimated"], { reason, moment: moment(row.estimate, now) }) : reason;
  }

  /** @param {Row} row */
  #needs(row) {
    const [count, supply, noun] = row.nnodes > 0 ? [row.nnodes, this.nodes, "node"] : [row.ncores, this.cores, "core"];
    if (!(count > 0) || !supply) return RESOURCES;
    const needs = fill(WAITS[count === 1 ? "one" : "many"], { count, noun });
    const { total, up, free } = supply;
    let phrase = count > free ? "taken" : "turn";
    if (count > up) phrase = up === 1 ? "one up" : "some up";
    if (count > total) phrase = total === 0 ? "none exist" : total === 1 ? "one exists" : "some exist";
    return fill(WAITS[phrase], { needs, total, up, free });
  }
}
