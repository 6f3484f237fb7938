/**
 * A table of any length of which only the rows in sight exist. It is a table for everybody: rows
 * keep their place while they are pointed at, and say their number to those who cannot see it.
 */

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

const ROW = 32;
const SPARE = 8;

export class Grid extends EventTarget {
  /** @type {Row[]} */
  rows = [];
  /** @type {Column[]} */
  columns = [];
  /** @type {Set<string>} */
  selected = new Set();
  /** Index of the row that the keyboard is on. */
  current = 0;
  /** @type {{ key: string, down: boolean }} */
  order = { key: "id", down: true };
  /** @type {Map<string, HTMLTableRowElement>} */
  #shown = new Map();
  #frame = 0;

  /**
   * @param {HTMLElement} frame scrolls
   * @param {HTMLTableElement} table
   * @param {(id: string) => string} address of a job's page
   * @param {(row: Row) => Row} latest the row as it is known by now
   */
  constructor(frame, table, address, latest) {
    super();
    this.latest = latest;
    this.frame = frame;
    this.table = table;
    this.address = address;
    this.head = /** @type {HTMLTableSectionElement} */ (table.tHead);
    this.body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
    this.above = document.createElement("tr");
    this.below = document.createElement("tr");
    for (const spacer of [this.above, this.below]) {
      spacer.setAttribute("aria-hidden", "true");
      spacer.className = "spacer";
      spacer.append(document.createElement("td"));
    }
    frame.addEventListener("scroll", () => this.soon(), { passive: true });
    new ResizeObserver(() => this.soon()).observe(frame);
    this.body.addEventListener("click", (event) => this.#click(event));
    this.body.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show other columns. @param {Column[]} columns @param {Map<string, number>} widths */
  setColumns(columns, widths) {
    this.columns = columns;
    const line = document.createElement("tr");
    const box = element("th", { className: "pick", scope: "col" });
    const all = element("input", { type: "checkbox", title: "Select all rows of this view" });
    all.setAttribute("aria-label", "Select all rows of this view");
    all.addEventListener("change", () => {
      this.selected = new Set(all.checked ? this.rows.map((row) => row.id) : []);
      this.#changed();
    });
    box.append(all);
    line.append(box, ...columns.map((column) => this.#heading(column, widths)));
    this.head.replaceChildren(line);
    this.body.replaceChildren(this.above, this.below);
    this.#shown.clear();
    this.soon();
  }

  /** Draw before the next frame. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  /** Whether somebody points at a row, or has left the top: rows must not move under them. */
  get isHeld() {
    return this.frame.scrollTop > ROW || this.body.matches(":hover") || this.body.contains(document.activeElement);
  }

  draw() {
    const now = Date.now() / 1000;
    const head = this.head.offsetHeight;
    const first = Math.max(Math.floor((this.frame.scrollTop - head) / ROW) - SPARE, 0);
    const count = Math.ceil(this.frame.clientHeight / ROW) + 2 * SPARE;
    const wanted = this.rows.slice(first, first + count).map(this.latest);
    const ids = new Set(wanted.map((row) => row.id));
    const focused = document.activeElement?.closest?.("tr")?.dataset["id"];
    for (const [id, line] of this.#shown) {
      if (!ids.has(id)) {
        line.remove();
        this.#shown.delete(id);
      }
    }
    /** @type {Element} */
    let place = this.above;
    for (const [offset, row] of wanted.entries()) {
      let line = this.#shown.get(row.id);
      if (!line) {
        line = this.#make(row);
        this.#shown.set(row.id, line);
      }
      this.#fill(line, row, now, first + offset);
      if (place.nextElementSibling !== line) place.after(line);
      place = line;
    }
    if (place.nextElementSibling !== this.below) place.after(this.below);
    this.above.style.height = `${first * ROW}px`;
    this.below.style.height = `${Math.max(this.rows.length - first - wanted.length, 0) * ROW}px`;
    this.table.setAttribute("aria-rowcount", String(this.rows.length + 1));
    if (focused && !ids.has(focused)) this.frame.focus({ preventScroll: true });
  }

  /** @param {Column} column @param {Map<string, number>} widths */
  #heading(column, widths) {
    const cell = element("th", { scope: "col" });
    if (column.numeric) cell.className = "numeric";
    cell.style.width = `${widths.get(column.key) ?? column.width}px`;
    const sorted = this.order.key === column.key;
    cell.setAttribute("aria-sort", sorted ? (this.order.down ? "descending" : "ascending") : "none");
    const button = element("button", { type: "button", textContent: column.title });
    button.addEventListener("click", () => {
      this.order = { key: column.key, down: sorted ? !this.order.down : column.key === "id" };
      this.dispatchEvent(new CustomEvent("order"));
    });
    const grip = element("span", { className: "grip" });
    grip.addEventListener("pointerdown", (event) => this.#resize(event, column, cell));
    cell.append(button, grip);
    return cell;
  }

  /** @param {PointerEvent} event @param {Column} column @param {HTMLElement} cell */
  #resize(event, column, cell) {
    event.preventDefault();
    const start = event.clientX - cell.offsetWidth;
    const move = (/** @type {PointerEvent} */ e) => {
      cell.style.width = `${Math.max(e.clientX - start, 40)}px`;
    };
    const end = () => {
      removeEventListener("pointermove", move);
      this.dispatchEvent(new CustomEvent("resize", { detail: { key: column.key, width: cell.offsetWidth } }));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  }

  /** @param {Row} row */
  #make(row) {
    const line = document.createElement("tr");
    line.dataset["id"] = row.id;
    const pick = element("td", { className: "pick" });
    const box = element("input", { type: "checkbox" });
    box.setAttribute("aria-label", `Select ${row.id}`);
    pick.append(box);
    line.append(pick);
    for (const column of this.columns) {
      const cell = element("td", { className: column.numeric ? "numeric" : "" });
      if (column.key === "id") cell.append(element("a", { href: this.address(row.id), textContent: row.id }));
      if (column.key === "status") cell.append(element("span", { className: "status" }));
      line.append(cell);
    }
    return line;
  }

  /** @param {HTMLTableRowElement} line @param {Row} row @param {number} now @param {number} index */
  #fill(line, row, now, index) {
    line.setAttribute("aria-rowindex", String(index + 2));
    line.dataset["index"] = String(index);
    const box = /** @type {HTMLInputElement} */ (line.cells[0]?.firstChild);
    box.checked = this.selected.has(row.id);
    line.classList.toggle("selected", box.checked);
    const link = line.querySelector("a");
    if (link) link.tabIndex = index === this.current ? 0 : -1;
    box.tabIndex = index === this.current ? 0 : -1;
    if (line.dataset["revision"] === String(row.revision) && line.dataset["status"] === row.status) {
      for (const [at, column] of this.columns.entries()) {
        if (column.ticks) set(/** @type {HTMLElement} */ (line.cells[at + 1]), column.text(row, now));
      }
      return;
    }
    line.dataset["revision"] = String(row.revision);
    line.dataset["status"] = row.status;
    for (const [at, column] of this.columns.entries()) {
      const cell = /** @type {HTMLElement} */ (line.cells[at + 1]);
      if (column.key === "id") continue;
      const text = column.text(row, now);
      if (column.key === "status") {
        const mark = /** @type {HTMLElement} */ (cell.firstChild);
        mark.dataset["status"] = row.status;
        set(mark, text);
        continue;
      }
      set(cell, text);
      const title = column.title_of?.(row) ?? text;
      if (cell.title !== title) cell.title = title;
    }
  }

  /** @param {Event} event */
  #click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const line = target.closest("tr");
    const id = line?.dataset["id"];
    if (!line || !id) return;
    this.current = Number(line.dataset["index"]);
    if (target instanceof HTMLInputElement) this.#pick(id, target.checked, /** @type {MouseEvent} */ (event).shiftKey);
    else if (!target.closest("a") && !getSelection()?.toString()) location.href = this.address(id);
  }

  #last = 0;

  /** @param {string} id @param {boolean} on @param {boolean} range */
  #pick(id, on, range) {
    const [from, to] = range ? [Math.min(this.#last, this.current), Math.max(this.#last, this.current)] : [this.current, this.current];
    for (const row of this.rows.slice(from, to + 1)) {
      if (on) this.selected.add(row.id);
      else this.selected.delete(row.id);
    }
    if (!range) (on ? this.selected.add(id) : this.selected.delete(id));
    this.#last = this.current;
    this.#changed();
  }

  #changed() {
    this.soon();
    this.dispatchEvent(new CustomEvent("selection"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const page = Math.max(Math.floor(this.frame.clientHeight / ROW) - 1, 1);
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity,
    });
    const step = steps[event.key];
    if (step === undefined) return;
    event.preventDefault();
    const inBox = event.target instanceof HTMLInputElement;
    this.current = Math.min(Math.max(this.current + step, 0), Math.max(this.rows.length - 1, 0));
    const top = this.current * ROW;
    if (top < this.frame.scrollTop) this.frame.scrollTop = top;
    const bottom = this.frame.scrollTop + this.frame.clientHeight - this.head.offsetHeight - ROW;
    if (top > bottom) this.frame.scrollTop = top - (bottom - this.frame.scrollTop);
    this.draw();
    const line = this.#shown.get(this.rows[this.current]?.id ?? "");
    /** @type {HTMLElement | null | undefined} */ (line?.querySelector(inBox ? "input" : "a"))?.focus({ preventScroll: true });
  }
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} properties
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, properties) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  return made;
}

/** Write text only where it is new: what does not change is not drawn again.
 * @param {HTMLElement} where @param {string} text
 */
function set(where, text) {
  if (where.textContent !== text) where.textContent = text;
}
