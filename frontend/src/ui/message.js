/** The sentences of the service in the language of the page; fluxapi/model/message.py says them in English. */

import { duration } from "./format.js";
import { choice, list, say } from "./words.js";

/** @typedef {{ code?: string, params?: Record<string, unknown> }} Coded what the service tells of a sentence besides its text */

/** @param {string} name @param {unknown} value @returns {string | number} */
function written(name, value) {
  if (Array.isArray(value)) return name === "options" ? choice(value.map(String)) : list(value.map(String));
  if (typeof value === "number") return name.endsWith("_seconds") ? duration(value) : value;
  if (typeof value !== "object" || value === null) return String(value);
  // A sentence in the sentence.
  const { section, detail, ...coded } = /** @type {Coded & { section: string, detail: string }} */ (value);
  return message(section, coded, detail);
}

/**
 * Return a sentence of the service: in its own words if the page has none for it, or does not have
 * all of its values.
 * @param {string} section of the texts, whose names are the codes
 * @param {Coded} coded
 * @param {string} text
 */
export function message(section, { code, params }, text) {
  if (!code) return text;
  const values = Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, written(name, value)]));
  return say(`${section}.${code}`, values) ?? text;
}

/** Return the words about an invalid field, or about a line of a script. @param {Coded & { detail: string }} error as in a problem document */
export const fieldMessage = (error) => message("fields", error, error.detail);

/** Return the warnings about a script. @param {{ warnings?: string[], warning_codes?: Coded[] }} answer */
export function warningsOf({ warnings = [], warning_codes: codes = [] }) {
  return warnings.map((text, at) => message("warnings", codes[at] ?? {}, text));
}
