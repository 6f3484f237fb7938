/** One row of the table of jobs as it stands in the page; lent to whichever job is in sight. */

import { element } from "../ui/element.js";
import { isHead } from "./grouping.js";
import { isNested, opens } from "./nested.js";
import { ProgressBar } from "../ui/progress_bar.js";
import { at, within } from "../ui/root.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./columns.js").Column} Column */

/** Columns that the row of a group has a text for. */
const OF_GROUPS = new Set(["name", "user", "submitted", "queue", "bank", "group"]);
/** Milliseconds for which a row shows that it has changed. */
const FRESH = 1500;

export class Line {
  id = "";
  #index = -1;
  #revision = -1;
  #status = "";
  #isSelected = false;
  #isCurrent = false;
  #isMember = false;
  #freshUntil = 0;
  /** The parts of the note that have links. */
  #links = "";
  /** The text of the note, which may have more lines than one. */
  #note = element("span", { className: "note-text" });

  /** @param {Column[]} columns */
  constructor(columns) {
    this.columns = columns;
    this.line = element("tr", { role: "row" });
    this.box = element("input", { type: "checkbox", tabIndex: -1 });
    const pick = element("td", { className: "pick", role: "cell" });
    pick.append(this.box);
    this.link = element("a", { tabIndex: -1 });
    this.below = element("a", { className: "below", tabIndex: -1, hidden: true });
    this.below.dataset["icon"] = "tree";
    this.opener = element("button", { type: "button", className: "opener", tabIndex: -1, hidden: true });
    this.opener.dataset["icon"] = "right";
    this.mark = element("span", { className: "status" });
    this.toggle = element("button", { type: "button", className: "toggle", tabIndex: -1, hidden: true });
    this.toggle.dataset["icon"] = "right";
    this.progress = new ProgressBar();
    this.bar = this.progress.element;
    this.bar.hidden = true;
    this.cells = columns.map((column) => {
      const cell = element("td", { className: column.classes, role: "cell" });
      cell.dataset["key"] = column.key;
      if (column.key === "id") cell.append(this.link, this.toggle, this.opener, this.below);
      if (column.key === "status") cell.append(this.mark, this.bar);
      if (column.key === "note") cell.append(this.#note);
      return cell;
    });
    this.line.append(pick, ...this.cells);
  }

  /**
   * Show a job: another one than before, or what has become of it. Unchanged parts are not touched.
   * @param {Row} row @param {number} index @param {(id: string) => string} address
   * @param {{ isSelected: boolean, isCurrent: boolean, isIn: boolean, isOpen: boolean, isWhole: boolean, now: number }} it
   *   isIn: it is below the row of its group; isOpen: what there is below it is shown; isWhole: all jobs have come;
   *   now: seconds since 1970
   */
  show(row, index, address, { isSelected, isCurrent, isIn, isOpen, isWhole, now }) {
    const isOther = row.id !== this.id;
    if (isOther) this.#become(row, address);
    const isMember = !isHead(row) && isIn;
    if (isMember !== this.#isMember) {
      this.#isMember = isMember;
      this.line.classList.toggle("member", isMember);
    }
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
      this.box.tabIndex = this.link.tabIndex = this.below.tabIndex = this.toggle.tabIndex = this.opener.tabIndex = isCurrent ? 0 : -1;
    }
    const hasChanged = row.revision !== this.#revision || row.status !== this.#status;
    if (hasChanged) this.#beat(isOther || !isWhole ? 0 : Date.now() + FRESH);
    else if (this.#freshUntil && this.#freshUntil < Date.now()) this.#beat(0);
    this.#revision = row.revision;
    this.#status = row.status;
    if (hasChanged && isHead(row)) this.#sum(row);
    const isOpening = !isHead(row) && !isNested(row) && opens(row);
    if (this.opener.hidden === isOpening) this.opener.hidden = !isOpening;
    if (isOpening) this.#open(row, isOpen);
    const leads = row.isInstance || isHead(row);
    if (this.below.hidden === leads) this.below.hidden = !leads;
    for (const [at, column] of this.columns.entries()) {
      if (hasChanged || isOther || column.ticks) this.#write(column, /** @type {HTMLElement} */ (this.cells[at]), row, now);
    }
  }

  /** Say what opens below a job. @param {Row} row @param {boolean} isOpen */
  #open(row, isOpen) {
    const expanded = String(isOpen);
    if (this.opener.getAttribute("aria-expanded") !== expanded) this.opener.setAttribute("aria-expanded", expanded);
    const title = row.isInstance ? t("jobs.jobs_of_instance", { id: row.id }) : t("jobs.waits_for", { id: row.id });
    if (this.opener.title === title) return;
    this.opener.title = title;
    this.opener.setAttribute("aria-label", title);
  }

  /** The element that gets the focus of the keyboard. */
  get handle() {
    return this.toggle.hidden ? this.link : this.toggle;
  }

  /** @param {Row} row @param {(id: string) => string} address */
  #become(row, address) {
    const { id } = row;
    const isGroup = isHead(row);
    const isBelow = isNested(row);
    this.line.classList.toggle("nested", isBelow);
    const isWords = isBelow && row.nested.kind === "words";
    this.line.classList.toggle("words", isWords);
    const note = this.columns.findIndex(({ key }) => key === "note");
    const cell = /** @type {HTMLTableCellElement | undefined} */ (this.cells[note]);
    if (cell) cell.colSpan = isWords ? this.columns.filter(({ key }) => key !== "id").length : 1;
    this.box.hidden = isBelow;
    this.id = id;
    this.#revision = -1;
    this.line.dataset["id"] = id;
    this.line.classList.toggle("head", isGroup);
    this.link.hidden = isGroup;
    // A job that is not in the table has no status.
    this.mark.hidden = isGroup || !row.status;
    this.toggle.hidden = this.bar.hidden = !isGroup;
    if (isGroup) {
      // A hidden link leads there, too: one that leads nowhere is an error to checkers of pages.
      this.link.href = this.below.href = at(`/ui/groups/${row.group}`);
      this.below.title = t("jobs.group_title");
      this.below.setAttribute("aria-label", this.below.title);
      return;
    }
    this.link.href = address(id);
    this.link.textContent = isBelow ? row.nested.label : id;
    this.below.href = within(id);
    this.below.title = t("jobs.open_instance", { id });
    this.below.setAttribute("aria-label", this.below.title);
    this.box.setAttribute("aria-label", t("jobs.select", { id }));
  }

  /** Say how far the jobs of a group have come. @param {import("./grouping.js").Head} row */
  #sum({ name, note, summary }) {
    const { count, isOpen } = summary;
    const of = { count, name: visible(name, { most: SHORT }) };
    set(this.toggle, t("jobs.count", { count }));
    this.toggle.setAttribute("aria-expanded", String(isOpen));
    this.toggle.setAttribute("aria-label", t("jobs.group_jobs", of));
    this.box.setAttribute("aria-label", t("jobs.select_group", of));
    this.progress.show(summary, note);
  }

  /** @param {number} until when it ceases to show that it has changed: milliseconds since 1970 */
  #beat(until) {
    if (!until !== !this.#freshUntil) this.line.classList.toggle("fresh", until > 0);
    this.#freshUntil = until;
  }

  /**
   * Say why a job waits or failed, where each job that it names is a link, and its end if that leads to failures.
   * @param {string} text @param {readonly string[]} named @param {string} failures the end that leads to them
   */
  #say(text, named, failures) {
    const tail = failures && text.endsWith(failures) ? failures : "";
    const links = [this.id, ...named, tail].join(" ");
    const hasLinks = named.length > 0 || tail !== "";
    if (!hasLinks && !this.#links) return set(this.#note, text);
    if (links === this.#links && this.#note.textContent === text) return;
    this.#links = hasLinks ? links : "";
    if (!hasLinks) return this.#note.replaceChildren(text);
    const names = new Set(named);
    const parts = text.slice(0, text.length - tail.length).split(/\b(f\w+)/);
    this.#note.replaceChildren(
      ...parts.map((it) => (names.has(it) ? element("a", { href: at(`/ui/jobs/${it}`), textContent: it, tabIndex: -1 }) : it)),
      ...(tail ? [element("a", { className: "words", href: `${within(this.id)}?result=FAILED,TIMEOUT`, textContent: tail, tabIndex: -1 })] : []),
    );
  }

  /** @param {Column} column @param {HTMLElement} cell @param {Row} row @param {number} now */
  #write(column, cell, row, now) {
    if (isNested(row) && row.nested.kind === "words" && column.key !== "note") {
      if (column.key === "status") this.mark.hidden = true;
      else if (column.key !== "id") set(cell, "");
      return;
    }
    if (column.key === "id" || (isHead(row) && column.key === "status")) return;
    const said = isHead(row) ? ofGroup(column, row, now) : column.text(row, now);
    const text = column.numeric ? said : visible(said, { most: SHORT });
    if (column.key === "status") {
      if (this.mark.dataset["status"] !== row.status) this.mark.dataset["status"] = row.status;
      set(this.mark, text);
      return;
    }
    if (column.key !== "note") set(cell, text);
    else {
      const names = isHead(row) ? column.shared?.(row.summary.waiting).named : column.names?.(row);
      const leads = isHead(row) || isNested(row) ? "" : (column.leads?.(row) ?? "");
      this.#say(text, names ?? [], leads && visible(leads));
      if (!isHead(row) && column.warns?.(row)) cell.dataset["icon"] = "warning";
      else if (cell.dataset["icon"]) delete cell.dataset["icon"];
    }
    // A text may not fit its cell; numbers do.
    const title = column.title_of?.(row) ?? (column.numeric ? "" : text);
    if (cell.title !== title) cell.title = title;
  }
}

/** Return the text of a column for the row of a group. @param {Column} column @param {import("./grouping.js").Head} row @param {number} now */
function ofGroup(column, row, now) {
  if (column.key === "note") {
    const why = column.shared?.(row.summary.waiting).why;
    return why ? t("jobs.note_waits", { note: row.note, why }) : row.note;
  }
  return OF_GROUPS.has(column.key) ? column.text(row, now) : "";
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
