/** The time limit that a job gets which asks for none: the default of its queue. */

import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { spelled } from "./duration.js";

/** @typedef {Record<string, number>} Limits default or longest time limits of the queues in seconds; 0 is none, and "" the queue without a name */
/** @typedef {{ hint: string, from: string, zero: string, help: string }} Words in and below an empty field, for the value 0, and for both in a sentence */

const NONE = { hint: "", from: "", zero: "", help: "" };

/**
 * Say what no time limit, or one of 0, comes to.
 * @param {Limits} limits
 * @param {string} queue that is asked for; empty for the default one
 * @param {string} fallback the default queue
 * @param {Limits} [maxima] of the queues
 * @returns {Words} without texts if that is not known
 */
export function defaultLimit(limits, queue, fallback, maxima = {}) {
  const name = queue || fallback;
  const known = agreed(limits, name);
  if (known === undefined) return NONE;
  const longest = agreed(maxima, name) ?? 0;
  // Flux refuses a job whose limit is longer than its queue allows, also if it comes from the default.
  if (longest && (!known || known > longest)) return required(known, longest, name);
  if (!known) return { hint: t("submit.no_limit"), from: "", zero: t("submit.no_limit"), help: t("submit.help_no_limit") };
  const duration = spelled(Math.round(known));
  const hint = longest ? t("submit.default_and_longest", { duration, longest: spelled(Math.round(longest)) }) : t("submit.default_limit", { duration });
  if (!name) return { hint, from: "", zero: hint, help: t("submit.help_default_limit", { duration }) };
  const said = { duration, queue: visible(name, { most: SHORT }) };
  return { hint, from: t("submit.default_of_queue", said), zero: t("submit.default_limit_queue", said), help: t("submit.help_default_limit_queue", said) };
}

/** Return the value of a queue; without a known queue, the value if all queues agree on it. @param {Limits} limits @param {string} name */
function agreed(limits, name) {
  const values = new Set(Object.values(limits));
  return Object.hasOwn(limits, name) ? limits[name] : values.size === 1 ? [...values][0] : undefined;
}

/** Say that a job without a time limit is refused. @param {number} known the default, if there is one @param {number} longest @param {string} name of the queue @returns {Words} */
function required(known, longest, name) {
  const most = spelled(Math.round(longest));
  const hint = t("submit.limit_required", { most });
  const why = known ? t("submit.default_too_long", { duration: spelled(Math.round(known)) }) : "";
  const said = name ? t("submit.limit_required_queue", { most, queue: visible(name, { most: SHORT }) }) : t("submit.limit_required_help", { most });
  return { hint, from: why || said, zero: hint, help: [said, why].filter(Boolean).join(" ") };
}

/** Say in the field of the time limit what an empty one comes to. @param {string} queue that is asked for @returns {Words} */
export function showDefaultLimit(queue) {
  const input = /** @type {HTMLInputElement} */ (document.getElementById("duration"));
  const [limits, maxima] = ["limits", "maxima"].map((name) => JSON.parse(input.dataset[name] ?? "{}"));
  const words = defaultLimit(limits, queue, input.dataset["queue"] ?? "", maxima);
  // The value of a line of the script takes its place.
  input.dataset["hint"] = words.hint;
  /** @type {HTMLElement} */ (document.getElementById("default-limit")).textContent = words.help;
  return words;
}
