/** Long work in slices, between which the page answers its reader. */

/** Milliseconds of a slice: a frame has room for it. */
const SLICE_MS = 8;
/** Items of a sort that take less than a slice. */
const PIECE = 4000;

/** Wait for one turn of the event loop, in which input is handled. */
function turn() {
  return new Promise((/** @type {(value?: undefined) => void} */ done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      done();
    };
    port2.postMessage(undefined);
  });
}

/** Do all steps at once. @param {Iterable<unknown>} steps */
export function atOnce(steps) {
  for (const _step of steps);
}

/**
 * Do steps in slices.
 * @param {Iterable<unknown>} steps
 * @param {() => boolean} isStale true once nobody waits for it
 * @returns {Promise<boolean>} whether all were done
 */
export async function inSlices(steps, isStale) {
  let end = performance.now() + SLICE_MS;
  for (const _step of steps) {
    if (performance.now() < end) continue;
    await turn();
    if (isStale()) return false;
    end = performance.now() + SLICE_MS;
  }
  return !isStale();
}

/**
 * Sort in steps: pieces first, which are then merged.
 * @template T
 * @param {T[]} items
 * @param {(a: T, b: T) => number} compare
 * @returns {Generator<undefined, T[], undefined>}
 */
export function* sorting(items, compare) {
  /** @type {T[][]} */
  let runs = [];
  for (let at = 0; at < items.length; at += PIECE) {
    runs.push(items.slice(at, at + PIECE).sort(compare));
    yield;
  }
  while (runs.length > 1) {
    /** @type {T[][]} */
    const next = [];
    for (let at = 0; at < runs.length; at += 2) {
      const [a = [], b] = [runs[at], runs[at + 1]];
      next.push(b ? yield* merging(a, b, compare) : a);
    }
    runs = next;
  }
  return runs[0] ?? [];
}

/**
 * @template T
 * @param {T[]} a @param {T[]} b
 * @param {(a: T, b: T) => number} compare
 * @returns {Generator<undefined, T[], undefined>}
 */
function* merging(a, b, compare) {
  // Runs that are in order already, as those of a table mostly are, need no comparisons.
  if (compare(/** @type {T} */ (a.at(-1)), /** @type {T} */ (b[0])) <= 0) return a.concat(b);
  if (compare(/** @type {T} */ (b.at(-1)), /** @type {T} */ (a[0])) <= 0) return b.concat(a);
  /** @type {T[]} */
  const merged = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    const [left, right] = [/** @type {T} */ (a[i]), /** @type {T} */ (b[j])];
    if (compare(left, right) <= 0) {
      merged.push(left);
      i++;
    } else {
      merged.push(right);
      j++;
    }
    if (merged.length % PIECE === 0) yield;
  }
  while (i < a.length) merged.push(/** @type {T} */ (a[i++]));
  while (j < b.length) merged.push(/** @type {T} */ (b[j++]));
  return merged;
}
