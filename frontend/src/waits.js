/** Why a job waits, with what is known of the instance at the moment. */

import { moment } from "./format.js";
import { RESOURCES } from "./rows.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{ name: string, started: boolean, stop_reason?: string }} Queue as GET /queues tells */

export class Situation {
  /** @type {{ nodes: number, cores: number } | undefined} what no job has */
  free;
  /** @type {Map<string, string>} queues that start no jobs, and what there is to say of it */
  stopped = new Map();

  /** @param {Record<string, any>} message of the stream of stats */
  take({ type, nodes }) {
    if (type !== "stats") return;
    const up = nodes ? (nodes.states?.up ?? 0) : 0;
    // Of nodes that are not up, nobody says how many of their cores are free.
    this.free = nodes && up === nodes.total
      ? { nodes: nodes.total - nodes.allocated, cores: nodes.cores.total - nodes.cores.allocated }
      : undefined;
  }

  /** @param {Queue[]} queues */
  learn(queues) {
    this.stopped = new Map(
      queues.filter((queue) => !queue.started).map((queue) => [queue.name, queue.stop_reason ?? ""]),
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
    if (!this.free) return RESOURCES;
    const wanted = row.nnodes > 0 ? { count: row.nnodes, free: this.free.nodes, noun: "node" } : { count: row.ncores, free: this.free.cores, noun: "core" };
    if (!(wanted.count > 0)) return RESOURCES;
    const needs = `${wanted.count} ${wanted.noun}${wanted.count === 1 ? "" : "s"}`;
    return wanted.free < wanted.count ? `waits for ${needs}; ${wanted.free} free` : `waits for its turn; needs ${needs}, ${wanted.free} free`;
  }
}
