/** The nodes that a page holds, and the jobs on each: as the service and the stream told them last. */

import { SHORT, visible } from "../ui/visible.js";
import { hosts } from "../ui/hosts.js";
import { t } from "../ui/words.js";

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
 * @property {string[]} [properties]
 */
/** @typedef {{ name: string, requires: string[] }} Queue a named queue, and the properties that its nodes have */
/** @typedef {{ id: string, name: string, username: string, ranks: string, nodelist: string }} Job */
/** @typedef {{ state: string, text: string, queue: string }} Filters */

/** @typedef {import("../ui/words.js").Key} Key */

/** @type {Record<Node["state"], Key>} */
export const STATE_WORDS = {
  up: "nodes.is_up", down: "nodes.is_down", drained: "nodes.is_drained", draining: "nodes.is_draining", excluded: "nodes.is_excluded",
};

/** The states, trouble first: the order of the page. */
export const STATES = /** @type {const} */ (["down", "drained", "draining", "excluded", "up"]);

/**
 * Return the IDs of an idset (RFC 22): 0-3,7.
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

/** Return the names of the queues that a node belongs to. @param {Node} node @param {Queue[]} queues */
export function queuesOf({ properties = [] }, queues) {
  return queues.filter(({ requires }) => requires.every((it) => properties.includes(it))).map(({ name }) => name);
}

/**
 * Return the nodes that pass, in their order.
 * @param {Node[]} nodes
 * @param {Filters} filters text is a part of the name or of a property
 * @param {Queue[]} queues
 */
export function matching(nodes, { state, text, queue }, queues) {
  const needle = text.trim().toLowerCase();
  const named = queues.filter(({ name }) => name === queue);
  const has = (/** @type {string} */ word) => word.toLowerCase().includes(needle);
  return nodes.filter(
    (node) =>
      (!state || states(node).some((it) => it === state)) &&
      (!needle || has(node.name) || node.properties?.some(has)) &&
      (!queue || queuesOf(node, named).length > 0),
  );
}

/**
 * Return how the nodes are named for people: brokers on one host are told apart by rank.
 * @param {Node[]} nodes
 * @returns {(node: Node) => string}
 */
export function labels(nodes) {
  const [seen, shared] = [new Set(), new Set()];
  for (const { name } of nodes) (seen.has(name) ? shared : seen).add(name);
  return ({ name, rank }) => {
    const shown = visible(name, { most: SHORT });
    return shared.has(name) ? t("nodes.of_rank", { name: shown, rank: String(rank) }) : shown;
  };
}

/** The running jobs by node. */
export class RunningJobs {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** @type {Map<number, Map<string, Job>>} by rank: two brokers may share a host */
  #byRank = new Map();
  /** @type {Map<string, Map<string, Job>>} by host, of jobs whose ranks are not known */
  #byHost = new Map();
  /** @type {Set<string> | undefined} jobs that a snapshot in progress has not confirmed */
  #unseen;

  /**
   * Return the jobs on a node, oldest first.
   * @param {Node} node
   * @returns {Job[]}
   */
  on(node) {
    return [...(this.#byRank.get(node.rank)?.values() ?? []), ...(this.#byHost.get(node.name)?.values() ?? [])];
  }

  /** @param {Node} node */
  count(node) {
    return (this.#byRank.get(node.rank)?.size ?? 0) + (this.#byHost.get(node.name)?.size ?? 0);
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
