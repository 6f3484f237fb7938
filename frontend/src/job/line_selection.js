/** The lines that the address names: chosen by their numbers, told in a bar with a link to copy. */

import { element } from "../ui/element.js";
import { number, t } from "../ui/words.js";
import { hashOf, linesOf } from "./line_links.js";

/** @typedef {import("./line_links.js").Lines} Lines */

export class LineSelection {
  /** @type {Lines | undefined} */
  #lines;

  /** @param {HTMLElement} screen @param {(lines: Lines | undefined) => Promise<void>} goTo */
  constructor(screen, goTo) {
    this.goTo = goTo;
    this.said = element("span", { role: "status" });
    this.bar = element("p", { className: "line-link", hidden: true });
    const copy = element("button", { type: "button", className: "quiet", textContent: t("output.copy_link") });
    copy.addEventListener("click", () => this.#copy());
    const clear = element("button", { type: "button", className: "quiet", textContent: t("output.clear_lines") });
    clear.addEventListener("click", () => this.choose(undefined));
    this.bar.append(this.said, " ", copy, clear);
    screen.after(this.bar);
    screen.addEventListener("click", (event) => this.#clicked(event));
    addEventListener("hashchange", () => this.begin());
  }

  /** Take the lines that the address names. */
  begin() {
    const lines = linesOf(location.hash);
    if (lines || this.#lines) this.#become(lines);
  }

  /** Name these lines in the address, and go there. @param {Lines | undefined} lines */
  choose(lines) {
    history.replaceState(history.state, "", lines ? hashOf(lines) : location.pathname + location.search);
    return this.#become(lines);
  }

  /** @param {Lines | undefined} lines */
  #become(lines) {
    this.#lines = lines;
    this.bar.hidden = !lines;
    if (lines) this.said.textContent = lines.first === lines.last ? t("output.line_chosen", { line: lines.first }) : t("output.lines_chosen", { first: number(lines.first), last: number(lines.last) });
    return this.goTo(lines);
  }

  /** A number was pressed: with Shift, the range from the line chosen before. @param {MouseEvent} event */
  #clicked(event) {
    const line = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest(".line"));
    if (!line?.dataset["no"]) return;
    const gutter = parseFloat(getComputedStyle(line).paddingLeft);
    if (event.clientX - line.getBoundingClientRect().left > gutter) return;
    const [source, at] = [Number(line.dataset["source"]), Number(line.dataset["no"])];
    const before = this.#lines;
    if (event.shiftKey && before?.source === source) {
      getSelection()?.removeAllRanges();
      this.choose({ source, first: Math.min(before.first, at), last: Math.max(before.last, at) });
    } else this.choose({ source, first: at, last: at });
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.said.textContent = t("common.copied");
    } catch {
      // Only pages of a secure context have a clipboard.
      this.said.textContent = location.href;
    }
  }
}
