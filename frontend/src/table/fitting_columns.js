/** Which columns a list has room for: the page and the style sheet (build.js) decide it by the same numbers. */

/** Pixels of the column of boxes. */
export const PICK_PX = 36;
/** Pixels that a list may need for its scroll bar. */
export const SCROLLBAR_PX = 16;
/** Pixels of the column that only past jobs of several instances have. */
export const INSTANCE_PX = 152;

/** @typedef {{ key: string, width: number, gives_way?: number }} Giving a column with its turn to give way */

/** Return the columns that may be left out, in their order. @template {Giving} Column @param {Column[]} columns @returns {Column[]} */
export const byTurn = (columns) => columns.filter(({ gives_way }) => gives_way).sort((one, other) => (one.gives_way ?? 0) - (other.gives_way ?? 0));

/**
 * Return the columns that have room; those that give way are left out one after the other.
 * @template {Giving} Column
 * @param {Column[]} columns
 * @param {number} room pixels
 * @param {string} sorted the key of the column by which the list is sorted, which stays
 * @param {(column: Column) => number} width pixels of a column
 */
export function fitting(columns, room, sorted, width) {
  let lack = columns.reduce((sum, column) => sum + width(column), PICK_PX) - room;
  /** @type {Set<Column>} */
  const out = new Set();
  for (const column of byTurn(columns)) {
    if (lack <= 0) break;
    if (column.key === sorted) continue;
    out.add(column);
    lack -= width(column);
  }
  return columns.filter((column) => !out.has(column));
}

/**
 * Show the columns that the window has room for; on a phone, a job is a card, and nothing gives way.
 * @param {import("./grid.js").Grid} grid
 * @param {import("./column_settings.js").Choice} choice
 * @param {boolean} [isNew] whether they are drawn anew even if they are the same
 */
export function showColumns(grid, choice, isNew = true) {
  const room = matchMedia("(width < 48rem)").matches ? Infinity : grid.frame.offsetWidth - SCROLLBAR_PX;
  const columns = choice.fitting(room, grid.order.key);
  const isSame = columns.length === grid.columns.length && columns.every((column, index) => column === grid.columns[index]);
  if (isNew || !isSame) grid.setColumns(columns, choice.widths);
  else grid.showOrder();
}
