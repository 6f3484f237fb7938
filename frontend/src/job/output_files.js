/** The files that receive the output of a job: which they are, where, and a link to download each. */

import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { visible } from "../ui/visible.js";
import { list, rich, t } from "../ui/words.js";

/** Files that are listed; a job can have one for each task. */
const MAX_LISTED = 8;

export class OutputFiles {
  /** @type {Record<string, any>[]} in the order of the service, whichever comes first */
  #entries = [];

  /** @param {HTMLElement} before what it stands below @param {string} job */
  constructor(before, job) {
    this.job = job;
    this.list = element("ul", { className: "output-files", hidden: true });
    this.list.setAttribute("aria-label", t("job.output_files"));
    before.after(this.list);
  }

  /** True if there is a file. */
  get isAny() {
    return this.#entries.length > 0;
  }

  clear() {
    this.#entries = [];
    this.list.hidden = true;
    this.list.replaceChildren();
  }

  /** Show a file that the service reads, or only names. @param {Record<string, any>} entry */
  show(entry) {
    this.#entries.push(entry);
    this.#entries.sort((one, other) => one["index"] - other["index"]);
    /** @type {Map<string, number>} */
    const numbers = new Map();
    const lines = this.#entries.map((file) => this.#line(file, numbers)).slice(0, MAX_LISTED);
    if (this.#entries.length > MAX_LISTED) lines.push(element("li", { textContent: "…" }));
    this.list.replaceChildren(...lines);
    this.list.hidden = false;
  }

  /** @param {Record<string, any>} entry @param {Map<string, number>} numbers files of each stream so far */
  #line(entry, numbers) {
    const streams = Array.isArray(entry["streams"]) ? entry["streams"].map(String) : [String(entry["stream"])];
    const line = element("li", {});
    const shown = { streams: list(streams), path: element("code", { textContent: visible(String(entry["path"] ?? ""), { most: 1000 }) }) };
    if (entry["host"]) line.append(rich("job.file_on", { ...shown, host: visible(String(entry["host"]), { most: 255 }) }));
    else line.append(rich("job.file", shown));
    const stream = streams[0] ?? "stdout";
    const number = numbers.get(stream) ?? 0;
    if (!entry["unread"]) line.append(" ", this.#link(stream, number));
    for (const each of streams) numbers.set(each, (numbers.get(each) ?? 0) + 1);
    return line;
  }

  /** @param {string} stream @param {number} number */
  #link(stream, number) {
    const href = at(`/v1/jobs/${this.job}/files/${stream}${number ? `?file=${number}` : ""}`);
    return element("a", { href, textContent: t("job.download"), download: "" });
  }
}
