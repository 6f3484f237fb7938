/**
 * Line numbers, colors and indentation for a text area. The text area stays what is typed into, found in and read
 * aloud; the colors are drawn below it, for the lines in sight only.
 */

import { element } from "../ui/element.js";

/** Longer lines get no colors: they would cost too much while somebody types. */
const MAX_COLORED_CHARS = 4000;
const SPACES = "    ";
/** Rows of the editor, which grows with the script. */
const [MIN_ROWS, MAX_ROWS] = [12, 28];
const TOKENS =
  /(?<string>'[^']*'|"(?:\\.|[^"\\])*")|(?<variable>\$\{[^}]*\}|\$[A-Za-z_]\w*|\$[0-9@#?*!$-])|(?<comment>(?:^|(?<=\s))#.*$)/g;

/** @typedef {"comment" | "directive" | "string" | "variable" | "interpreter"} Color */

/**
 * Return one line in pieces with their colors.
 * @param {string} line
 * @param {boolean} isFirst
 * @returns {{ text: string, color?: Color }[]}
 */
export function colored(line, isFirst) {
  if (isFirst && line.startsWith("#!")) return [{ text: line, color: "interpreter" }];
  if (/^#flux:/i.test(line)) return [{ text: line, color: "directive" }];
  /** @type {{ text: string, color?: Color }[]} */
  const pieces = [];
  let end = 0;
  for (const match of line.matchAll(TOKENS)) {
    if (match.index > end) pieces.push({ text: line.slice(end, match.index) });
    const [color] = Object.entries(match.groups ?? {}).find(([, text]) => text !== undefined) ?? [];
    pieces.push({ text: match[0], color: /** @type {Color} */ (color) });
    end = match.index + match[0].length;
  }
  if (end < line.length) pieces.push({ text: line.slice(end) });
  return pieces;
}

/**
 * Return the text and the selection after lines were indented, or the other way.
 * @param {string} text
 * @param {number} start @param {number} end of the selection
 * @param {boolean} isBack
 * @returns {{ from: number, to: number, lines: string, start: number, end: number }} what is replaced, by what, and the new selection
 */
export function indented(text, start, end, isBack) {
  const unit = /^\t/m.test(text) ? "\t" : SPACES;
  const from = text.lastIndexOf("\n", start - 1) + 1;
  // A selection that ends at the begin of a line does not include that line.
  const last = end > start && text[end - 1] === "\n" ? end - 1 : end;
  const next = text.indexOf("\n", last);
  const to = next < 0 ? text.length : next;
  const before = text.slice(from, to).split("\n");
  const after = before.map((line) => (isBack ? line.replace(/^(?:\t| {1,4})/, "") : line && unit + line));
  const first = (after[0]?.length ?? 0) - (before[0]?.length ?? 0);
  const grown = after.join("\n").length - (to - from);
  return { from, to, lines: after.join("\n"), start: Math.max(from, start + first), end: Math.max(from, end + grown) };
}

export class CodeView {
  /** The place at which each line begins. */
  #starts = [0];
  #isPlain = false;
  /** @type {Set<number>} */
  #wrong = new Set();
  /** True if the next Tab leaves the editor. */
  #isLeaving = false;

  /** @param {HTMLTextAreaElement} text @param {HTMLElement} numbers @param {HTMLElement} colors */
  constructor(text, numbers, colors) {
    this.text = text;
    this.numbers = numbers;
    this.colors = colors;
    text.addEventListener("input", () => this.refresh());
    text.addEventListener("scroll", () => this.#draw(), { passive: true });
    text.addEventListener("keydown", (event) => this.#key(event));
    text.addEventListener("blur", () => (this.#isLeaving = false));
    new ResizeObserver(() => this.#draw()).observe(text);
    this.refresh();
  }

  /** Show the text as it is now. */
  refresh() {
    const { value } = this.text;
    this.#starts = [0];
    let longest = 0;
    for (let at = value.indexOf("\n"); at >= 0; at = value.indexOf("\n", at + 1)) {
      longest = Math.max(longest, at - (this.#starts.at(-1) ?? 0));
      this.#starts.push(at + 1);
    }
    longest = Math.max(longest, value.length - (this.#starts.at(-1) ?? 0));
    this.#isPlain = longest > MAX_COLORED_CHARS;
    this.text.parentElement?.classList.toggle("plain", this.#isPlain);
    this.text.rows = Math.min(Math.max(this.#starts.length, MIN_ROWS), MAX_ROWS);
    this.#draw();
  }

  /** Mark lines that are wrong. @param {number[]} lines counted from 1 */
  mark(lines) {
    this.#wrong = new Set(lines);
    this.#draw();
  }

  /** Bring a line into sight, and the cursor to it. @param {number} line counted from 1 */
  reveal(line) {
    const start = this.#starts[line - 1] ?? 0;
    const end = (this.#starts[line] ?? this.text.value.length + 1) - 1;
    this.text.focus();
    this.text.setSelectionRange(start, end);
    this.text.scrollTop = Math.max(0, (line - 4) * this.#height);
  }

  get #height() {
    return parseFloat(getComputedStyle(this.text).lineHeight) || 20;
  }

  #draw() {
    const { scrollTop, scrollLeft, clientHeight, value } = this.text;
    if (!clientHeight) return;
    const height = this.#height;
    const first = Math.max(0, Math.floor(scrollTop / height) - 1);
    const last = Math.min(this.#starts.length, first + Math.ceil(clientHeight / height) + 3);
    /** @type {HTMLElement[]} */
    const numbers = [];
    /** @type {HTMLElement[]} */
    const lines = [];
    for (let at = first; at < last; at++) {
      const isWrong = this.#wrong.has(at + 1);
      numbers.push(element("span", { textContent: String(at + 1), className: isWrong ? "wrong-line" : "" }));
      const line = element("span", { className: isWrong ? "wrong-line" : "" });
      if (!this.#isPlain) {
        const text = value.slice(this.#starts[at], (this.#starts[at + 1] ?? value.length + 1) - 1);
        line.append(...colored(text, at === 0).map(({ text, color }) => (color ? element("i", { textContent: text, className: color }) : text)));
      }
      lines.push(line);
    }
    const top = first * height - scrollTop;
    this.numbers.replaceChildren(...numbers);
    this.numbers.style.transform = `translateY(${top}px)`;
    this.colors.replaceChildren(...lines);
    this.colors.style.transform = `translate(${-scrollLeft}px, ${top}px)`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.key === "Escape") this.#isLeaving = true;
    else if (event.key === "Tab" && !this.#isLeaving && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      this.#indent(event.shiftKey);
    } else if (event.key === "Enter" && !event.ctrlKey && !event.metaKey && !event.shiftKey) this.#newline(event);
    else if (event.key !== "Shift") this.#isLeaving = false;
  }

  /** @param {boolean} isBack */
  #indent(isBack) {
    const { selectionStart: start, selectionEnd: end, value } = this.text;
    if (!isBack && !value.slice(start, end).includes("\n")) return this.#insert(/^\t/m.test(value) ? "\t" : SPACES);
    const made = indented(value, start, end, isBack);
    if (value.slice(made.from, made.to) === made.lines) return;
    this.text.setSelectionRange(made.from, made.to);
    this.#insert(made.lines);
    this.text.setSelectionRange(made.start, made.end);
  }

  /** Begin the next line as far to the right as this one. @param {KeyboardEvent} event */
  #newline(event) {
    const { selectionStart: start, value } = this.text;
    const [indent = ""] = /^[ \t]*/.exec(value.slice(value.lastIndexOf("\n", start - 1) + 1, start)) ?? [];
    if (!indent) return;
    event.preventDefault();
    this.#insert(`\n${indent}`);
  }

  /** Insert a text, so that it can be undone. @param {string} text */
  #insert(text) {
    // The only way that keeps the history of changes; browsers have promised nothing better yet.
    const isDone = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
    if (isDone) return;
    this.text.setRangeText(text, this.text.selectionStart, this.text.selectionEnd, "end");
    this.text.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
