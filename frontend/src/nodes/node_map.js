/** All nodes at a glance: a square each, in the order of their ranks, colored by state and use. */

import { element } from "../ui/element.js";
import { states } from "./nodes.js";
import { SHORT, visible } from "../ui/visible.js";

/** @typedef {import("./nodes.js").Node} Node */

/** What a square can say, in the order of the legend. */
const KINDS = /** @type {const} */ (["full", "most", "some", "free", "excluded", "draining", "drained", "down"]);
/** @typedef {typeof KINDS[number]} Kind */
/** @type {Record<Kind, string>} */
const WORDS = {
  full: "full", most: "half or more taken", some: "less than half taken", free: "free",
  excluded: "excluded", draining: "draining", drained: "drained", down: "down",
};
/** Pixels of a square with the gap beside it: the largest with which the picture is not too high. */
const SIZES = [24, 20, 16, 13, 11, 9, 7, 6, 5];
const SMALLEST = 4;
const HIGHEST = 150;
const SVG = "http://www.w3.org/2000/svg";

/** @param {Node} node @returns {Kind} */
export function kind({ state, allocated, cores }) {
  if (state !== "up") return state;
  if (!cores.total) return allocated ? "full" : "free";
  if (!cores.allocated) return "free";
  if (cores.allocated >= cores.total) return "full";
  return 2 * cores.allocated >= cores.total ? "most" : "some";
}

/** How many nodes there are of each kind. @param {Node[]} nodes */
export function count(nodes) {
  /** @type {Map<Kind, number>} */
  const found = new Map();
  for (const node of nodes) found.set(kind(node), (found.get(kind(node)) ?? 0) + 1);
  return KINDS.flatMap((it) => (found.has(it) ? [{ kind: it, number: found.get(it) ?? 0 }] : []));
}

/** @param {number} number of nodes @param {number} width pixels */
export function size(number, width) {
  const fits = (/** @type {number} */ it) => Math.ceil(number / Math.max(Math.floor(width / it), 1)) * it <= HIGHEST;
  return SIZES.find(fits) ?? SMALLEST;
}

export class Picture {
  /** @type {Node[]} */
  #nodes = [];
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
    this.legend = element("ul", { className: "legend" });
    where.replaceChildren(this.svg, this.legend);
    this.svg.addEventListener("pointermove", (event) => this.#name(this.#at(event)));
    this.svg.addEventListener("click", (event) => {
      const node = this.#at(event);
      if (node) pick(node.name);
    });
    new ResizeObserver(() => this.#draw()).observe(where);
  }

  /** @param {Node[]} nodes */
  show(nodes) {
    this.#nodes = [...nodes].sort((a, b) => a.rank - b.rank);
    this.where.hidden = nodes.length === 0;
    this.#draw();
  }

  #draw() {
    const nodes = this.#nodes;
    const width = this.legend.clientWidth;
    const kinds = nodes.map(kind);
    const said = `${width} ${kinds.join(" ")}`;
    if (!width || said === this.#said) return;
    this.#said = said;
    this.#size = size(nodes.length, width);
    this.#across = Math.max(Math.floor(width / this.#size), 1);
    const side = this.#size - (this.#size > 10 ? 3 : 1);
    const height = Math.ceil(nodes.length / this.#across) * this.#size;
    this.svg.setAttribute("width", String(Math.min(nodes.length, this.#across) * this.#size));
    this.svg.setAttribute("height", String(height));
    /** @type {Map<string, string>} the squares of each kind are one path: thousands cost little */
    const paths = new Map();
    for (const [index, it] of kinds.entries()) {
      const [x, y] = [(index % this.#across) * this.#size, Math.floor(index / this.#across) * this.#size];
      paths.set(it, `${paths.get(it) ?? ""}M${x + 0.5} ${y + 0.5}h${side}v${side}h${-side}z`);
      if (it === "down" || it === "drained" || it === "draining") {
        // Told apart without colors, too.
        const cross = it === "down" ? `M${x + 0.5} ${y + 0.5 + side}l${side} ${-side}` : "";
        paths.set("cross", `${paths.get("cross") ?? ""}M${x + 0.5} ${y + 0.5}l${side} ${side}${cross}`);
      }
    }
    const crosses = paths.get("cross");
    // Over the squares, not under them.
    if (crosses && paths.delete("cross")) paths.set("cross", crosses);
    this.svg.replaceChildren(...[...paths].map(([name, d]) => {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", d);
      path.dataset["kind"] = name;
      return path;
    }));
    this.#tell();
  }

  #tell() {
    const found = count(this.#nodes);
    const parts = found.map(({ kind: it, number }) => `${number.toLocaleString()} ${WORDS[it]}`);
    this.svg.setAttribute("aria-label", `The nodes by rank: ${parts.join(", ")}.`);
    this.legend.replaceChildren(...found.map(({ kind: it, number }) => {
      const line = element("li", {});
      line.dataset["kind"] = it;
      line.append(element("b", { textContent: number.toLocaleString() }), ` ${WORDS[it]}`);
      return line;
    }));
  }

  /** The node under the pointer. @param {MouseEvent} event */
  #at({ offsetX, offsetY }) {
    const column = Math.floor(offsetX / this.#size);
    return column < this.#across ? this.#nodes[Math.floor(offsetY / this.#size) * this.#across + column] : undefined;
  }

  /** @param {Node | undefined} node */
  #name(node) {
    const use = node?.cores.total ? `, ${node.cores.allocated} of ${node.cores.total} cores taken` : "";
    this.where.title = node ? `${visible(node.name, { most: SHORT })}: ${states(node).join(", ")}${use}` : "";
  }
}
