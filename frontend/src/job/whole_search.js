/** The search in all that a job wrote, where the page shows only a part of it: how far it is, what it found. */

import { hashOf } from "./line_links.js";
import { read, size } from "./line_requests.js";
import { element } from "../ui/element.js";
import { visible } from "../ui/visible.js";
import { number, t } from "../ui/words.js";

/** Milliseconds without a key after which what was typed is meant: the search reads all of the output. */
const TYPED = 400;
/** Lines that are listed; more are counted. */
const MAX_LISTED = 200;

/** @typedef {Record<string, string | number | boolean>} Query */
/** @typedef {import("./line_links.js").Lines} Lines */
/** @typedef {{ source: number, line: number }} Place */

export class WholeSearch {
  /** @type {AbortController | undefined} */
  #running;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;
  /** @type {Query | undefined} */
  #query;
  /** @type {Lines[]} the lines that are listed, in their order */
  #found = [];
  /** The ranks that wrote the lines that are listed. */
  #ranks = new Set();
  /** True if there may be matches after those that are listed. */
  #isMore = false;
  /** @type {{ from: Place, by: number } | undefined} what the reader wants to see as soon as the search has come so far */
  #sought;

  /**
   * @param {HTMLElement} after what it stands below
   * @param {string} job
   * @param {() => void} changed something was found, or forgotten
   * @param {(lines: Lines) => Promise<void>} goTo
   * @param {() => boolean} isRanked whether several tasks wrote what is shown
   */
  constructor(after, job, changed, goTo, isRanked) {
    this.job = job;
    this.changed = changed;
    this.goTo = goTo;
    this.isRanked = isRanked;
    this.where = element("div", { className: "whole-search", hidden: true });
    this.said = element("span", { role: "status" });
    this.stopper = element("button", { type: "button", className: "quiet", textContent: t("output.stop_search") });
    this.stopper.addEventListener("click", () => this.#stop());
    this.list = element("ol", {});
    this.list.tabIndex = 0;
    this.list.setAttribute("role", "region");
    this.list.setAttribute("aria-label", t("output.found_lines"));
    const head = element("p", {});
    head.append(this.said, " ", this.stopper);
    this.where.append(head, this.list);
    after.after(this.where);
  }

  /** Search soon; with an empty text nothing. @param {string} text @param {Query} part the part of the output */
  ask(text, part) {
    this.clear();
    if (!text) return;
    this.#query = { ...part, q: text.slice(0, 256) };
    this.#soon = setTimeout(() => this.#run(), TYPED);
  }

  /** True if a line was found. */
  get hasFound() {
    return this.#found.length > 0;
  }

  /** Go to the next match from a place, or the one before, as soon as it is found; from the last one to the first. @param {Place} from @param {number} by */
  async seek(from, by) {
    if (this.#soon) this.#run();
    const query = this.#query;
    let to = by > 0 ? this.#found.find((it) => order(it, from) > 0) : this.#found.findLast((it) => order(it, from) < 0);
    this.#sought = undefined;
    if (this.#running && !(to && by > 0)) {
      this.#sought = { from, by };
      return;
    }
    if (!to && by > 0 && this.#isMore) to = await this.#beyond(from);
    to ??= this.#found.at(by > 0 ? 0 : -1);
    if (to && query === this.#query) await this.goTo(to);
  }

  /** Find the first match after a place that is after all listed lines. @param {Place} place @returns {Promise<Lines | undefined>} */
  async #beyond({ source, line }) {
    /** @type {Lines | undefined} */
    let to;
    try {
      await read(this.job, "search", { ...this.#query, source, after: line, limit: 1 }, new AbortController().signal, (item) => {
        if (item["type"] === "match") to = linesOf(item);
      });
    } catch (problem) {
      this.#failed(problem);
    }
    return to;
  }

  clear() {
    clearTimeout(this.#soon);
    this.#running?.abort();
    this.#running = this.#query = this.#sought = this.#soon = undefined;
    this.#found = [];
    this.#isMore = false;
    this.where.hidden = true;
    this.list.replaceChildren();
    this.list.classList.remove("ranked");
    this.#ranks.clear();
  }

  #stop() {
    this.#running?.abort();
    this.#running = this.#sought = undefined;
    this.#isMore = true;
    this.stopper.hidden = true;
    this.said.textContent = t("output.stopped", { before: this.said.textContent ?? "" });
  }

  async #run() {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    const query = { ...this.#query, limit: MAX_LISTED, count: true };
    const running = new AbortController();
    this.#running = running;
    this.where.hidden = this.stopper.hidden = false;
    this.said.textContent = t("output.searching");
    try {
      const end = await read(this.job, "search", query, running.signal, (item) => {
        if (this.#running !== running) return;
        if (item["type"] === "match") this.#take(item);
        else if (item["type"] === "progress") this.#tell(item["matches"], t("output.searched_so_far", { size: size(item["searched"]) }), false);
      });
      if (this.#running !== running) return;
      this.#tell(end["matches"], searched(end), true);
      this.#isMore = end["reason"] !== "end" || end["matches"] > this.#found.length;
    } catch (problem) {
      if (this.#running !== running) return;
      this.#failed(problem);
    }
    this.#running = undefined;
    this.stopper.hidden = true;
    if (this.#sought) await this.seek(this.#sought.from, this.#sought.by);
  }

  /** @param {unknown} problem */
  #failed(problem) {
    this.said.textContent = t("output.search_failed", { reason: problem instanceof Error ? problem.message : String(problem) });
  }

  /** @param {Record<string, any>} item */
  #take(item) {
    this.list.append(found(item));
    this.#ranks.add(item["rank"]);
    // As in the output: the only task needs no label, nor does the one that was chosen.
    const isRanked = this.#query?.["task"] === undefined && (this.#ranks.size > 1 || this.isRanked());
    this.list.classList.toggle("ranked", isRanked);
    this.#found.push(linesOf(item));
    if (this.#found.length === 1) this.changed();
    const { from, by } = this.#sought ?? {};
    if (from && by === 1 && order(linesOf(item), from) > 0) this.seek(from, by);
  }

  /** @param {number} count @param {string} how how far the search has come @param {boolean} isOver */
  #tell(count, how, isOver) {
    if (!count) this.said.textContent = t(isOver ? "output.none_found" : "output.none_found_yet", { how });
    else if (count > MAX_LISTED) this.said.textContent = t("output.many_found", { count, listed: MAX_LISTED, how });
    else this.said.textContent = t("output.found", { count, how });
  }
}

/** @param {Record<string, any>} item @returns {Lines} */
function linesOf(item) {
  return { source: item["source"], first: item["line"], last: item["line"] };
}

/** Compare lines with a place: above zero if they are after it, below zero if they are before it. @param {Lines} lines @param {Place} place */
function order({ source, first }, place) {
  return source - place.source || first - place.line;
}

/** Describe the part that was searched. @param {import("./line_requests.js").Item} end the last item of the answer */
function searched(end) {
  /** @type {import("./line_requests.js").Omitted | undefined} */
  const omitted = end["omitted"];
  if (end["reason"] !== "end") return t("output.part_searched", { size: size(end["searched"]) });
  const lines = t("output.lines", { count: end["lines"] - (omitted?.lines ?? 0) });
  return omitted ? t("output.kept_searched", { lines, size: size(omitted.bytes) }) : t("output.whole_searched", { lines });
}

/** Return a line that was found, as a link to it. @param {Record<string, any>} item */
function found(item) {
  const characters = [...item["text"]];
  const part = (/** @type {number} */ from, /** @type {number} */ to) => visible(characters.slice(from, to).join(""), { most: 400 });
  const line = item["line"];
  const link = element("a", { href: hashOf(linesOf(item)) });
  const mark = element("mark", { textContent: part(item["start"], item["end"]) });
  if (item["rank"]) link.append(element("span", { className: "rank", textContent: `${item["rank"]}: ` }));
  link.append(`${item["offset"] ? "… " : ""}${part(0, item["start"])}`, mark, part(item["end"], characters.length));
  link.title = t("output.to_line", { line: number(line) });
  const made = element("li", { value: line });
  made.append(link);
  return made;
}
