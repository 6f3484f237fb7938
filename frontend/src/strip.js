/** The overview: jobs by state as filters, cores and nodes in use, what a second brings. */

import { element } from "./grid.js";

const STATES = /** @type {const} */ ([
  ["state", "PENDING", "Pending", ["NEW", "DEPEND", "PRIORITY", "SCHED"]],
  ["state", "RUNNING", "Running", ["RUN", "CLEANUP"]],
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
    /** @type {[string, string][]} */
    const figures = [
      ["Submitted", `${submissions}/s`],
      ["Events", `${events}/s`],
    ];
    if (nodes) {
      const down = nodes.total - (nodes.states.up ?? 0);
      figures.unshift(
        ["Cores", `${nodes.cores.allocated} of ${nodes.cores.total}`],
        ["Nodes", `${nodes.allocated} of ${nodes.total}${down ? `, ${down} not up` : ""}`],
      );
      if (nodes.gpus.total) figures.splice(2, 0, ["GPUs", `${nodes.gpus.allocated} of ${nodes.gpus.total}`]);
    }
    this.figures.replaceChildren(
      ...figures.map(([name, value]) => {
        const pair = element("div", {});
        pair.append(element("dt", { textContent: name }), element("dd", { textContent: value }));
        return pair;
      }),
    );
  }
}
