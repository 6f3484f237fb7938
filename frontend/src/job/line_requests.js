/** Requests about lines of an output, whose answers come item by item. */

import { Problem, session } from "../ui/api.js";
import { at } from "../ui/root.js";
import { number } from "../ui/words.js";

/** @typedef {Record<string, any>} Item schemas/output-item.json */
/** @typedef {{ bytes: number, at_least: boolean, after: number, lines?: number }} Omitted what the history has left out of an output */

/**
 * Read an answer of `/v1/jobs/ID/output/lines` or `…/search`, and return its last item.
 * @param {string} job
 * @param {"lines" | "search"} what
 * @param {Record<string, string | number | boolean>} query
 * @param {AbortSignal} signal
 * @param {(item: Item) => void} take
 * @returns {Promise<Item>}
 */
export async function read(job, what, query, signal, take) {
  const words = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
  const response = await fetch(at(`/v1/jobs/${job}/output/${what}?${words}`), {
    headers: { ...session.headers, Accept: "application/x-ndjson" },
    signal,
  });
  if (!response.ok || !response.body) throw new Problem(await response.json().catch(() => ({})));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  /** @type {Item} */
  let last = {};
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return last;
    const lines = (rest + value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take((last = JSON.parse(line)));
  }
}

/** Format a number of bytes for people. @param {number} bytes */
export function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${number(Math.round(bytes / 1e6))} MB`;
}
