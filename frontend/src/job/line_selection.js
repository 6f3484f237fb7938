/** The lines that the address names: chosen by their numbers, told in a bar with a link to copy. */

import { copy } from "../ui/clipboard.js";
import { element } from "../ui/element.js";
import { number, t } from "../ui/words.js";
import { hashOf, linesOf } from "./line_links.js";

/** @typedef {import("./line_links.js").Lines} Lines */

export class LineSelection {
  /** @type {Lines | undefined} */
  #lines;

  /**
   * @param {HTMLElement} screen
   * @param {(lines: Lines | undefined) => Promise<void>} goTo
   * @param {(lines: Lines) => { text: string, count: number, isCut: boolean }} textOf what is loaded of them
   * @param {(lines: Lines) => Promise<string>} save makes a file of them, and returns what there is to say of it
   */
  constructor(screen, goTo, textOf, save) {
    this.goTo = goTo;
    this.textOf = textOf;
    this.save = save;
    this.said = element("span", { role: "status" });
    this.bar = element("p", { className: "line-link", hidden: true });
    this.hint = element("span", { className: "soft hint", textContent: t("output.range_hint") });
    this.bar.append(
      this.said,
      " ",
      button(t("output.copy_link"), () => this.#copyLink()),
      button(t("output.copy_text"), () => this.#copyText()),
      button(t("output.save_lines"), () => this.#saveText()),
      button(t("output.clear_lines"), () => this.choose(undefined)),
      this.hint,
    );
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
    this.hint.hidden = lines?.first !== lines?.last;
    if (lines) this.said.textContent = lines.first === lines.last ? t("output.line_chosen", { line: lines.first }) : t("output.lines_chosen", { first: number(lines.first), last: number(lines.last) });
    return this.goTo(lines);
  }

  /** Handle a press on a number: with Shift, select the range from the line chosen before. @param {MouseEvent} event */
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

  async #copyText() {
    if (!this.#lines) return;
    const { first, last } = this.#lines;
    const { text, count, isCut } = this.textOf(this.#lines);
    const field = element("textarea", { value: text });
    const isCopied = await copy(text, () => {
      this.bar.append(field);
      field.select();
    });
    field.remove();
    const many = last - first + 1;
    if (!isCopied) this.said.textContent = t("output.not_copied");
    else if (count < many) this.said.textContent = t("output.copied_loaded", { count, many: number(many) });
    else this.said.textContent = isCut ? t("output.copied_cut") : t("output.copied_lines", { count });
  }

  async #saveText() {
    const lines = this.#lines;
    if (!lines) return;
    this.said.textContent = t("output.fetching_lines");
    const said = await this.save(lines).catch((/** @type {unknown} */ problem) => (problem instanceof Error ? problem.message : String(problem)));
    if (this.#lines === lines) this.said.textContent = said;
  }

  async #copyLink() {
    try {
      await navigator.clipboard.writeText(location.href);
      this.said.textContent = t("common.copied");
    } catch {
      // Only pages of a secure context have a clipboard.
      this.said.textContent = location.href;
    }
  }
}

/** @param {string} textContent @param {() => void} press */
function button(textContent, press) {
  const made = element("button", { type: "button", className: "quiet", textContent });
  made.addEventListener("click", press);
  return made;
}
