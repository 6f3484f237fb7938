/**
 * The numbers of the lines in the page. The service numbers the lines of an output; the page knows only its end, so it
 * asks for the number of the first line, and counts on. Of one stream it cannot count, since the lines of the other are
 * missing, and asks for the number of each; so it does after lines that the history has left out.
 */

import { read } from "./line_requests.js";

/** @typedef {import("./output_lines.js").Line} Line */

/** Milliseconds between two requests for numbers of new lines. */
const PAUSE_MS = 1500;
const MAX_COUNT = 5000;
/** Requests for the number of one line, each of which the service ends after a minute. */
const MAX_TURNS = 20;

export class LineNumbers {
  /** @type {Map<number, number>} the lines before the first that is here, of each source */
  #bases = new Map();
  /** @type {Map<string, number>} */
  #each = new Map();
  /** @type {Set<number>} sources that are being asked about */
  #asked = new Set();
  #stopped = new AbortController();
  /** True if lines are missing between the present ones. */
  hasGap = false;

  /**
   * @param {string} job
   * @param {string} stream the only stream in the page, or empty
   * @param {{ known: () => void, progress: (bytes: number) => void }} tell numbers have become known; bytes were read for them
   */
  constructor(job, stream, tell) {
    this.job = job;
    this.stream = stream;
    this.tell = tell;
  }

  stop() {
    this.#stopped.abort();
  }

  /** Begin with the first entry of a source. @param {number} source @param {number} index @param {boolean} isFirst nothing is before it */
  begin(source, index, isFirst) {
    if (this.#bases.has(source) || this.#asked.has(source)) return;
    if (isFirst && !this.stream) this.#bases.set(source, 0);
    else if (!this.stream) this.#ask(source, index, 1);
  }

  /** Count the lines of the output eventlog from the first one, since all its entries are here. */
  whole() {
    if (!this.stream && !this.#bases.has(0)) this.#bases.set(0, 0);
  }

  /** Return the number of a line, if it is known. @param {Line} line */
  of(line) {
    if (line.fixed) return line.fixed;
    if (!line.ended) return undefined;
    if (this.stream || this.hasGap) return this.#each.get(key(line.source, line.index, line.place));
    const base = this.#bases.get(line.source);
    return base === undefined ? undefined : base + line.ended;
  }

  /** Ask for the numbers that are missing. @param {Line[]} lines */
  want(lines) {
    if (!this.stream && !this.hasGap) return;
    const missing = lines.find((line) => line.ended && this.of(line) === undefined && !this.#asked.has(line.source));
    if (missing) this.#ask(missing.source, missing.index, MAX_COUNT);
  }

  /** @param {number} source @param {number} index @param {number} count @param {number} [turns] requests at most @returns {Promise<void>} */
  async #ask(source, index, count, turns = MAX_TURNS) {
    this.#asked.add(source);
    const query = { at: index, count, source, ...(this.stream ? { stream: this.stream } : {}) };
    try {
      /** @type {[number, number]} */
      let [last, place] = [-1, 0];
      const end = await read(this.job, "lines", query, this.#stopped.signal, (item) => {
        if (item["type"] === "progress") this.tell.progress(item["searched"]);
        if (item["type"] !== "line" || item["open"]) return;
        if (!this.stream) this.#bases.set(source, item["line"] - 1);
        place = item["index"] === last ? place + 1 : 0;
        last = item["index"];
        this.#each.set(key(source, last, place), item["line"]);
      });
      this.tell.known();
      // The service remembers how far it has come, and goes on from there.
      if (end["reason"] === "limit" && turns > 1) return await this.#ask(source, index, count, turns - 1);
    } catch {
      // The lines have no numbers until the next request.
    }
    setTimeout(() => this.#asked.delete(source), this.stream || this.hasGap ? PAUSE_MS : 0);
  }
}

/** @param {number} source @param {number} index @param {number} place */
const key = (source, index, place) => `${source} ${index} ${place}`;
