/** The table of nodes, of which only the rows in sight exist. */

import { PRINTED } from "../table/grid.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { states } from "./nodes.js";
import { reason } from "./drain_reason.js";
import { SHORT, visible } from "../ui/visible.js";

/** @typedef {import("./nodes.js").Node} Node */
/** @typedef {import("./nodes.js").Job} Job */

const SPARE = 8;
/** Jobs of a node that have links of their own. */
const LINKS = 2;

export class Rack {
  /** @type {Node[]} */
  nodes = [];
  /** @type {Map<number, { line: HTMLTableRowElement, said: string }>} by rank */
  #shown = new Map();
  #frame = 0;
  /** Height of a row in pixels: the sheet says it, for another on narrow screens. */
  #row = 36;
  /** Rows that are there for print; 0: those in sight. */
  #printed = 0;

  /**
   * @param {HTMLElement} frame scrolls
   * @param {HTMLTableElement} table
   * @param {(node: Node) => Job[]} jobs
   */
  constructor(frame, table, jobs) {
    this.frame = frame;
    this.table = table;
    this.jobs = jobs;
    this.body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
    this.above = spacer();
    this.below = spacer();
    frame.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(frame);
    addEventListener("resize", () => this.soon());
    for (const [kind, most] of /** @type {const} */ ([["beforeprint", PRINTED], ["afterprint", 0]])) {
      addEventListener(kind, () => {
        this.#printed = most;
        this.draw();
      });
    }
  }

  /** Pixels of a row. */
  get rowHeight() {
    return this.#row;
  }

  /** Draw before the next frame. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  draw() {
    if (!this.above.isConnected) this.body.replaceChildren(this.above, this.below);
    const now = Date.now() / 1000;
    this.#row = Number.parseFloat(getComputedStyle(this.table).getPropertyValue("--row")) * root();
    const first = this.#printed ? 0 : Math.max(Math.floor(this.frame.scrollTop / this.#row) - SPARE, 0);
    const count = this.#printed || Math.ceil(this.frame.clientHeight / this.#row) + 2 * SPARE;
    const wanted = this.nodes.slice(first, first + count);
    const ranks = new Set(wanted.map((node) => node.rank));
    for (const [rank, { line }] of this.#shown) {
      if (ranks.has(rank)) continue;
      if (line.contains(document.activeElement)) this.frame.focus({ preventScroll: true });
      line.remove();
      this.#shown.delete(rank);
    }
    /** @type {Element} */
    let place = this.above;
    for (const [offset, node] of wanted.entries()) {
      const line = this.#line(node, now);
      line.setAttribute("aria-rowindex", String(first + offset + 2));
      if (place.nextElementSibling !== line) place.after(line);
      place = line;
    }
    this.above.style.height = `${first * this.#row}px`;
    this.below.style.height = `${Math.max(this.nodes.length - first - wanted.length, 0) * this.#row}px`;
    this.table.setAttribute("aria-rowcount", String(this.nodes.length + 1));
  }

  /** The row of a node, made anew only where what it says is new.
   * @param {Node} node @param {number} now
   */
  #line(node, now) {
    const jobs = this.jobs(node);
    const said = JSON.stringify([node, jobs.slice(0, LINKS).map((job) => job.id), jobs.length]);
    const known = this.#shown.get(node.rank);
    if (known?.said === said) return known.line;
    const line = known?.line ?? element("tr", { role: "row" });
    const focused = line.contains(document.activeElement) ? sign(document.activeElement) : undefined;
    line.dataset["state"] = node.state;
    line.replaceChildren(...cells(node, jobs, now));
    this.#shown.set(node.rank, { line, said });
    if (focused) {
      const again = [...line.querySelectorAll("a, button")].find((it) => sign(it) === focused);
      (/** @type {HTMLElement | undefined} */ (again) ?? this.frame).focus({ preventScroll: true });
    }
    return line;
  }
}

/** Pixels of a rem. */
const root = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize);

/** What tells the links and buttons of a row apart. @param {Element | null} it */
const sign = (it) => it?.getAttribute("href") ?? it?.tagName;

/** @param {Node} node @param {Job[]} jobs @param {number} now */
function cells(node, jobs, now) {
  const state = element("td", { role: "cell", className: "state" });
  const health = element("span", { className: "health", textContent: states(node).join(", ") });
  health.dataset["state"] = node.state;
  state.append(health);
  const shown = visible(node.name, { most: SHORT });
  const name = element("th", { scope: "row", role: "rowheader", textContent: shown, title: shown });
  const rank = element("td", { className: "rank numeric", role: "cell", textContent: String(node.rank) });
  return [name, rank, state, use(node, "cores"), use(node, "gpus"), on(node, jobs), reason(node, now)];
}

/** Return the cell of what is in use of a node: nothing is free on one that is not up.
 * @param {Node} node @param {"cores" | "gpus"} kind
 */
function use(node, kind) {
  const { total, allocated } = node[kind];
  const what = kind === "gpus" ? "GPUs" : kind;
  const cell = element("td", { role: "cell", className: "use" });
  cell.dataset["what"] = what;
  if (!total) cell.textContent = "none";
  else {
    const meter = element("meter", { min: 0, max: total, value: allocated });
    meter.setAttribute("aria-label", `${what} taken`);
    cell.append(meter, node.state === "up" ? ` ${allocated} taken, ${total - allocated} free` : ` ${allocated} of ${total} taken`);
  }
  return cell;
}

/** @param {Node} node @param {Job[]} jobs */
function on(node, jobs) {
  const cell = element("td", { role: "cell", className: "on" });
  for (const job of jobs.slice(0, LINKS)) {
    const title = visible([job.name, job.username].filter(Boolean).join(", "), { most: SHORT });
    cell.append(element("a", { href: at(`/ui/jobs/${job.id}`), textContent: job.id, title }), " ");
  }
  if (jobs.length > LINKS) {
    const query = new URLSearchParams({ state: "RUNNING", node: node.name });
    cell.append(element("a", { href: at(`/?${query}`), textContent: `${jobs.length - LINKS} more` }));
  }
  return cell;
}

function spacer() {
  const line = element("tr", { className: "spacer" });
  line.setAttribute("aria-hidden", "true");
  line.append(element("td", {}));
  return line;
}
