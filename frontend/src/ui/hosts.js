/** The hosts that a host list names. */

import { t } from "./words.js";

/** Hosts of one list that are told apart. */
const MAX_HOSTS = 100_000;
/** Hosts of a list in which repeats are counted; a longer one is shown as it is. */
const MAX_COUNTED = 1000;

/** Hosts of all lists that are kept. */
const MAX_KNOWN = 4 * MAX_HOSTS;

/** @type {Map<string, Set<string>>} */
const known = new Map();
let kept = 0;

/**
 * Return the hosts of a host list (RFC 29): node[1-3,7],login.
 * @param {string} list
 */
export function hosts(list) {
  let found = known.get(list);
  if (found) return found;
  found = new Set();
  for (const host of each(list)) {
    if (found.size >= MAX_HOSTS) break;
    found.add(host);
  }
  kept += found.size;
  if (known.size > 1000 || kept > MAX_KNOWN) {
    known.clear();
    kept = found.size;
  }
  known.set(list, found);
  return found;
}

/**
 * Format a host list for people, like fluxapi/web/granted_nodes.py: a host that it repeats is named
 * once, with its ranks.
 * @param {string} list
 */
export function named(list) {
  if (!list.includes(",")) return list;
  /** @type {Map<string, number>} */
  const ranks = new Map();
  let count = 0;
  for (const host of each(list)) {
    if (++count > MAX_COUNTED) return list;
    ranks.set(host, (ranks.get(host) ?? 0) + 1);
  }
  if (ranks.size === count) return list;
  return [...ranks].map(([host, count]) => (count === 1 ? host : t("job.host_ranks", { host, count }))).join(", ");
}

/** Yield each host in its order, as often as the list has it. @param {string} list */
function* each(list) {
  for (const [part] of list.matchAll(/[^,[]+(\[[^\]]*\])?[^,[]*/g)) {
    const [, before = "", ranges, after = ""] = /^([^[]*)(?:\[([^\]]*)\])?(.*)$/.exec(part) ?? [];
    if (ranges === undefined) {
      yield before;
      continue;
    }
    for (const range of ranges.split(",")) {
      const [first = "", last = first] = range.split("-");
      // Beyond, a number may have no next one.
      for (let n = Number(first); n <= Number(last) && Number.isSafeInteger(n); n++) yield before + String(n).padStart(first.length, "0") + after;
    }
  }
}
