/** All nodes at a glance: a square each, in the order of their ranks, colored by state and use. */

import { element } from "../ui/element.js";
import { number as digits, t } from "../ui/words.js";
import { STATE_WORDS, states } from "./nodes.js";
import { SHORT, visible } from "../ui/visible.js";

/** @typedef {import("./nodes.js").Node} Node */

/** The kinds of a square, in the order of the legend. */
const KINDS = /** @type {const} */ (["full", "most", "some", "free", "excluded", "draining", "drained", "down"]);
/** @typedef {typeof KINDS[number]} Kind */
/** @type {Record<Kind, import("../ui/words.js").Key>} */
const WORDS = {
  full: "nodes.map_full", most: "nodes.map_most", some: "nodes.map_some", free: "nodes.map_free",
  excluded: "nodes.map_excluded", draining: "nodes.map_draining", drained: "nodes.map_drained", down: "nodes.map_down",
};
/** @type {readonly Kind[]} the kinds of trouble, the least first */
const TROUBLE = ["excluded", "draining", "drained", "down"];
/** Pixels of a square with the gap beside it: the largest with which the picture is not too high. */
const SIZES = [24, 20, 16, 13, 11, 9, 7, 6, 5];
const SMALLEST = 4;
const HIGHEST = 132;
/** Nodes above which the page gives the picture more than a line: the template has the same number. */
const LINE = 28;
/** Smaller squares have no edges. */
const DENSE = 7;
const SVG = "http://www.w3.org/2000/svg";

/** @param {Node} node @returns {Kind} */
export function kind({ state, allocated, cores }) {
  if (state !== "up") return state;
  if (!cores.total) return allocated ? "full" : "free";
  return filled(cores.allocated, cores.total);
}

/** @param {number} allocated @param {number} total @returns {Kind} */
function filled(allocated, total) {
  if (!allocated) return "free";
  if (allocated >= total) return "full";
  return 2 * allocated >= total ? "most" : "some";
}

/** Count the nodes of each kind. @param {Node[]} nodes */
export function count(nodes) {
  /** @type {Map<Kind, number>} */
  const found = new Map();
  for (const node of nodes) found.set(kind(node), (found.get(kind(node)) ?? 0) + 1);
  return KINDS.flatMap((it) => (found.has(it) ? [{ kind: it, number: found.get(it) ?? 0 }] : []));
}

/** Return the pixels of a square, and the nodes that share one where there are too many for the picture.
 * @param {number} number of nodes @param {number} width pixels
 */
export function layout(number, width) {
  const across = (/** @type {number} */ it) => Math.max(Math.floor(width / it), 1);
  const fits = (/** @type {number} */ it) => Math.ceil(number / across(it)) * it <= HIGHEST;
  const size = SIZES.find(fits) ?? SMALLEST;
  const squares = across(size) * Math.floor(HIGHEST / size);
  return { size, share: Math.max(Math.ceil(number / squares), 1) };
}

/** Return the kind of the square of several nodes: their worst problem, else their use. @param {Node[]} nodes */
export function together(nodes) {
  const trouble = Math.max(...nodes.map((node) => TROUBLE.indexOf(kind(node))));
  if (trouble >= 0) return /** @type {Kind} */ (TROUBLE[trouble]);
  const sum = (/** @type {"allocated" | "total"} */ it) => nodes.reduce((all, { cores }) => all + cores[it], 0);
  const taken = nodes.filter(({ allocated }) => allocated).length;
  return sum("total") ? filled(sum("allocated"), sum("total")) : filled(taken, nodes.length);
}

export class NodeMap {
  /** @type {Node[]} */
  #nodes = [];
  /** @type {Node[][]} the nodes of each square */
  #squares = [];
  #size = 0;
  #across = 1;
  #said = "";

  /**
   * @param {HTMLElement} where
   * @param {(name: string) => void} pick called with the name of the node that was clicked
   */
  constructor(where, pick) {
    this.where = where;
    this.svg = document.createElementNS(SVG, "svg");
    this.svg.setAttribute("role", "img");
    // Until the nodes are known: without a height an SVG takes 150 pixels, and what is below moves twice.
    this.svg.setAttribute("height", "0");
    this.legend = element("ul", { className: "legend" });
    where.replaceChildren(this.svg, this.legend);
    this.svg.addEventListener("pointermove", (event) => this.#name(this.#at(event)));
    this.svg.addEventListener("click", (event) => {
      const nodes = this.#at(event);
      const node = nodes?.find((it) => kind(it) === together(nodes)) ?? nodes?.[0];
      if (node) pick(node.name);
    });
    new ResizeObserver(() => this.#draw()).observe(where);
  }

  /** @param {Node[]} nodes */
  show(nodes) {
    this.#nodes = [...nodes].sort((a, b) => a.rank - b.rank);
    this.where.hidden = nodes.length === 0;
    this.where.classList.remove("skeleton");
    this.where.classList.toggle("high", nodes.length > LINE);
    this.#draw();
  }

  #draw() {
    const width = this.legend.clientWidth;
    const said = `${width} ${this.#nodes.map((node) => `${node.rank}${kind(node)}`).join(" ")}`;
    if (!width || said === this.#said) return;
    this.#said = said;
    const { size, share } = layout(this.#nodes.length, width);
    this.#size = size;
    this.#squares = share === 1 ? this.#nodes.map((node) => [node]) : shared(this.#nodes, share);
    const kinds = this.#squares.map(together);
    this.#across = Math.max(Math.floor(width / size), 1);
    const height = Math.ceil(kinds.length / this.#across) * size;
    this.svg.setAttribute("width", String(Math.min(kinds.length, this.#across) * size));
    this.svg.setAttribute("height", String(height));
    this.svg.classList.toggle("dense", size < DENSE);
    this.svg.replaceChildren(...[...this.#paths(kinds)].map(([name, d]) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.dataset["kind"] = name;
      return path;
    }));
    this.#tell(share);
  }

  /** Combine the squares of each kind into one path: thousands cost little. @param {Kind[]} kinds */
  #paths(kinds) {
    const side = this.#size - (this.#size > 10 ? 3 : 1);
    /** @type {Map<string, string>} */
    const paths = new Map();
    let crosses = "";
    for (const [index, it] of kinds.entries()) {
      const [x, y] = [(index % this.#across) * this.#size + 0.5, Math.floor(index / this.#across) * this.#size + 0.5];
      paths.set(it, `${paths.get(it) ?? ""}M${x} ${y}h${side}v${side}h${-side}z`);
      // Told apart without colors, too.
      if (it === "down" || it === "drained" || it === "draining") crosses += `M${x} ${y}l${side} ${side}`;
      if (it === "down") crosses += `M${x} ${y + side}l${side} ${-side}`;
    }
    // Over the squares, not under them.
    if (crosses) paths.set("cross", crosses);
    return paths;
  }

  /** @param {number} share nodes of a square */
  #tell(share) {
    const found = count(this.#nodes);
    const parts = found.map(({ kind: it, number }) => `${digits(number)} ${t(WORDS[it])}`);
    this.svg.setAttribute("aria-label", t("nodes.map", { counts: parts.join(", ") }));
    const lines = found.map(({ kind: it, number }) => {
      const line = element("li", {});
      line.dataset["kind"] = it;
      line.append(element("b", { textContent: digits(number) }), ` ${t(WORDS[it])}`);
      return line;
    });
    if (share > 1) lines.push(element("li", { className: "soft", textContent: t("nodes.map_share", { count: share }) }));
    this.legend.replaceChildren(...lines);
  }

  /** Return the nodes under the pointer. @param {MouseEvent} event */
  #at({ offsetX, offsetY }) {
    const column = Math.floor(offsetX / this.#size);
    return column < this.#across ? this.#squares[Math.floor(offsetY / this.#size) * this.#across + column] : undefined;
  }

  /** @param {Node[] | undefined} nodes */
  #name(nodes) {
    const [node] = nodes ?? [];
    if (!node || !nodes) {
      this.where.title = "";
      return;
    }
    const name = visible(node.name, { most: SHORT });
    if (nodes.length > 1) {
      const last = visible(nodes.at(-1)?.name ?? "", { most: SHORT });
      const words = count(nodes).map(({ kind: it, number }) => `${number} ${t(WORDS[it])}`);
      this.where.title = `${t("nodes.map_range", { first: name, last })}: ${words.join(", ")}`;
      return;
    }
    const words = states(node).map((it) => t(STATE_WORDS[it])).join(", ");
    const { allocated, total } = node.cores;
    this.where.title = t("nodes.map_node", { name, states: words, used: allocated, total });
  }
}

/** @param {Node[]} nodes @param {number} share nodes of a square */
function shared(nodes, share) {
  const squares = [];
  for (let index = 0; index < nodes.length; index += share) squares.push(nodes.slice(index, index + share));
  return squares;
}
