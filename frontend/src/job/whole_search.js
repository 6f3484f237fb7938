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

export class WholeSearch {
  /** @type {AbortController | undefined} */
  #running;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /** @param {HTMLElement} after what it stands below @param {string} job */
  constructor(after, job) {
    this.job = job;
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
    if (text) this.#soon = setTimeout(() => this.#run({ ...part, q: text.slice(0, 256), limit: MAX_LISTED, count: true }), TYPED);
  }

  clear() {
    clearTimeout(this.#soon);
    this.#running?.abort();
    this.#running = undefined;
    this.where.hidden = true;
    this.list.replaceChildren();
  }

  #stop() {
    this.#running?.abort();
    this.#running = undefined;
    this.stopper.hidden = true;
    this.said.textContent = t("output.stopped", { before: this.said.textContent ?? "" });
  }

  /** @param {Query} query */
  async #run(query) {
    const running = new AbortController();
    this.#running = running;
    this.where.hidden = this.stopper.hidden = false;
    this.said.textContent = t("output.searching");
    try {
      const end = await read(this.job, "search", query, running.signal, (item) => {
        if (this.#running !== running) return;
        if (item["type"] === "match") this.list.append(found(item));
        else if (item["type"] === "progress") this.#tell(item["matches"], t("output.searched_so_far", { size: size(item["searched"]) }), false);
      });
      if (this.#running !== running) return;
      const lines = t("output.lines", { count: end["lines"] });
      const how = end["reason"] === "end" ? t("output.whole_searched", { lines }) : t("output.part_searched", { size: size(end["searched"]) });
      this.#tell(end["matches"], how, true);
    } catch (problem) {
      if (this.#running !== running) return;
      this.said.textContent = t("output.search_failed", { reason: problem instanceof Error ? problem.message : String(problem) });
    }
    this.#running = undefined;
    this.stopper.hidden = true;
  }

  /** @param {number} count @param {string} how how far the search has come @param {boolean} isOver */
  #tell(count, how, isOver) {
    if (!count) this.said.textContent = t(isOver ? "output.none_found" : "output.none_found_yet", { how });
    else if (count > MAX_LISTED) this.said.textContent = t("output.many_found", { count, listed: MAX_LISTED, how });
    else this.said.textContent = t("output.found", { count, how });
  }
}

/** A line that was found, as a link to it. @param {Record<string, any>} item */
function found(item) {
  const characters = [...item["text"]];
  const part = (/** @type {number} */ from, /** @type {number} */ to) => visible(characters.slice(from, to).join(""), { most: 400 });
  const line = item["line"];
  const link = element("a", { href: hashOf({ source: item["source"], first: line, last: line }) });
  const mark = element("mark", { textContent: part(item["start"], item["end"]) });
  link.append(`${item["offset"] ? "… " : ""}${part(0, item["start"])}`, mark, part(item["end"], characters.length));
  link.title = t("output.to_line", { line: number(line) });
  const made = element("li", { value: line });
  made.append(link);
  return made;
}
