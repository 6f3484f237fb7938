/** The overview: jobs by state as filters, cores and nodes in use, what a second brings. */

import { element } from "../ui/element.js";
import { GROUPS } from "../ui/states.js";

/** @typedef {"state" | "result"} Field */

export class Strip {
  /** @type {Map<string, { field: Field, button: HTMLButtonElement, number: HTMLElement }>} by value */
  #counts = new Map();
  /** Jobs that wait. */
  pending = 0;

  /**
   * @param {HTMLElement} where holds a link for each count, which becomes a button
   * @param {(field: Field, value: string) => void} filter
   */
  constructor(where, filter) {
    this.where = where;
    const group = element("div", { className: "counts" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Jobs by state");
    for (const link of where.querySelectorAll("a")) {
      const [[field, value] = ["", ""]] = new URL(link.href).searchParams;
      const button = element("button", { type: "button" });
      button.dataset["status"] = value;
      // The count that the service wrote stands until the figures come.
      button.append(...link.childNodes);
      button.addEventListener("click", () => {
        filter(/** @type {Field} */ (field), button.getAttribute("aria-pressed") === "true" ? "" : value);
      });
      const number = /** @type {HTMLElement} */ (button.querySelector("b"));
      this.#counts.set(value, { field: /** @type {Field} */ (field), button, number });
      group.append(button);
    }
    this.figures = element("dl", { className: "figures" });
    where.replaceChildren(group, this.figures);
  }

  /** @param {string} value */
  press(value) {
    for (const [name, { button }] of this.#counts) {
      button.setAttribute("aria-pressed", String(name === value.toUpperCase()));
    }
  }

  /** @param {Record<string, any>} message of the stream of stats */
  take(message) {
    if (message["type"] !== "stats") return;
    for (const [value, { field, number }] of this.#counts) {
      const of = message[field === "state" ? "states" : "results"] ?? {};
      const count = (GROUPS[value] ?? [value]).reduce((sum, name) => sum + (of[name] ?? 0), 0);
      if (value === "PENDING") this.pending = count;
      number.textContent = count.toLocaleString();
    }
    const { nodes, events_per_second: events, submissions_per_second: submissions } = message;
    const parts = [rate("Submitted", submissions), rate("Events", events)];
    if (nodes) {
      const down = nodes.total - (nodes.states.up ?? 0);
      const used = [figure("Cores", nodes.cores), figure("Nodes", nodes, down ? `${down} not up` : "")];
      if (nodes.gpus.total) used.push(figure("GPUs", nodes.gpus));
      parts.unshift(...used);
    }
    this.figures.replaceChildren(...parts);
  }
}

/** What is in use of something, in numbers and as a bar.
 * @param {string} name
 * @param {{ total: number, allocated: number }} count
 * @param {string} [more] what else there is to say
 * @param {"wrong" | "more"} [kind] whether that is bad
 */
export function figure(name, { total, allocated }, more = "", kind = "wrong") {
  const pair = element("div", {});
  const value = element("dd", { textContent: `${allocated.toLocaleString()} of ${total.toLocaleString()}` });
  if (more) value.append(", ", element("span", { className: kind, textContent: more }));
  const bar = element("dd", { className: "bar" });
  const meter = element("meter", { min: 0, max: total, value: allocated });
  meter.setAttribute("aria-label", `${name} in use`);
  bar.append(meter);
  pair.append(element("dt", { textContent: name }), value, bar);
  return pair;
}

/** @param {string} name @param {number} count in a second */
function rate(name, count) {
  const pair = element("div", { className: "rate" });
  pair.append(element("dt", { textContent: name }), element("dd", { textContent: `${count}/s` }));
  return pair;
}
