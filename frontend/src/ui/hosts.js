/** The hosts that a host list names. */

/** @type {Map<string, Set<string>>} */
const known = new Map();

/**
 * The hosts of a host list (RFC 29): node[1-3,7],login.
 * @param {string} list
 */
export function hosts(list) {
  let found = known.get(list);
  if (found) return found;
  found = new Set();
  for (const part of list.match(/[^,[]+(\[[^\]]*\])?[^,[]*/g) ?? []) {
    const [, before = "", ranges, after = ""] = /^([^[]*)(?:\[([^\]]*)\])?(.*)$/.exec(part) ?? [];
    if (ranges === undefined) {
      found.add(before);
      continue;
    }
    for (const range of ranges.split(",")) {
      const [first = "", last = first] = range.split("-");
      for (let n = Number(first); n <= Number(last) && found.size < 100_000; n++) {
        found.add(before + String(n).padStart(first.length, "0") + after);
      }
    }
  }
  if (known.size > 1000) known.clear();
  known.set(list, found);
  return found;
}
