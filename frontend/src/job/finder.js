/** The search in the output: the matches in the lines that are shown, and beyond them those in the whole output. */

import { Matches } from "./matches.js";
import { t } from "../ui/words.js";

/** @typedef {import("./line_links.js").Lines} Lines */

/**
 * @typedef {object} Shown
 * @property {import("./output_view.js").OutputView} view
 * @property {import("./held_place.js").HeldPlace} held
 * @property {import("./output_tools.js").OutputTools} tools
 * @property {() => boolean} isWhole all of the output is shown
 * @property {() => Record<string, string | number>} part the part of the output, as requests name it
 * @property {() => void} pause
 * @property {() => void} paint
 */

export class Finder {
  matches = new Matches();
  /** True if the whole output is searched. */
  #isAsked = false;

  /** @param {Shown} shown @param {import("./whole_search.js").WholeSearch} whole */
  constructor(shown, whole) {
    this.shown = shown;
    this.whole = whole;
  }

  /** @param {string} query */
  search(query) {
    const { view, held, paint } = this.shown;
    const first = held.seesMatch ? this.matches.current?.number : undefined;
    this.matches.ask(query, view.lines);
    this.matches.begin(first ?? held.first?.number ?? 0);
    if (this.matches.current) this.#reveal();
    else paint();
    this.whole.clear();
    this.#isAsked = false;
    this.say();
  }

  /** Go to another match: past the last one that is shown, or without one, to that of the whole output. @param {number} by */
  step(by) {
    const { matches } = this;
    if (!matches.query) return;
    if (!this.shown.isWhole() && !matches.has(by)) return this.whole.seek(this.#place(by), by);
    if (!matches.hits.length) return;
    matches.step(by);
    this.#reveal();
    this.say();
  }

  #reveal() {
    this.shown.pause();
    this.shown.paint();
    this.shown.held.revealMatch();
  }

  /** Return the place where a step begins: at the current match, else at the edge of the lines shown. @param {number} by */
  #place(by) {
    const { lines, numberOf } = this.shown.view;
    const current = this.matches.current?.number;
    const isNumbered = (/** @type {import("./output_view.js").Line} */ line) => numberOf(line) !== undefined;
    const line = lines.find(({ number }) => number === current) ?? (by > 0 ? lines.findLast(isNumbered) : lines.find(isNumbered));
    return { source: line?.source ?? 0, line: (line && numberOf(line)) ?? 0 };
  }

  say() {
    const { query, hits, at } = this.matches;
    const isWhole = this.shown.isWhole();
    const none = !query ? "" : isWhole ? t("output.not_found") : t("output.not_in_shown");
    this.shown.tools.tellHits(hits.length, at, none, isWhole, this.whole.hasFound);
    // The lines shown are not all that there is, or are no more: then all of it is searched, once.
    if (!query || isWhole || this.#isAsked) return;
    this.#isAsked = true;
    this.whole.ask(query, this.shown.part());
  }
}
