/** Which columns a reader wants and how wide: remembered in this browser. */

import { element } from "./grid.js";

/** @typedef {import("./columns.js").Column} Column */

const KEY = "fluxapi.columns";

/** @param {Column[]} all */
export function load(all) {
  /** @type {{ shown?: string[], widths?: [string, number][] }} */
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem(KEY) ?? "{}");
  } catch {
    // Kept by another version, or not to be kept at all.
  }
  return new Choice(all, kept.shown, kept.widths);
}

export class Choice {
  /**
   * @param {Column[]} all
   * @param {string[]} [shown]
   * @param {[string, number][]} [widths]
   */
  constructor(all, shown, widths) {
    this.all = all;
    this.shown = new Set(shown ?? all.filter((column) => !column.hidden).map((column) => column.key));
    this.shown.add("id");
    this.widths = new Map(widths);
  }

  get columns() {
    return this.all.filter((column) => this.shown.has(column.key));
  }

  /** @param {{ key: string, width: number }} column */
  widen({ key, width }) {
    this.widths.set(key, width);
    this.keep();
  }

  keep() {
    try {
      localStorage.setItem(KEY, JSON.stringify({ shown: [...this.shown], widths: [...this.widths] }));
    } catch {
      // A browser that keeps nothing shows the columns of a first visit.
    }
  }
}

/**
 * Boxes to choose columns by.
 * @param {HTMLElement} where
 * @param {Column[]} all
 * @param {Choice} choice
 * @param {() => void} changed
 */
export function choose(where, all, choice, changed) {
  where.replaceChildren(
    ...all
      .filter((column) => column.key !== "id")
      .map((column) => {
        const label = element("label", {});
        const box = element("input", { type: "checkbox", checked: choice.shown.has(column.key) });
        box.addEventListener("change", () => {
          if (box.checked) choice.shown.add(column.key);
          else choice.shown.delete(column.key);
          choice.keep();
          changed();
        });
        label.append(box, ` ${column.title}`);
        return label;
      }),
  );
}
