/** The jump to the first line of an output that reports an error, and from there to the next ones. */

import { read, size } from "./line_requests.js";
import { t } from "../ui/words.js";

/** @typedef {{ source: number, line: number }} Place */

export class FirstError {
  #running = new AbortController();
  /** @type {Place | undefined} the error that was gone to, or how far the search for the next one has come */
  #place;

  /**
   * @param {string} job
   * @param {(text: string) => void} tell an empty text takes back what was told
   * @param {(lines: import("./line_links.js").Lines) => Promise<void>} goTo
   * @param {(text: string) => void} none tells beside the button that there is none
   * @param {(isNext: boolean) => void} named the button finds the first error, or the next one
   */
  constructor(job, tell, goTo, none, named) {
    this.job = job;
    this.tell = tell;
    this.goTo = goTo;
    this.none = none;
    this.named = named;
  }

  /** Begin with the first error again: another part of the output is shown. */
  clear() {
    this.#running.abort();
    this.#place = undefined;
    this.none("");
    this.named(false);
  }

  /** Go to the next error; after the last one, to the first. @param {Record<string, string | number>} part the part of the output */
  async find(part) {
    this.#running.abort();
    const running = (this.#running = new AbortController());
    const place = this.#place;
    this.none("");
    this.tell(t(place ? "output.searching_next_error" : "output.searching_error"));
    try {
      const next = place && (await this.#read({ ...part, source: place.source, after: place.line }, running.signal));
      if (next?.found) await this.#go(next.found, "output.found_next_error");
      else if (next && next.end["reason"] !== "end") {
        // The next search goes on where this one was ended.
        this.#place = { source: next.end["source"], line: next.end["line"] };
        this.tell("");
        this.none(t("output.no_next_error_in", { size: size(next.end["searched"]) }));
      } else {
        const { found, end } = await this.#read(part, running.signal);
        if (found) await this.#go(found, place ? "output.found_again" : "output.found_error");
        else {
          this.tell("");
          this.none(noError(end));
        }
      }
    } catch (problem) {
      if (running.signal.aborted) return;
      this.tell(t("output.search_failed", { reason: problem instanceof Error ? problem.message : String(problem) }));
    }
  }

  /** @param {Place} found @param {"output.found_error" | "output.found_next_error" | "output.found_again"} key */
  async #go(found, key) {
    const { source, line } = found;
    this.#place = { source, line };
    this.named(true);
    await this.goTo({ source, first: line, last: line });
    this.tell(t(key, { line }));
  }

  /** @param {Record<string, string | number>} where @param {AbortSignal} signal */
  async #read(where, signal) {
    /** @type {Place | undefined} */
    let found;
    const end = await read(this.job, "search", { ...where, errors: true, limit: 1 }, signal, (item) => {
      if (item["type"] === "match") found = { source: item["source"], line: item["line"] };
      else if (item["type"] === "progress") this.tell(t("output.searched_error", { size: size(item["searched"]) }));
    });
    return { found, end };
  }
}

/** Say that there is no error. @param {import("./line_requests.js").Item} end the last item of the answer */
function noError(end) {
  if (end["reason"] !== "end") return t("output.no_error_in", { size: size(end["searched"]) });
  return end["omitted"] ? t("output.no_error_kept", { size: size(end["omitted"].bytes) }) : t("output.no_error");
}
