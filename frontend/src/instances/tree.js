/** The tree of instances, as the stream of instances tells it. */

/** @typedef {Record<string, any> & { path: string, depth: number, state: string }} Instance */

export class Tree {
  /** @type {Map<string, Instance>} by path */
  #all = new Map();
  /** True if everything has arrived once: a bookmark follows the last instance. */
  isComplete = false;
  /** True if anything has changed since the reader set this to false. */
  hasChanged = false;

  get size() {
    return this.#all.size;
  }

  /** @param {Record<string, any>} message */
  take(message) {
    const { type } = message;
    if (type === "reset") {
      this.#all.clear();
      this.isComplete = false;
    } else if (type === "instance") this.#all.set(message["instance"].path, message["instance"]);
    else if (type === "instance-gone") this.#all.delete(message["path"]);
    else if (type === "bookmark" && !this.isComplete) this.isComplete = true;
    else return;
    this.hasChanged = true;
  }

  /** Return all instances, each before those below it, by the IDs of their jobs. */
  sorted() {
    return [...this.#all.values()].sort((one, other) => compare(one.path, other.path));
  }
}

/** Return the parts of a path; the root has none. @param {string} path */
const parts = (path) => (path ? path.split("/") : []);

/** Order as the service does: later jobs have greater IDs, and a greater ID has as many digits or more.
 * @param {string} one
 * @param {string} other
 */
export function compare(one, other) {
  const [left, right] = [parts(one), parts(other)];
  for (const [index, id] of left.entries()) {
    const beside = right[index];
    if (beside === undefined) return 1;
    if (id !== beside) return id.length - beside.length || (id < beside ? -1 : 1);
  }
  return left.length - right.length;
}
