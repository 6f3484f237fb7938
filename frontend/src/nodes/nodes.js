/** The nodes that a page holds, and the jobs on each: what the service and the stream said last. */

import { hosts } from "../ui/hosts.js";

/** @typedef {import("../channel/channel.js").Message} Message */
/** @typedef {{ total: number, allocated: number }} Count */
/**
 * One node, in the words of the API. Times are seconds since 1970.
 * @typedef {object} Node
 * @property {number} rank
 * @property {string} name
 * @property {"up" | "down" | "drained" | "draining" | "excluded"} state
 * @property {boolean} allocated
 * @property {Count} cores
 * @property {Count} gpus
 * @property {string} [reason]
 * @property {number} [drained_at]
 */
/** @typedef {{ id: string, name: string, username: string, ranks: string, nodelist: string }} Job */

/** The states, trouble first: the order of the page. */
export const STATES = /** @type {const} */ (["down", "drained", "draining", "excluded", "up"]);

/**
 * The ids of an idset (RFC 22): 0-3,7.
 * @param {string} text
 */
export function ids(text) {
  /** @type {number[]} */
  const found = [];
  for (const range of text.replace(/^\[|\]$/g, "").split(",")) {
    const [first = "", last = first] = range.split("-");
    if (!/^[0-9]+$/.test(first) || !/^[0-9]+$/.test(last)) continue;
    for (let id = Number(first); id <= Number(last) && found.length < 100_000; id++) found.push(id);
  }
  return found;
}

/**
 * Return the states of a node: one that is down may be drained, too.
 * @param {Node} node
 * @returns {Node["state"][]}
 */
export function states({ state, drained_at, allocated }) {
  return state === "down" && drained_at !== undefined ? [state, allocated ? "draining" : "drained"] : [state];
}

/**
 * The nodes that pass, trouble first.
 * @param {Node[]} nodes
 * @param {{ state: string, text: string }} filters
 */
export function arrange(nodes, { state, text }) {
  const needle = text.trim().toLowerCase();
  return nodes
    .filter((node) => (!state || states(node).some((it) => it === state)) && node.name.toLowerCase().includes(needle))
    .sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state) || a.rank - b.rank);
}

/** The running jobs by node. */
export class Placed {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {Map<number, Map<string, Job>>} by rank: two brokers may share a host */
  #byRank = new Map();
  /** @type {Map<string, Map<string, Job>>} by host, of jobs whose ranks are not known */
  #byHost = new Map();
  /** @type {Set<string> | undefined} jobs that a snapshot in progress has not confirmed */
  #unseen;

  /** Jobs on a node, oldest first.
   * @param {Node} node
   * @returns {Job[]}
   */
  on(node) {
    return [...(this.#byRank.get(node.rank)?.values() ?? []), ...(this.#byHost.get(node.name)?.values() ?? [])];
  }

  /** @param {Message} message @returns {boolean} whether a job came or went */
  take(message) {
    switch (message.type) {
      case "snapshot": {
        if (message["first"]) this.#unseen = new Set(this.#jobs.keys());
        let news = false;
        for (const record of message["jobs"]) news = this.#put(record) || news;
        if (!message["more"]) {
          for (const id of this.#unseen ?? []) news = this.#drop(id) || news;
          this.#unseen = undefined;
        }
        return news;
      }
      case "job":
        return this.#put(message);
      case "gone":
        return this.#drop(message["id"]);
      default:
        return false;
    }
  }

  /** @param {Record<string, any>} record */
  #put(record) {
    this.#unseen?.delete(record["id"]);
    const old = this.#jobs.get(record["id"]);
    const { id, name = "", username = "", ranks = "", nodelist = "" } = record;
    if (old && old.ranks === ranks && old.nodelist === nodelist) return false;
    this.#drop(id);
    const job = { id, name, username, ranks, nodelist };
    this.#jobs.set(id, job);
    for (const [places, place] of this.#places(job)) {
      const there = places.get(place) ?? new Map();
      there.set(id, job);
      places.set(place, there);
    }
    return true;
  }

  /** @param {string} id */
  #drop(id) {
    const job = this.#jobs.get(id);
    if (!job) return false;
    this.#jobs.delete(id);
    for (const [places, place] of this.#places(job)) {
      const there = places.get(place);
      there?.delete(id);
      if (!there?.size) places.delete(place);
    }
    return true;
  }

  /** @param {Job} job @returns {[Map<any, Map<string, Job>>, number | string][]} */
  #places(job) {
    if (job.ranks) return ids(job.ranks).map((rank) => [this.#byRank, rank]);
    return [...hosts(job.nodelist)].filter(Boolean).map((host) => [this.#byHost, host]);
  }
}
