/** The jump to the first line of an output that reports an error. */

import { read, size } from "./line_requests.js";
import { t } from "../ui/words.js";

export class FirstError {
  #running = new AbortController();

  /**
   * @param {string} job
   * @param {(text: string) => void} tell
   * @param {(lines: import("./line_links.js").Lines) => Promise<void>} goTo
   * @param {(text: string) => void} none tells beside the button that there is none
   */
  constructor(job, tell, goTo, none) {
    this.job = job;
    this.tell = tell;
    this.goTo = goTo;
    this.none = none;
  }

  /** @param {Record<string, string | number>} part the part of the output @param {string} before what was told before */
  async find(part, before) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    this.none("");
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
      } else {
        this.tell(before);
        this.none(end["reason"] === "end" ? t("output.no_error") : t("output.no_error_in", { size: size(end["searched"]) }));
      }
    } catch (problem) {
      if (running.signal.aborted) return;
      this.tell(t("output.search_failed", { reason: problem instanceof Error ? problem.message : String(problem) }));
    }
  }
}
