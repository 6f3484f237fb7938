/** One row of the table of jobs as it stands in the page; lent to whichever job is in sight. */

import { element } from "../ui/element.js";
import { SHORT, visible } from "../ui/visible.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

/** Milliseconds for which a row shows that it has changed. */
const FRESH = 1500;

export class Line {
  id = "";
  #index = -1;
  #revision = -1;
  #status = "";
  #isSelected = false;
  #isCurrent = false;
  #freshUntil = 0;

  /** @param {Column[]} columns */
  constructor(columns) {
    this.columns = columns;
    this.line = element("tr", { role: "row" });
    this.box = element("input", { type: "checkbox", tabIndex: -1 });
    const pick = element("td", { className: "pick", role: "cell" });
    pick.append(this.box);
    this.link = element("a", { tabIndex: -1 });
    this.mark = element("span", { className: "status" });
    this.cells = columns.map((column) => {
      const cell = element("td", { className: column.classes, role: "cell" });
      cell.dataset["key"] = column.key;
      if (column.key === "id") cell.append(this.link);
      if (column.key === "status") cell.append(this.mark);
      return cell;
    });
    this.line.append(pick, ...this.cells);
  }

  /** Show a job: another one than before, or what has become of it. What did not change is not touched.
   * @param {Row} row @param {number} index @param {(id: string) => string} address
   * @param {{ isSelected: boolean, isCurrent: boolean, now: number }} it now: seconds since 1970
   */
  show(row, index, address, { isSelected, isCurrent, now }) {
    const isOther = row.id !== this.id;
    if (isOther) this.#become(row.id, address(row.id));
    if (index !== this.#index) {
      this.#index = index;
      this.line.setAttribute("aria-rowindex", String(index + 2));
      this.line.dataset["index"] = String(index);
    }
    if (isSelected !== this.#isSelected) {
      this.#isSelected = isSelected;
      this.line.classList.toggle("selected", isSelected);
    }
    if (this.box.checked !== isSelected) this.box.checked = isSelected;
    if (isCurrent !== this.#isCurrent) {
      this.#isCurrent = isCurrent;
      this.box.tabIndex = this.link.tabIndex = isCurrent ? 0 : -1;
    }
    const hasChanged = row.revision !== this.#revision || row.status !== this.#status;
    if (hasChanged) this.#beat(isOther ? 0 : Date.now() + FRESH);
    else if (this.#freshUntil && this.#freshUntil < Date.now()) this.#beat(0);
    this.#revision = row.revision;
    this.#status = row.status;
    for (const [at, column] of this.columns.entries()) {
      if (hasChanged || isOther || column.ticks) this.#write(column, /** @type {HTMLElement} */ (this.cells[at]), row, now);
    }
  }

  /** @param {string} id @param {string} href */
  #become(id, href) {
    this.id = id;
    this.#revision = -1;
    this.line.dataset["id"] = id;
    this.link.href = href;
    this.link.textContent = id;
    this.box.setAttribute("aria-label", `Select ${id}`);
  }

  /** @param {number} until when it ceases to show that it has changed: milliseconds since 1970 */
  #beat(until) {
    if (!until !== !this.#freshUntil) this.line.classList.toggle("fresh", until > 0);
    this.#freshUntil = until;
  }

  /** @param {Column} column @param {HTMLElement} cell @param {Row} row @param {number} now */
  #write(column, cell, row, now) {
    if (column.key === "id") return;
    const said = column.text(row, now);
    const text = column.numeric ? said : visible(said, { most: SHORT });
    if (column.key === "status") {
      if (this.mark.dataset["status"] !== row.status) this.mark.dataset["status"] = row.status;
      set(this.mark, text);
      return;
    }
    set(cell, text);
    // What a cell has no room for; numbers have.
    const title = column.title_of?.(row) ?? (column.numeric ? "" : text);
    if (cell.title !== title) cell.title = title;
  }
}

/** Write text only where it is new: what does not change is not drawn again.
 * @param {HTMLElement} where @param {string} text
 */
function set(where, text) {
  const child = where.firstChild;
  if (child instanceof Text) {
    if (child.data !== text) child.data = text;
  } else if (text) where.textContent = text;
}
