/** Chosen lines of an output as text, read from the service: the page may have loaded only some of them. */

import { element } from "../ui/element.js";
import { number, t } from "../ui/words.js";
import { read } from "./line_requests.js";

/** @typedef {import("./line_links.js").Lines} Lines */
/** @typedef {import("./line_requests.js").Item} Item */

/** Lines of one request, the most that the service sends. */
const COUNT = 5000;
/** Characters of a file that is made here; all of a longer output is a download of its own. */
const MAX_CHARS = 64 << 20;

/**
 * Read lines.
 * @param {string} job
 * @param {Lines} lines
 * @param {Record<string, string | number>} part as requests name it
 * @param {AbortSignal} signal
 * @param {typeof read} [ask]
 * @returns {Promise<{ text: string, count: number, isCut: boolean, isWhole: boolean }>}
 *   the text, and whether parts of long lines are left out, and whether all lines are in it
 */
export async function textOf(job, { source, first, last }, part, signal, ask = read) {
  const found = { text: "", count: 0, isCut: false, isWhole: true };
  for (let next = first; next <= last && found.isWhole; ) {
    const query = { ...part, source, first: next, count: Math.min(last + 1 - next, COUNT) };
    const end = await ask(job, "lines", query, signal, (item) => {
      if (item["type"] !== "line" || item["line"] > last || !found.isWhole) return;
      found.isWhole = found.text.length + item["text"].length < MAX_CHARS;
      if (!found.isWhole) return;
      found.text += `${item["text"]}\n`;
      found.count++;
      found.isCut ||= Boolean(item["left_out"]);
    });
    if (end["reason"] === "end" || end["line"] < next) break;
    next = end["line"] + 1;
  }
  return found;
}

/**
 * Save lines as a file, and return what there is to say of it.
 * @param {string} job
 * @param {Lines} lines
 * @param {Record<string, string | number>} part as requests name it
 */
export async function save(job, lines, part) {
  const { text, count, isCut, isWhole } = await textOf(job, lines, part, new AbortController().signal);
  if (!count) return t("output.no_lines");
  const href = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  element("a", { href, download: nameOf(job, lines) }).click();
  URL.revokeObjectURL(href);
  if (!isWhole) return t("output.saved_first", { count, many: number(lines.last + 1 - lines.first) });
  return isCut ? t("output.saved_cut", { count }) : t("output.saved_lines", { count });
}

/** Return the name of the file. @param {string} job @param {Lines} lines */
export function nameOf(job, { source, first, last }) {
  return `${job}${source ? `.file${source}` : ""}.${first === last ? first : `${first}-${last}`}.txt`;
}
