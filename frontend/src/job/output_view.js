/** The lines of an output as elements: each is written again only when something of it has changed. */

import { fill } from "./line_view.js";
import { isOf } from "./line_links.js";
import { moments } from "../ui/times.js";
import { element } from "../ui/element.js";

/** @typedef {import("./output_lines.js").Line} Line */
/** @typedef {import("./search.js").Hit} Hit */
/** @typedef {import("./line_links.js").Lines} Lines */

const clock = moments({ hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3 });
/** A time as long as any. */
const LONGEST = Date.UTC(2000, 11, 22, 22, 22, 22, 222);

/** Characters before the number of a line, and the space at the edge. */
const SIGN = 3;
/** Lines of an output of which the page may have the end only, and the digits that their numbers may have besides. */
const MANY = 1000;
const MORE_DIGITS = 2;

export class OutputView {
  /** @type {Map<number, { div: HTMLElement, key: string }>} */
  #shown = new Map();
  /** @type {Line[]} */
  lines = [];
  /** True if each line shows its time. */
  isTimed = false;
  /** True if each line shows the tasks that wrote it. */
  isRanked = false;
  /** @type {Lines | undefined} the lines that a link names */
  selected;
  /** Digits of the largest number of a line, for which there is room. */
  #digits = 0;

  /** @param {HTMLElement} screen @param {(line: Line) => number | undefined} numberOf */
  constructor(screen, numberOf) {
    this.screen = screen;
    this.numberOf = numberOf;
    screen.style.setProperty("--clock", `${clock.format(LONGEST).length}ch`);
    /** The element below the lines. */
    this.foot = element("p", { className: "cut", hidden: true });
    screen.append(this.foot);
  }

  clear() {
    for (const { div } of this.#shown.values()) div.remove();
    this.#shown.clear();
    this.lines = [];
  }

  /** Show these lines, in their order. @param {Line[]} lines @param {Hit[]} hits @param {Hit | undefined} current @param {string} query */
  show(lines, hits, current, query) {
    const kept = new Set(lines.map(({ number }) => number));
    for (const [number, { div }] of this.#shown) {
      if (kept.has(number)) continue;
      div.remove();
      this.#shown.delete(number);
    }
    this.lines = lines;
    this.paint(hits, current, query);
  }

  /** Write the lines whose text, number or matches are others than those in sight. @param {Hit[]} hits @param {Hit | undefined} current @param {string} query */
  paint(hits, current, query) {
    /** @type {Map<number, Hit[]>} */
    const byLine = new Map();
    for (const hit of hits) {
      const known = byLine.get(hit.number);
      if (known) known.push(hit);
      else byLine.set(hit.number, [hit]);
    }
    let fresh = document.createDocumentFragment();
    let largest = 1;
    let isLater = false;
    for (const line of this.lines) {
      const found = byLine.get(line.number) ?? [];
      const at = current ? found.indexOf(current) : -1;
      const number = this.numberOf(line);
      largest = Math.max(largest, number ?? 0);
      isLater ||= number === undefined && line.ended > 0;
      const isSelected = isOf(this.selected, line.source, number);
      const key = `${line.version} ${found.map((hit) => hit.start)} ${found.length ? query : ""} ${at} ${number} ${this.isTimed} ${this.isRanked} ${isSelected}`;
      const known = this.#shown.get(line.number);
      if (known) {
        if (fresh.childNodes.length) {
          known.div.before(fresh);
          fresh = document.createDocumentFragment();
        }
        if (known.key === key) continue;
      }
      const div = known?.div ?? element("div", { className: "line" });
      fill(div, line, found, at, this.isRanked);
      this.#mark(div, line, number, isSelected);
      this.#shown.set(line.number, { div, key });
      if (!known) fresh.append(div);
    }
    this.foot.before(fresh);
    // Numbers are to come: those of many lines may follow very many others.
    const { length } = this.lines;
    const later = isLater ? String(length).length + (length < MANY ? 0 : MORE_DIGITS) : 0;
    this.#widen(Math.max(String(largest).length, later));
  }

  /** Make room for numbers; it stays when the numbers become shorter, so that no line moves. @param {number} digits */
  #widen(digits) {
    if (digits <= this.#digits) return;
    this.#digits = digits;
    // Before the number stands the sign of an error.
    this.screen.style.setProperty("--digits", `${digits + SIGN}ch`);
  }

  /** @param {HTMLElement} div @param {Line} line @param {number | undefined} number @param {boolean} isSelected */
  #mark(div, line, number, isSelected) {
    div.dataset["no"] = number === undefined ? "" : String(number);
    div.classList.toggle("continued", line.of !== undefined && number === undefined);
    div.dataset["source"] = String(line.source);
    div.classList.toggle("selected", isSelected);
    if (this.isTimed) div.dataset["time"] = Number.isFinite(line.time) && line.time > 0 ? clock.format(line.time * 1000) : "";
    else delete div.dataset["time"];
  }

  /**
   * Return the text of lines, as far as they are here.
   * @param {Lines} lines
   * @returns {{ text: string, count: number, isCut: boolean }} isCut: a part of a long line is not here
   */
  textOf(lines) {
    /** @type {Map<number, string>} */
    const texts = new Map();
    let isCut = false;
    for (const line of this.lines) {
      const before = line.of === undefined ? undefined : texts.get(line.of);
      if (isOf(lines, line.source, this.numberOf(line))) texts.set(line.number, line.text);
      else if (before !== undefined && line.of !== undefined) texts.set(line.of, before + line.text);
      else continue;
      isCut ||= Boolean(line.leftOut);
    }
    return { text: [...texts.values()].join("\n"), count: texts.size, isCut };
  }

  /** Return the element of a line. @param {number} source @param {number} number */
  find(source, number) {
    return this.elementOf(this.lineOf(source, number));
  }

  /** @param {number} source @param {number} number */
  lineOf(source, number) {
    return this.lines.find((it) => it.source === source && this.numberOf(it) === number);
  }

  /** @param {Line | undefined} line */
  elementOf(line) {
    return line && this.#shown.get(line.number)?.div;
  }
}
