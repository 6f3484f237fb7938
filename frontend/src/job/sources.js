/**
 * The sources of a job's output: its output eventlog, and the files that receive output. The index of
 * an entry tells its source, and in a file the position of its last byte.
 */

/** Indexes of the output eventlog are smaller. */
const FILES = 2 ** 48;
/** Indexes of one file. */
const FILE = 2 ** 42;

/** Return the number of the file that an entry comes from, 0 for the eventlog. @param {number} index */
export const sourceOf = (index) => (index < FILES ? 0 : 1 + Math.floor((index - FILES) / FILE));

/** Return the position to resume from, by the last index of each source. @param {Map<number, number>} last */
export function resume(last) {
  const files = [...last].filter(([source]) => source > 0).map(([, index]) => index + 1);
  return { from: (last.get(0) ?? -1) + 1, ...(files.length ? { from_files: files } : {}) };
}

/** Return whether a file has bytes before an entry. @param {Record<string, any>} entry */
export function followsOthers(entry) {
  const index = entry["index"];
  const text = String(entry["data"] ?? "");
  const size = entry["encoding"] === "base64" ? base64Size(text) : new TextEncoder().encode(text).length;
  return (index - FILES) % FILE > size;
}

/** @param {string} text */
const base64Size = (text) => (text.length / 4) * 3 - (text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0);

/** Return whether a list of ranks (RFC 22) contains a task. @param {string} ranks @param {number} task */
export function isOfTask(ranks, task) {
  return ranks.replace(/^\[|\]$/g, "").split(",").some((part) => {
    const [first, last = first] = part.split("-").map(Number);
    return first !== undefined && last !== undefined && part !== "" && first <= task && task <= last;
  });
}
