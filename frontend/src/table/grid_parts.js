/** Parts of the table: its spacers, and changes of the document that are made only if there is one. */

import { element } from "../ui/element.js";

/** @typedef {import("./columns.js").Column} Column */

/** Return a row that stands for those that do not exist. */
export function spacer() {
  const line = element("tr", { className: "spacer" });
  line.setAttribute("aria-hidden", "true");
  line.append(element("td", {}));
  return line;
}

/** @param {HTMLElement} where @param {number} pixels */
export function height(where, pixels) {
  const text = `${pixels}px`;
  if (where.style.height !== text) where.style.height = text;
}

/** @param {Element} where @param {string} name @param {string} text */
export function attribute(where, name, text) {
  if (where.getAttribute(name) !== text) where.setAttribute(name, text);
}

/** Say how a column sorts the rows. @param {HTMLElement} cell its heading @param {import("./sort_by.js").SortOrder} order */
export function showSorted(cell, { key, down }) {
  attribute(cell, "aria-sort", cell.dataset["key"] === key ? (down ? "descending" : "ascending") : "none");
}

/** Say how a column takes more room than it is said to need. @param {Column} column @param {HTMLElement} cell */
export function stretch({ grows, fills }, cell) {
  if (grows) cell.dataset["grows"] = "";
  if (fills) cell.dataset["fills"] = "";
}

/**
 * Return whether a column has given way, or lies beyond the edge of its frame, so that the reader has to scroll the table.
 * @param {{ frame: HTMLElement, head: HTMLElement, columns: Column[] }} grid
 * @param {{ columns: Column[] }} choice
 * @param {string} key
 */
export function isCut({ frame, head, columns }, choice, key) {
  const cell = /** @type {HTMLElement | null} */ (head.querySelector(`th[data-key="${key}"]`));
  if (cell) return cell.offsetLeft + cell.offsetWidth / 2 > frame.clientWidth;
  return choice.columns.some((column) => column.key === key) && !columns.some((column) => column.key === key);
}
