/** The search in all that a job wrote, where the page shows only the end of it: how far it is, what it found. */

import { session } from "../ui/api.js";
import { element } from "../ui/element.js";
import { MAX_KEPT, search } from "./scan.js";
import { visible } from "../ui/visible.js";

/** Milliseconds without a key after which what was typed is meant: the search reads all of the output. */
const TYPED = 500;

export class WholeSearch {
  /** @type {AbortController | undefined} */
  #running;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /** @param {HTMLElement} after what it stands below */
  constructor(after) {
    this.where = element("div", { className: "whole-search", hidden: true });
    this.said = element("span", { role: "status" });
    this.stopper = element("button", { type: "button", textContent: "Stop the search" });
    this.stopper.addEventListener("click", () => this.#stop());
    this.list = element("ol", {});
    this.list.tabIndex = 0;
    this.list.setAttribute("role", "region");
    this.list.setAttribute("aria-label", "Lines found in the whole output");
    const head = element("p", {});
    head.append(this.said, " ", this.stopper);
    this.where.append(head, this.list);
    after.after(this.where);
  }

  /** Search soon; with an empty query nothing. @param {string} query @param {string} address of the whole output */
  ask(query, address) {
    this.clear();
    if (query) this.#soon = setTimeout(() => this.#run(query, address), TYPED);
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
    this.said.textContent = `Stopped. ${this.said.textContent}`;
  }

  /** @param {string} query @param {string} address */
  async #run(query, address) {
    const running = new AbortController();
    this.#running = running;
    this.where.hidden = this.stopper.hidden = false;
    this.said.textContent = "Searching the whole output.";
    try {
      const response = await fetch(address, { headers: { ...session.headers, Accept: "text/plain" }, signal: running.signal });
      if (!response.ok || !response.body) throw new Error(`the service answered ${response.status}`);
      const { scan, bytes, isWhole } = await search(response.body, query, (so_far, read) => {
        if (this.#running === running) this.#show(so_far, `${size(read)} searched so far`);
      });
      if (this.#running !== running) return;
      const lines = `${scan.lines.toLocaleString()} line${scan.lines === 1 ? "" : "s"}`;
      this.#show(scan, isWhole ? `the whole output, ${lines}, was searched` : `only the first ${size(bytes)} were searched`);
    } catch (problem) {
      if (this.#running !== running) return;
      this.said.textContent = `The whole output could not be searched: ${problem instanceof Error ? problem.message : problem}.`;
    }
    this.#running = undefined;
    this.stopper.hidden = true;
  }

  /** @param {import("./scan.js").Scan} scan @param {string} how_far */
  #show(scan, how_far) {
    const many = scan.count === 1 ? "1 line" : `${scan.count.toLocaleString()} lines`;
    const first = scan.count > MAX_KEPT ? `, of which the first ${MAX_KEPT} are here` : "";
    this.said.textContent = `${scan.count ? `Found in ${many}${first}` : "Not found"}; ${how_far}.`;
    for (const found of scan.found.slice(this.list.childElementCount)) this.list.append(item(found));
  }
}

/** A line that was found; when it is opened, the lines around it. @param {import("./scan.js").Found} found */
function item({ line, text, start, end, before, after }) {
  const show = (/** @type {string} */ part) => visible(part);
  const mark = element("mark", { textContent: show(text.slice(start, end)) });
  const head = element("summary", {});
  head.append(show(text.slice(0, start)), mark, show(text.slice(end)));
  const around = element("details", {});
  around.append(head);
  // Some of the lines after it are yet to come.
  around.addEventListener("toggle", () => {
    const lines = [...before.map((it, at) => `${line - before.length + at}  ${show(it)}`), `${line}  ${show(text)}`];
    lines.push(...after.map((it, at) => `${line + 1 + at}  ${show(it)}`));
    around.querySelector("pre")?.remove();
    if (around.open) around.append(element("pre", { textContent: lines.join("\n") }));
  });
  const made = element("li", { value: line });
  made.append(around);
  return made;
}

/** @param {number} bytes */
function size(bytes) {
  return bytes < 1e6 ? `${Math.ceil(bytes / 1000)} kB` : `${Math.round(bytes / 1e6).toLocaleString()} MB`;
}
