/** The time limit that a job gets which asks for none: the default of its queue. */

import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { spelled } from "./duration.js";

/** @typedef {Record<string, number>} Limits default time limits of the queues in seconds; 0 is none, and "" the queue without a name */
/** @typedef {{ hint: string, from: string, zero: string, help: string }} Words in and below an empty field, for the value 0, and for both in a sentence */

const NONE = { hint: "", from: "", zero: "", help: "" };

/**
 * Say what no time limit, or one of 0, comes to.
 * @param {Limits} limits
 * @param {string} queue that is asked for; empty for the default one
 * @param {string} fallback the default queue
 * @returns {Words} without texts if that is not known
 */
export function defaultLimit(limits, queue, fallback) {
  const name = queue || fallback;
  const values = new Set(Object.values(limits));
  // Without a queue that is known, it is the same only if all queues agree.
  const known = Object.hasOwn(limits, name) ? limits[name] : values.size === 1 ? [...values][0] : undefined;
  if (known === undefined) return NONE;
  if (!known) return { hint: t("submit.no_limit"), from: "", zero: t("submit.no_limit"), help: t("submit.help_no_limit") };
  const duration = spelled(Math.round(known));
  const hint = t("submit.default_limit", { duration });
  if (!name) return { hint, from: "", zero: hint, help: t("submit.help_default_limit", { duration }) };
  const said = { duration, queue: visible(name, { most: SHORT }) };
  return { hint, from: t("submit.default_of_queue", said), zero: t("submit.default_limit_queue", said), help: t("submit.help_default_limit_queue", said) };
}

/** Say in the field of the time limit what an empty one comes to. @param {string} queue that is asked for @returns {Words} */
export function showDefaultLimit(queue) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById("duration"));
  const words = defaultLimit(JSON.parse(input.dataset["limits"] ?? "{}"), queue, input.dataset["queue"] ?? "");
  // The value of a line of the script takes its place.
  input.dataset["hint"] = words.hint;
  /** @type {HTMLElement} */ (document.getElementById("default-limit")).textContent = words.help;
  return words;
}
