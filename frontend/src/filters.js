/** Which jobs a page shows: kept in its address, so that a view can be sent to a colleague. */

/** @typedef {import("./rows.js").Row} Row */

const FIELDS = /** @type {const} */ (["state", "result", "user", "name", "queue", "node", "text"]);
const GROUPS = /** @type {Record<string, string[]>} */ ({
  PENDING: ["NEW", "DEPEND", "PRIORITY", "SCHED"],
  RUNNING: ["RUN", "CLEANUP"],
  ACTIVE: ["NEW", "DEPEND", "PRIORITY", "SCHED", "RUN", "CLEANUP"],
});

/** @typedef {Partial<Record<typeof FIELDS[number], string>>} Filters */

/**
 * @param {URLSearchParams} query
 * @returns {Filters}
 */
export function read(query) {
  /** @type {Filters} */
  const found = {};
  for (const field of FIELDS) {
    const values = query.getAll(field).filter(Boolean);
    if (values.length) found[field] = values.join(",");
  }
  return found;
}

/**
 * The address of a view.
 * @param {Filters} filters
 * @param {{ key: string, down: boolean }} order
 */
export function write(filters, order) {
  const query = new URLSearchParams();
  for (const field of FIELDS) if (filters[field]) query.set(field, filters[field]);
  if (order.key !== "id" || !order.down) query.set("sort", order.down ? `-${order.key}` : order.key);
  return query.toString();
}

/**
 * A test of rows, or nothing when every row passes.
 * @param {Filters} filters
 * @returns {((row: Row) => boolean) | undefined}
 */
export function test(filters) {
  /** @type {((row: Row) => boolean)[]} */
  const tests = [];
  const { state, result, user, name, queue, node, text } = filters;
  if (state) {
    const states = new Set(state.toUpperCase().split(",").flatMap((word) => GROUPS[word] ?? [word]));
    tests.push((row) => states.has(row.state));
  }
  if (result) {
    const results = new Set(result.toUpperCase().split(","));
    tests.push((row) => results.has(row.result));
  }
  if (user) tests.push((row) => row.username === user);
  if (queue) tests.push((row) => row.queue === queue);
  if (name?.endsWith("*")) tests.push((row) => row.name.startsWith(name.slice(0, -1)));
  else if (name) tests.push((row) => row.name === name);
  if (node) tests.push((row) => hosts(row.nodelist).has(node));
  if (text) {
    const needle = text.toLowerCase();
    tests.push((row) =>
      [row.name, row.id, row.status, row.username, row.queue, row.nodelist].some((word) =>
        word.toLowerCase().includes(needle),
      ),
    );
  }
  return tests.length ? (row) => tests.every((passes) => passes(row)) : undefined;
}

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
