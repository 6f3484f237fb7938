/** Fields beside a batch script: those that its directives say already, and those that win over its lines. */

import { seconds } from "./duration.js";
import { parse } from "./form.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */

/** Fields that no directive gives. */
const OWN = new Set(["script", "script_name", "script_args", "jobspec", "wrap"]);
/** Kinds whose values are joined with those of the directives: none wins. */
const JOINED = new Set(["list", "pairs", "tree", "numbers", "json", "query", "flag"]);
/** Values of a batch job that neither says; see fluxapi/model/batch.py. @type {Record<string, unknown>} */
const USUAL = { num_slots: 1, cores_per_slot: 1, name: "batch", output: "flux-{{id}}.out" };

/** @param {Field} field @param {string | boolean} typed @param {unknown} value of the directives */
function isSame({ name, kind }, typed, value) {
  if (typed === true) return value === true;
  if (name === "duration") return seconds(String(typed)) === (typeof value === "number" ? value : seconds(String(value)));
  try {
    return JSON.stringify(parse(kind, String(typed))) === JSON.stringify(value);
  } catch {
    return false;
  }
}

/**
 * Return the values of a batch job without those that its script sets, so that a changed line of
 * the script counts.
 * @param {Values} values of a job that ran with this script
 * @param {Field[]} fields
 * @param {Record<string, any>} given what the directives of the script say
 * @returns {Values}
 */
export function besideScript(values, fields, given) {
  /** @type {Record<string, unknown>} */
  const said = { ...USUAL, ...given };
  const isWholeNodes = given["num_nodes"] !== undefined && given["num_slots"] === undefined;
  if (isWholeNodes) {
    // As many slots as nodes, which the job has to itself: not the same as slots that were asked for.
    said["exclusive"] = true;
    said["num_slots"] = values["exclusive"] === true && String(values["num_nodes"]) === String(given["num_nodes"]) ? given["num_nodes"] : undefined;
  }
  const left = { ...values };
  for (const field of fields) {
    const { name, kind } = field;
    const typed = values[name];
    if (!typed || OWN.has(name) || said[name] === undefined) continue;
    if (isSame(field, typed, said[name])) delete left[name];
    else if (kind === "list") left[name] = restOf(String(typed), said[name]);
  }
  if (isWholeNodes && left["num_nodes"] && values["exclusive"]) left["exclusive"] = true;
  return left;
}

/** Return a list without the items that the directives put in front of it. @param {string} typed @param {unknown} first */
function restOf(typed, first) {
  const items = /** @type {unknown[]} */ (parse("list", typed));
  const lines = typed.split(/\r?\n/).filter((line) => line.trim());
  const count = Array.isArray(first) ? first.length : 0;
  return JSON.stringify(items.slice(0, count)) === JSON.stringify(first) ? lines.slice(count).join("\n") : typed;
}

/**
 * Return the fields that override a line of the script, in the order of the form.
 * @param {Values} values
 * @param {Field[]} fields
 * @param {Record<string, any>} given
 */
export function winners(values, fields, given) {
  return fields.filter((field) => {
    const typed = values[field.name];
    const value = given[field.name];
    if (value === undefined || value === null || typeof typed !== "string" || !typed.trim()) return false;
    return !JOINED.has(field.kind) && !OWN.has(field.name) && !isSame(field, typed, value);
  });
}
