/** The jump to the first line of an output that reports an error. */

import { read, size } from "./line_requests.js";
import { t } from "../ui/words.js";

export class FirstError {
  #running = new AbortController();

  /**
   * @param {string} job
   * @param {(text: string) => void} tell
   * @param {(lines: import("./line_links.js").Lines) => Promise<void>} goTo
   */
  constructor(job, tell, goTo) {
    this.job = job;
    this.tell = tell;
    this.goTo = goTo;
  }

  /** @param {Record<string, string | number>} part the part of the output */
  async find(part) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    this.tell(t("output.searching_error"));
    try {
      /** @type {Record<string, any> | undefined} */
      let found;
      const end = await read(this.job, "search", { ...part, errors: true, limit: 1 }, running.signal, (item) => {
        if (item["type"] === "match") found = item;
        else if (item["type"] === "progress") this.tell(t("output.searched_error", { size: size(item["searched"]) }));
      });
      if (found) {
        await this.goTo({ source: found["source"], first: found["line"], last: found["line"] });
        this.tell(t("output.found_error", { line: found["line"] }));
      } else this.tell(end["reason"] === "end" ? t("output.no_error") : t("output.no_error_in", { size: size(end["searched"]) }));
    } catch (problem) {
      if (running.signal.aborted) return;
      this.tell(t("output.search_failed", { reason: problem instanceof Error ? problem.message : String(problem) }));
    }
  }
}
