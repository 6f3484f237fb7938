/** The overview: jobs by state as filters. */

import { element } from "../ui/element.js";
import { GROUPS, STATES } from "../ui/states.js";
import { number as shown, t } from "../ui/words.js";

export class Strip {
  /** @type {Map<string, { button: HTMLButtonElement, number: HTMLElement }>} by the words for states, "" for all */
  #counts = new Map();
  /** Jobs that wait. */
  pending = 0;

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
    for (const [value, { number }] of this.#counts) {
      const count = value ? value.toUpperCase().split(",").reduce((sum, word) => sum + counted(message, word), 0) : message["total"];
      if (value === "pending") this.pending = count;
      const text = shown(Number(count));
      if (number.textContent !== text) number.textContent = text;
    }
  }
}

/** @param {Record<string, any>} message @param {string} word for states or a result */
function counted(message, word) {
  const names = GROUPS[word] ?? [word];
  const of = message[STATES.includes(names[0] ?? "") ? "states" : "results"] ?? {};
  return names.reduce((sum, name) => sum + (of[name] ?? 0), 0);
}

/** What is in use of something, in numbers and as a bar.
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
