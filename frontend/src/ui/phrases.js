/** The phrases that the service says of a job, too: each stands in one file. */

import phrases from "../../../fluxapi/model/phrases.json" with { type: "json" };

export const WAITS = /** @type {Record<string, string>} */ (phrases["waits"]);
export const FAILURES = /** @type {Record<string, string>} */ (phrases["failures"]);
export const EXIT_CODES = /** @type {Record<string, string>} */ (phrases["exit codes"]);
export const SIGNALS = /** @type {Record<string, string>} */ (phrases["signals"]);

/** How the reasons begin of a job that asks for more than there is. */
const CANNOT = /^cannot start: /;

/** Say whether a job waits for what there is not: time alone does not start it. @param {string} reason */
export const cannotStart = (reason) => CANNOT.test(reason);

/** @type {Map<string, string[]>} each phrase in pieces: text, name, text, name, text … */
const pieces = new Map();

/**
 * Put values into a phrase: {name} stands for a value.
 * @param {string | undefined} phrase
 * @param {Record<string, string | number>} values
 */
export function fill(phrase = "", values) {
  let parts = pieces.get(phrase);
  if (!parts) pieces.set(phrase, (parts = phrase.split(/\{(\w+)\}/)));
  let text = parts[0] ?? "";
  for (let at = 1; at < parts.length; at += 2) text += `${values[parts[at] ?? ""]}${parts[at + 1]}`;
  return text;
}
