/** The table of nodes, of which only the rows in sight exist. */

import { PRINTED } from "../table/grid.js";
import { element } from "../ui/element.js";
import { nameRoom } from "./name_room.js";
import { cells } from "./node_row.js";

/** @typedef {import("./nodes.js").Node} Node */
/** @typedef {import("./nodes.js").Job} Job */
/** @typedef {{ jobs: (node: Node) => Job[], queues: (node: Node) => string[], label: (node: Node) => string }} Known */

const SPARE = 8;

export class NodeTable {
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
   * @param {Known} known
   */
  constructor(frame, table, known) {
    this.frame = frame;
    this.table = table;
    this.known = known;
    this.body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
    this.above = spacer();
    this.below = spacer();
    frame.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.#fit()).observe(frame);
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

  /** @param {Node[]} nodes in the order of the rows @param {readonly string[]} names of all nodes */
  show(nodes, names) {
    this.nodes = nodes;
    this.names = names;
    this.#fit();
    this.draw();
  }

  /** Give the names the room that the longest of them needs. */
  #fit() {
    const { width, lines } = nameRoom(this.names ?? this.#names(), this.frame);
    this.table.style.setProperty("--name-width", `${width}px`);
    this.table.style.setProperty("--name-lines", String(lines));
    const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    const has = (/** @type {string} */ column) => !this.table.classList.contains(`no-${column}`);
    this.table.dataset["room"] = roomBeside((this.frame.clientWidth - width) / rem, has);
    this.soon();
  }

  /** Return the names in the rows that came with the page. */
  #names() {
    return [...this.body.querySelectorAll("th a")].map((link) => link.textContent ?? "");
  }

  /** Draw before the next frame. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  draw() {
    // Until the nodes are known, the rows that came with the page stay.
    if (!this.names) return;
    if (!this.above.isConnected) this.body.replaceChildren(this.above, this.below);
    const now = Date.now() / 1000;
    // On a phone, an entry with jobs and a reason has one line more, and all are of one height.
    this.table.classList.toggle("both", this.nodes.some((node) => node.drained_at && this.known.jobs(node).length));
    this.#row = height(this.above, this.table);
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

  /**
   * Return the row of a node, made anew only if its content is new.
   * @param {Node} node @param {number} now
   */
  #line(node, now) {
    const [jobs, queues, label] = [this.known.jobs(node), this.known.queues(node), this.known.label(node)];
    const said = JSON.stringify([node, label, jobs.map((job) => job.id), queues]);
    const shown = this.#shown.get(node.rank);
    if (shown?.said === said) return shown.line;
    const line = shown?.line ?? element("tr", { role: "row" });
    const focused = line.contains(document.activeElement) ? sign(document.activeElement) : undefined;
    line.dataset["state"] = node.state;
    line.replaceChildren(...cells(node, label, jobs, queues, now));
    this.#shown.set(node.rank, { line, said });
    if (focused) {
      const again = [...line.querySelectorAll("a, button")].find((it) => sign(it) === focused);
      (/** @type {HTMLElement | undefined} */ (again) ?? this.frame).focus({ preventScroll: true });
    }
    return line;
  }
}

/** Say which columns have room beside the names: all, most (without properties and rank), some (the least of each), or few (without queues).
 * @param {number} room rem @param {(column: string) => boolean} has whether the table has a column at all
 */
export function roomBeside(room, has) {
  // As the sheet gives them, and what a reason needs at least.
  const most = 33 + (has("reasons") ? 14 : 0) + (has("gpus") ? 7.5 : 0) + (has("queues") ? 9.5 : 0);
  const all = most + (has("properties") ? 9.5 : 0) + 4;
  const some = most - 12 - (has("reasons") ? 4 : 0);
  return room >= all ? "all" : room >= most ? "most" : room >= some ? "some" : "few";
}

/**
 * Return the pixels of a row, as the style sheet computes them from the lines of the longest name.
 * @param {HTMLElement} probe @param {HTMLElement} table
 */
function height(probe, table) {
  const rem = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  const style = getComputedStyle(table);
  const lines = Number.parseFloat(style.getPropertyValue("--name-lines")) || 1;
  return (Number.parseFloat(style.getPropertyValue("--row")) + (lines - 1) * Number.parseFloat(style.getPropertyValue("--line"))) * rem || probe.clientHeight;
}

/** Return the text that distinguishes the links and buttons of a row. @param {Element | null} it */
const sign = (it) => it?.getAttribute("href") ?? it?.tagName;

function spacer() {
  const line = element("tr", { className: "spacer" });
  line.setAttribute("aria-hidden", "true");
  line.append(element("td", {}));
  return line;
}
