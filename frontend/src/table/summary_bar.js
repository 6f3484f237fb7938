/** The overview: jobs by state as filters. */

import { element } from "../ui/element.js";
import { GROUPS, STATES } from "../ui/states.js";
import { number as shown, t } from "../ui/words.js";

export class Strip {
  /** @type {Map<string, { button: HTMLButtonElement, number: HTMLElement }>} by the words for states, "" for all */
  #counts = new Map();
  /** Jobs that wait, whether they match the filters or not. */
  pending = 0;
  /** @type {Record<string, any> | undefined} what the stream of stats said last */
  #all;
  /** @type {import("./matching_counts.js").Counts | undefined} */
  #matching;
  /** True if the number of matching jobs is known. */
  #isKnown = true;

  /**
   * @param {HTMLElement} where holds a link for each count, which becomes a button
   * @param {(states: string) => void} filter
   */
  constructor(where, filter) {
    this.where = where;
    for (const link of where.querySelectorAll("a")) {
      const value = new URL(link.href).searchParams.get("state") ?? "";
      const button = element("button", { type: "button" });
      if (link.dataset["status"]) button.dataset["status"] = link.dataset["status"];
      // The count that the service wrote stands until the figures come.
      button.append(...link.childNodes);
      button.addEventListener("click", () => filter(button.getAttribute("aria-pressed") === "true" ? "" : value));
      const number = /** @type {HTMLElement} */ (button.querySelector("b"));
      this.#counts.set(value, { button, number });
      link.replaceWith(button);
    }
    where.setAttribute("role", "group");
  }

  /** @param {string} states those that are filtered by */
  press(states) {
    const wanted = states.toLowerCase();
    for (const [value, { button }] of this.#counts) button.setAttribute("aria-pressed", String(value === wanted));
  }

  /** @param {Record<string, any>} message of the stream of stats */
  take(message) {
    if (message["type"] !== "stats") return;
    this.#all = message;
    this.pending = counted(message, "PENDING");
    this.#show();
  }

  /**
   * Show the counts of the jobs that match, or those of all jobs.
   * @param {import("./matching_counts.js").Counts | undefined} counts
   * @param {boolean} isKnown
   */
  match(counts, isKnown) {
    this.#matching = counts;
    this.#isKnown = isKnown;
    this.#show();
  }

  /** Jobs of the counts that have not ended; nothing while that is not known. @returns {number | undefined} */
  get active() {
    const shown = this.#matching ?? this.#all;
    return shown && counted(shown, "ACTIVE");
  }

  #show() {
    const counts = this.#matching ?? this.#all;
    if (!counts) return;
    for (const [value, { number }] of this.#counts) {
      const count = value ? value.toUpperCase().split(",").reduce((sum, word) => sum + counted(counts, word), 0) : counts["total"];
      const text = this.#matching && !this.#isKnown ? "–" : shown(Number(count));
      if (number.textContent === text) continue;
      number.textContent = text;
      number.classList.toggle("none", !count);
    }
  }
}

/** @param {Record<string, any>} counts @param {string} word for states or a result */
function counted(counts, word) {
  const names = GROUPS[word] ?? [word];
  const of = counts[STATES.includes(names[0] ?? "") ? "states" : "results"] ?? {};
  return names.reduce((sum, name) => sum + (of[name] ?? 0), 0);
}

/**
 * Return the use of a resource, in numbers and as a bar.
 * @param {string} name
 * @param {{ total: number, allocated: number }} count
 */
export function figure(name, { total, allocated }) {
  const pair = element("div", {});
  const value = element("dd", { textContent: t("nodes.of", { used: allocated, total }) });
  const bar = element("dd", { className: "bar" });
  const meter = element("meter", { min: 0, max: total, value: allocated });
  meter.setAttribute("aria-label", t("nodes.in_use", { name }));
  bar.append(meter);
  pair.append(element("dt", { textContent: name }), value, bar);
  return pair;
}
