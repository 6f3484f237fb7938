/** The sentences of the service in the language of the page; fluxapi/model/message.py says them in English. */

import { duration } from "./format.js";
import { list, say } from "./words.js";

/** @typedef {{ code?: string, params?: Record<string, unknown> }} Coded what the service tells of a sentence besides its text */

/** @param {string} name @param {unknown} value */
function written(name, value) {
  if (Array.isArray(value)) return list(value.map(String));
  return typeof value === "number" ? (name.endsWith("_seconds") ? duration(value) : value) : String(value);
}

/**
 * A sentence of the service: in its own words, if the page has none for it, or does not have all of its values.
 * @param {string} section of the texts, whose names are the codes
 * @param {Coded} coded
 * @param {string} text
 */
export function message(section, { code, params }, text) {
  if (!code) return text;
  const values = Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, written(name, value)]));
  return say(`${section}.${code}`, values) ?? text;
}
