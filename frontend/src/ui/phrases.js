/** The phrases that the service says of a job, too: each stands in one file. */

import phrases from "../../../fluxapi/model/phrases.json" with { type: "json" };

export const WAITS = /** @type {Record<string, string>} */ (phrases["waits"]);
export const FAILURES = /** @type {Record<string, string>} */ (phrases["failures"]);
export const EXIT_CODES = /** @type {Record<string, string>} */ (phrases["exit codes"]);
export const SIGNALS = /** @type {Record<string, string>} */ (phrases["signals"]);

/**
 * Put values into a phrase: {name} stands for a value.
 * @param {string | undefined} phrase
 * @param {Record<string, string | number>} values
 */
export function fill(phrase, values) {
  return (phrase ?? "").replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
