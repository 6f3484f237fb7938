/** The overview: jobs by state as filters, cores and nodes in use, what a second brings. */

import { element } from "../ui/element.js";
import { PENDING, RUNNING } from "../ui/states.js";

const STATES = /** @type {const} */ ([
  ["state", "PENDING", "Pending", PENDING],
  ["state", "RUNNING", "Running", RUNNING],
  ["result", "COMPLETED", "Completed", []],
  ["result", "FAILED", "Failed", []],
  ["result", "CANCELED", "Canceled", []],
  ["result", "TIMEOUT", "Timed out", []],
]);

export class Strip {
  /** @type {Map<string, HTMLButtonElement>} */
  #buttons = new Map();
  /** Jobs that wait. */
  pending = 0;

  /**
   * @param {HTMLElement} where
   * @param {(field: "state" | "result", value: string) => void} filter
   */
  constructor(where, filter) {
    this.where = where;
    const group = element("div", { className: "counts" });
    group.setAttribute("role", "group");
    group.setAttribute("aria-label", "Jobs by state");
    for (const [field, value, title] of STATES) {
      const button = element("button", { type: "button" });
      button.dataset["status"] = value;
      // What the server wrote stands until the figures come.
      const known = where.querySelector(`[data-status="${value}"] b`)?.textContent ?? "–";
      button.append(element("b", { textContent: known }), ` ${title}`);
      button.addEventListener("click", () => {
        filter(field, button.getAttribute("aria-pressed") === "true" ? "" : value);
      });
      this.#buttons.set(value, button);
      group.append(button);
    }
    this.figures = element("dl", { className: "figures" });
    where.replaceChildren(group, this.figures);
  }

  /** @param {string} value */
  press(value) {
    for (const [name, button] of this.#buttons) {
      button.setAttribute("aria-pressed", String(name === value.toUpperCase()));
    }
  }

  /** @param {Record<string, any>} message of the stream of stats */
  take(message) {
    if (message["type"] !== "stats") return;
    for (const [field, value, , states] of STATES) {
      const of = message[field === "state" ? "states" : "results"] ?? {};
      const names = states.length ? states : [value];
      const count = names.reduce((sum, name) => sum + (of[name] ?? 0), 0);
      const number = this.#buttons.get(value)?.querySelector("b");
      if (value === "PENDING") this.pending = count;
      if (number) number.textContent = count.toLocaleString();
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
