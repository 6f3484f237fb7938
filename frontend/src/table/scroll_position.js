/** The place in a table that a reader left, kept in the entry of the history that leads back to it. */

/**
 * @typedef {object} Table
 * @property {HTMLElement} frame scrolls
 * @property {() => number} height pixels of a row
 * @property {(index: number) => string | undefined} id of the row at an index
 * @property {(id: string) => number} find index of a row; -1 where it is not
 */

export class Place {
  /** @type {{ id: string, offset: number } | undefined} the row to be at the top, and pixels of it that are above */
  #wanted;

  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    this.want();
    addEventListener("pagehide", () => this.keep());
    // A reader who goes elsewhere wants to be there.
    for (const kind of ["wheel", "touchmove", "keydown", "pointerdown"]) {
      table.frame.addEventListener(kind, () => (this.#wanted = undefined), { passive: true });
    }
  }

  /** Keep where the table is now. */
  keep() {
    const { frame, height, id } = this.table;
    const index = Math.floor(frame.scrollTop / height());
    const top = id(index);
    const place = frame.scrollTop && top !== undefined ? { id: top, offset: frame.scrollTop - index * height() } : undefined;
    history.replaceState({ ...history.state, place: this.#wanted ?? place }, "");
  }

  /** Prepare to go to the place at which this entry of the history was left. */
  want() {
    this.#wanted = history.state?.place;
  }

  /** Go there, if the row has come by now. @param {boolean} isWhole whether no more rows are to come */
  settle(isWhole) {
    if (!this.#wanted) return;
    const { frame, height, find } = this.table;
    const index = find(this.#wanted.id);
    if (index >= 0) frame.scrollTop = index * height() + this.#wanted.offset;
    if (index >= 0 || isWhole) this.#wanted = undefined;
  }
}
