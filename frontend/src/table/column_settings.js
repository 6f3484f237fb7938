/** Which columns a reader wants and how wide: remembered in this browser. */

import { element } from "../ui/element.js";
import { t } from "../ui/words.js";
import { fitting } from "./fitting_columns.js";

/** @typedef {import("./columns.js").Column} Column */

const KEY = "fluxapi.columns";

/** @param {Column[]} all */
export function load(all) {
  try {
    const { shown, widths, sorted, grouped } = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return new Choice(all, shown, widths, sorted, grouped);
  } catch {
    // Kept by another version, or not to be kept at all.
    return new Choice(all);
  }
}

export class Choice {
  /**
   * @param {Column[]} all
   * @param {string[]} [shown]
   * @param {[string, number][]} [widths]
   * @param {string} [sorted] by which column; with - before it from the greatest down
   * @param {boolean} [grouped] whether a group of jobs is one row
   */
  constructor(all, shown, widths, sorted, grouped) {
    this.all = all;
    this.first = all.filter((column) => !column.hidden).map((column) => column.key);
    this.shown = new Set(shown ?? this.first);
    this.shown.add("id");
    /** Columns that no job has anything for. */
    this.bare = new Set(all.filter((column) => column.sparse).map((column) => column.key));
    this.widths = new Map(widths);
    this.isGrouped = grouped !== false;
    this.sorted = typeof sorted === "string" ? sorted : "-id";
  }

  get columns() {
    return this.all.filter((column) => this.shown.has(column.key) && !this.bare.has(column.key));
  }

  /**
   * Return the columns that a table shows. Of those of a first visit, some give way where it has no
   * room for all; columns that a reader chose are all shown.
   * @param {number} room pixels
   * @param {string} sorted the column by which it is sorted
   */
  fitting(room, sorted) {
    const { columns, first } = this;
    if (this.shown.size !== first.length || !first.every((key) => this.shown.has(key))) return columns;
    return fitting(columns, room, sorted, ({ key, width }) => this.widths.get(key) ?? width);
  }

  /** Note that some columns have something to show; return whether this is new. @param {Set<string>} keys @returns {boolean} whether one had nothing before */
  fill(keys) {
    const { size } = this.bare;
    for (const key of keys) this.bare.delete(key);
    return this.bare.size < size;
  }

  /** Set the width of a column in pixels; none for that of a first visit. @param {{ key: string, width?: number }} column */
  widen({ key, width }) {
    if (width === undefined) this.widths.delete(key);
    else this.widths.set(key, width);
    this.keep();
  }

  /** @param {{ key: string, down: boolean }} order */
  sort({ key, down }) {
    const sorted = down ? `-${key}` : key;
    if (sorted === this.sorted) return;
    this.sorted = sorted;
    this.keep();
  }

  /** @param {boolean} isOn whether a group of jobs is one row */
  group(isOn) {
    this.isGrouped = isOn;
    this.keep();
  }

  /** Reset the columns to those of a first visit. */
  reset() {
    this.shown = new Set(this.first);
    this.widths.clear();
    this.keep();
  }

  keep() {
    try {
      const { sorted, isGrouped: grouped } = this;
      localStorage.setItem(KEY, JSON.stringify({ shown: [...this.shown], widths: [...this.widths], sorted, grouped }));
    } catch {
      // A browser that keeps nothing shows the columns of a first visit.
    }
  }
}

/**
 * Return boxes to choose columns by.
 * @param {HTMLElement} where
 * @param {Column[]} all
 * @param {Choice} choice
 * @param {() => void} changed
 * @param {(key: string) => boolean} isCut whether the width leaves a column no room
 * @returns {() => void} to be called when the room is another
 */
export function choose(where, all, choice, changed, isCut) {
  const boxes = all
    .filter((column) => column.key !== "id")
    .map((column) => {
      const label = element("label", {});
      const box = element("input", { type: "checkbox", name: column.key, checked: choice.shown.has(column.key) });
      box.addEventListener("change", () => {
        if (box.checked) choice.shown.add(column.key);
        else choice.shown.delete(column.key);
        choice.keep();
        changed();
        explain();
      });
      label.append(box, column.title);
      const about = element("span", { className: "soft" });
      label.append(about);
      return { label, box, about, column };
    });
  const explain = () => {
    for (const { label, about, column } of boxes) {
      const isOut = isCut(column.key);
      about.textContent = isOut ? t("jobs.no_room_short") : column.sparse ? t("jobs.sparse_short") : "";
      label.title = isOut ? t("jobs.no_room") : column.sparse ? t("jobs.sparse") : "";
    }
  };
  const reset = element("button", { type: "button", textContent: t("jobs.reset_columns") });
  reset.addEventListener("click", () => {
    choice.reset();
    for (const { box } of boxes) box.checked = choice.shown.has(box.name);
    changed();
    explain();
  });
  where.replaceChildren(...boxes.map(({ label }) => label), reset);
  explain();
  return explain;
}
