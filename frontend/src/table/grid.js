/**
 * A table of any length of which only the rows in sight exist. It is a table for everybody: rows
 * keep their place while they are pointed at, and say their number to those who cannot see it.
 */

import { element } from "../ui/element.js";
import { PICK_PX } from "./fitting_columns.js";
import { attribute, height, spacer, showSorted, stretch } from "./grid_parts.js";
import { isHead } from "./grouping.js";
import { isNested, opens } from "./nested.js";
import { Line } from "./row_view.js";
import { SortBy } from "./sort_by.js";
import { t } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

/** Rows that are there above and below those in sight. */
const SPARE = 12;
/** Rows by which the piece of the table that exists moves on: not a little with each frame. */
const STEP = 4;
/** Pixels of the narrowest column, and of a step of the keyboard that makes one wider. */
const NARROWEST = 40;
const WIDER = 16;
/** Rows that are printed. */
export const PRINTED = 1000;

export class Grid extends EventTarget {
  /** @type {Row[]} */
  rows = [];
  /** @type {Column[]} */
  columns = [];
  /** @type {Set<string>} */
  selected = new Set();
  /** True if all jobs have arrived, so that a row that is written again has changed. */
  isWhole = false;
  /** How many jobs the rows stand for. */
  count = 0;
  /** Index of the row that the keyboard is on. */
  current = 0;
  /** @type {{ key: string, down: boolean }} */
  order = { key: "id", down: true };
  /** @type {Map<string, Line>} */
  #shown = new Map();
  /** @type {Line[]} lines of jobs that are out of sight */
  #spare = [];
  #frame = 0;
  #first = 0;
  #height = 0;
  /** Pixels of a row: the sheet says it, for another on narrow screens. */
  #row = 32;
  #head = 32;
  /** Rows that are there for print; 0: those in sight. */
  #printed = 0;
  /** @type {HTMLInputElement | undefined} */
  #all;

  /**
   * @param {HTMLElement} frame scrolls
   * @param {HTMLTableElement} table
   * @param {object} job
   * @param {(id: string) => string} job.address of its page
   * @param {(row: Row) => Row} job.latest the row as it is known by now
   * @param {(row: Row) => Iterable<string>} job.members ids of the jobs that a row stands for
   * @param {(row: Row) => boolean} job.isIn whether it is below the row of its group
   * @param {(row: Row) => boolean} job.isOpen whether what there is below it is shown
   * @param {() => number} clock seconds since 1970
   */
  constructor(frame, table, { address, latest, members, isIn, isOpen }, clock) {
    super();
    this.latest = latest;
    this.members = members;
    this.isIn = isIn;
    this.isOpen = isOpen;
    this.frame = frame;
    this.table = table;
    this.address = address;
    this.clock = clock;
    this.head = /** @type {HTMLTableSectionElement} */ (table.tHead);
    this.body = /** @type {HTMLTableSectionElement} */ (table.tBodies[0]);
    this.sortBy = new SortBy((order) => this.#sort(order));
    this.above = spacer();
    this.below = spacer();
    frame.addEventListener("scroll", () => {
      if (this.#begin() !== this.#first) this.soon();
    }, { passive: true });
    new ResizeObserver(() => {
      this.#measure();
      this.soon();
    }).observe(frame);
    // On paper nobody scrolls.
    for (const [kind, most] of /** @type {const} */ ([["beforeprint", PRINTED], ["afterprint", 0]])) {
      addEventListener(kind, () => {
        this.#printed = most;
        this.draw();
      });
    }
    this.body.addEventListener("click", (event) => this.#click(event));
    this.body.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show other columns. @param {Column[]} columns @param {Map<string, number>} widths */
  setColumns(columns, widths) {
    const focused = this.head.contains(document.activeElement)
      ? /** @type {HTMLElement} */ (document.activeElement).closest("th")?.dataset["key"]
      : undefined;
    const active = this.sortBy.element.contains(document.activeElement) ? /** @type {HTMLElement} */ (document.activeElement) : undefined;
    this.columns = columns;
    this.sortBy.show(columns, this.order);
    const line = element("tr", { role: "row" });
    const box = element("th", { className: "pick", scope: "col", role: "columnheader" });
    const all = element("input", { type: "checkbox", title: t("jobs.select_all") });
    all.setAttribute("aria-label", all.title);
    all.addEventListener("change", () => {
      this.selected = new Set(all.checked ? this.#jobs() : []);
      this.#changed();
    });
    this.#all = all;
    box.append(all, this.sortBy.element);
    line.append(box, ...columns.map((column) => this.#heading(column, widths)));
    this.head.replaceChildren(line);
    this.table.classList.add("drawn");
    this.#fit();
    this.body.replaceChildren(this.above, this.below);
    this.#shown.clear();
    this.#spare = [];
    this.#measure();
    this.draw();
    active?.focus();
    if (focused) /** @type {HTMLElement | null} */ (this.head.querySelector(`[data-key="${focused}"] button`))?.focus();
  }

  /** Show in the headings how the rows are sorted. */
  showOrder() {
    this.sortBy.show(this.columns, this.order);
    for (const cell of /** @type {Iterable<HTMLElement>} */ (this.head.querySelectorAll("th[data-key]"))) showSorted(cell, this.order);
  }

  /** Open a row by the keyboard, or close it. @param {Row} row @param {boolean} isWanted */
  #unfold(row, isWanted) {
    const canOpen = isHead(row) || (!isNested(row) && opens(row));
    if (canOpen && (isHead(row) ? row.summary.isOpen : this.isOpen(row)) !== isWanted) {
      this.dispatchEvent(new CustomEvent("toggle", { detail: row.id }));
    }
  }

  /** Give the focus to the current row. */
  focus() {
    this.#shown.get(this.rows[this.current]?.id ?? "")?.handle.focus({ preventScroll: true });
  }

  /** Update the height of rows, which may have changed. */
  fit() {
    this.#measure();
    this.draw();
  }

  #measure() {
    this.#height = this.frame.clientHeight;
    this.#head = this.head.offsetHeight;
    const root = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
    this.#row = Number.parseFloat(getComputedStyle(this.table).getPropertyValue("--row")) * root;
  }

  /** Pixels of a row. */
  get rowHeight() {
    return this.#row;
  }

  /** Draw before the next frame. */
  soon() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  /** True if somebody points at a row, or has left the top: rows must not move under them. */
  get isHeld() {
    return this.frame.scrollTop > this.#row || this.body.matches(":hover") || this.body.contains(document.activeElement);
  }

  /** Index of the first row that is there. */
  #begin() {
    const first = Math.floor((this.frame.scrollTop - this.#head) / this.#row) - SPARE;
    const last = Math.max(this.rows.length - Math.ceil(this.#height / this.#row), 0);
    return Math.max(Math.floor(Math.min(first, last) / STEP) * STEP, 0);
  }

  draw() {
    const now = this.clock();
    const first = this.#printed ? 0 : this.#begin();
    this.#first = first;
    const count = this.#printed || Math.ceil(this.#height / this.#row) + 2 * SPARE + STEP;
    const wanted = this.rows.slice(first, first + count).map(this.latest);
    const ids = new Set(wanted.map((row) => row.id));
    const focused = this.body.contains(document.activeElement)
      ? document.activeElement?.closest("tr")?.dataset["id"]
      : undefined;
    for (const [id, line] of this.#shown) {
      if (ids.has(id)) continue;
      line.line.remove();
      this.#shown.delete(id);
      this.#spare.push(line);
    }
    /** @type {Element} */
    let place = this.above;
    let isSelectedInSight = true;
    for (const [offset, row] of wanted.entries()) {
      let line = this.#shown.get(row.id);
      if (!line) {
        line = this.#spare.pop() ?? new Line(this.columns);
        this.#shown.set(row.id, line);
      }
      const index = first + offset;
      const isSelected = this.#isSelected(row);
      if (!isSelected && !isNested(row)) isSelectedInSight = false;
      line.show(row, index, this.address, {
        isSelected, isCurrent: index === this.current, isIn: this.isIn(row), isOpen: this.isOpen(row), isWhole: this.isWhole, now,
      });
      if (place.nextElementSibling !== line.line) place.after(line.line);
      place = line.line;
    }
    if (place.nextElementSibling !== this.below) place.after(this.below);
    height(this.above, first * this.#row);
    height(this.below, Math.max(this.rows.length - first - wanted.length, 0) * this.#row);
    attribute(this.table, "aria-rowcount", String(this.rows.length + 1));
    if (this.#all) {
      // Jobs can be selected that the view does not show; the rows in sight tell whether the others are.
      const isAll = this.count > 0 && this.selected.size >= this.count && isSelectedInSight;
      if (this.#all.checked !== isAll) this.#all.checked = isAll;
      this.#all.indeterminate = this.selected.size > 0 && !isAll;
    }
    if (focused && !ids.has(focused)) this.frame.focus({ preventScroll: true });
  }

  /** @param {import("./sort_by.js").SortOrder} order */
  #sort(order) {
    this.order = order;
    this.dispatchEvent(new CustomEvent("order"));
  }

  /** @param {Column} column @param {Map<string, number>} widths */
  #heading(column, widths) {
    const cell = element("th", { scope: "col", role: "columnheader" });
    cell.dataset["key"] = column.key;
    cell.className = column.classes;
    cell.dataset["width"] = String(widths.get(column.key) ?? column.width);
    if (!widths.has(column.key)) stretch(column, cell);
    showSorted(cell, this.order);
    const button = element("button", {
      type: "button", textContent: column.title, title: t("jobs.sort_title"),
    });
    button.setAttribute("aria-keyshortcuts", "Shift+ArrowLeft Shift+ArrowRight");
    button.addEventListener("click", () => this.#sort({ key: column.key, down: this.order.key === column.key ? !this.order.down : column.key === "id" }));
    button.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -WIDER, ArrowRight: WIDER }[event.key];
      if (!step || !event.shiftKey) return;
      event.preventDefault();
      this.#widen(cell, cell.offsetWidth + step);
      this.dispatchEvent(new CustomEvent("resize", { detail: { key: column.key, width: cell.offsetWidth } }));
    });
    const grip = element("span", { className: "grip", title: t("jobs.width_title") });
    grip.addEventListener("pointerdown", (event) => this.#resize(event, column, cell));
    grip.addEventListener("dblclick", () => {
      this.#widen(cell, column.width);
      stretch(column, cell);
      this.#fit();
      this.dispatchEvent(new CustomEvent("resize", { detail: { key: column.key, width: undefined } }));
    });
    cell.append(button, grip);
    return cell;
  }

  /** @param {HTMLElement} cell @param {number} width */
  #widen(cell, width) {
    cell.dataset["width"] = String(Math.max(width, NARROWEST));
    delete cell.dataset["grows"];
    delete cell.dataset["fills"];
    this.#fit();
  }

  /**
   * Set the widths of columns, whatever the rows in sight contain. The one that fills, else the
   * last one, takes the remaining space; those that grow do so with the window.
   */
  #fit() {
    const cells = /** @type {HTMLElement[]} */ ([...this.head.querySelectorAll("th[data-key]")]);
    const sum = cells.reduce((all, cell) => all + Number(cell.dataset["width"]), PICK_PX);
    const filling = cells.find((cell) => "fills" in cell.dataset) ?? cells.at(-1);
    for (const cell of cells) {
      const width = `${cell.dataset["width"]}px`;
      cell.style.setProperty("--least", width);
      cell.style.width = cell === filling ? "auto" : "grows" in cell.dataset ? "var(--grown)" : width;
    }
    this.table.style.minWidth = `${sum}px`;
  }

  /** @param {PointerEvent} event @param {Column} column @param {HTMLElement} cell */
  #resize(event, column, cell) {
    event.preventDefault();
    const start = event.clientX - cell.offsetWidth;
    const move = (/** @type {PointerEvent} */ e) => this.#widen(cell, e.clientX - start);
    const end = () => {
      removeEventListener("pointermove", move);
      this.dispatchEvent(new CustomEvent("resize", { detail: { key: column.key, width: cell.offsetWidth } }));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", end, { once: true });
  }

  /** @param {Event} event */
  #click(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const line = target.closest("tr");
    const id = line?.dataset["id"];
    if (!line || !id) return;
    this.current = Number(line.dataset["index"]);
    const isBox = target instanceof HTMLInputElement;
    const isOpener = target.closest(".opener") !== null;
    if (isOpener || (line.classList.contains("head") && !isBox && !target.closest("a"))) this.dispatchEvent(new CustomEvent("toggle", { detail: id }));
    else if (isBox) this.#pick(target.checked, /** @type {MouseEvent} */ (event).shiftKey);
    else if (!target.closest("a") && !getSelection()?.toString()) location.href = this.address(id);
  }

  #last = 0;

  /** @param {boolean} on @param {boolean} range */
  #pick(on, range) {
    const [from, to] = range ? [Math.min(this.#last, this.current), Math.max(this.#last, this.current)] : [this.current, this.current];
    for (const row of this.rows.slice(from, to + 1)) {
      for (const id of this.members(row)) {
        if (on) this.selected.add(id);
        else this.selected.delete(id);
      }
    }
    this.#last = this.current;
    this.#changed();
  }

  /** Yield the IDs of all jobs of the view. */
  *#jobs() {
    // The jobs of an open group have rows of their own.
    for (const row of this.rows) if (!isHead(row) || !row.summary.isOpen) yield* this.members(row);
  }

  /** Ids of all jobs of the view, in its order. */
  get ids() {
    return [...this.#jobs()];
  }

  /** @param {Row} row */
  #isSelected(row) {
    if (isNested(row)) return false;
    if (!isHead(row)) return this.selected.has(row.id);
    if (this.selected.size < row.summary.count) return false;
    for (const id of this.members(row)) if (!this.selected.has(id)) return false;
    return true;
  }

  /** How many of the selected jobs are in the view. */
  get selectedInView() {
    let count = 0;
    for (const row of this.rows) {
      if (isHead(row) && row.summary.isOpen) continue;
      for (const id of this.members(row)) if (this.selected.has(id)) count++;
    }
    return count;
  }

  #changed() {
    this.soon();
    this.dispatchEvent(new CustomEvent("selection"));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const page = Math.max(Math.floor(this.#height / this.#row) - 1, 1);
    const steps = /** @type {Record<string, number>} */ ({
      ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity,
    });
    const step = steps[event.key];
    const row = this.rows[this.current];
    if (event.key === "Enter" && row && event.target instanceof HTMLInputElement) this.#shown.get(row.id)?.handle.click();
    if (step === undefined && row && ["ArrowRight", "ArrowLeft"].includes(event.key)) this.#unfold(row, event.key === "ArrowRight");
    if (step === undefined) return;
    event.preventDefault();
    const inBox = event.target instanceof HTMLInputElement;
    this.current = Math.min(Math.max(this.current + step, 0), Math.max(this.rows.length - 1, 0));
    const top = this.current * this.#row;
    if (top < this.frame.scrollTop) this.frame.scrollTop = top;
    const bottom = this.frame.scrollTop + this.#height - this.#head - this.#row;
    if (top > bottom) this.frame.scrollTop = top - (bottom - this.frame.scrollTop);
    this.draw();
    const line = this.#shown.get(this.rows[this.current]?.id ?? "");
    line?.[inBox ? "box" : "handle"].focus({ preventScroll: true });
  }
}
