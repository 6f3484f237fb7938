/** The order of the nodes in their table: trouble first, or by the column that the reader has chosen. */

import { STATES } from "./nodes.js";

/** @typedef {import("./nodes.js").Node} Node */
/** @typedef {"name" | "state" | "cores" | "gpus" | "jobs" | "queues" | "properties" | "rank" | "since"} Key */
/** @typedef {{ jobs: (node: Node) => number, queues: (node: Node) => string[] }} Known what a node itself does not tell */

export const KEYS = /** @type {const} */ (["name", "state", "cores", "gpus", "jobs", "queues", "properties", "rank", "since"]);

/** The columns of which the greatest is wanted first. */
const GREATEST_FIRST = new Set(["cores", "gpus", "jobs", "since"]);

/** node2 before node10. */
const names = new Intl.Collator("en", { numeric: true });

/** @type {Record<Key, (node: Node, known: Known) => number | string>} */
const VALUES = {
  name: (node) => node.name,
  state: (node) => STATES.indexOf(node.state),
  cores: (node) => node.cores.allocated,
  gpus: (node) => node.gpus.allocated,
  jobs: (node, { jobs }) => jobs(node),
  queues: (node, { queues }) => queues(node).join(" "),
  properties: ({ properties = [] }) => properties.join(" "),
  rank: (node) => node.rank,
  since: ({ drained_at: at = 0 }) => at,
};

/** Read the order in an address: cores, or -cores for the other way around. @param {string} text */
export function read(text) {
  const key = /** @type {Key} */ (text.replace(/^-/, ""));
  return KEYS.includes(key) ? { key, down: text.startsWith("-") } : undefined;
}

/** Return the order after a press on the heading of a column: its own way, the other one, that of the page.
 * @param {string} order @param {Key} key
 */
export function next(order, key) {
  const first = GREATEST_FIRST.has(key) ? `-${key}` : key;
  if (read(order)?.key !== key) return first;
  return order === first ? (first === key ? `-${key}` : key) : "";
}

/**
 * @param {Node[]} nodes
 * @param {string} order as in an address; empty is trouble first
 * @param {Known} known
 */
export function sorted(nodes, order, known) {
  const { key, down } = read(order) ?? { key: /** @type {Key} */ ("state"), down: false };
  const value = VALUES[key];
  const sign = down ? -1 : 1;
  // Each value is computed once: a comparison is made many times.
  return nodes
    .map((node) => ({ node, value: value(node, known) }))
    .sort((a, b) => sign * compare(a.value, b.value) || a.node.rank - b.node.rank)
    .map(({ node }) => node);
}

/** @param {number | string} a @param {number | string} b */
function compare(a, b) {
  return typeof a === "number" ? a - Number(b) : names.compare(a, String(b));
}
