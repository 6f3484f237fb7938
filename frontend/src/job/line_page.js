/** Lines of an output around a place, which the service has read: what was written before those at the end of the page. */

import { Ansi } from "./ansi.js";
import { read } from "./line_requests.js";
import { t } from "../ui/words.js";
import { ordered } from "../ui/visible.js";

/** @typedef {import("./output_lines.js").Line} Line */
/** @typedef {{ stream: string, task: number | undefined }} Part */

/** Lines of one request. */
const COUNT = 1000;
/** Lines of the page; with more, those at the other end are dropped. */
const MAX_LINES = 4000;
/** Pieces of a line, more than the page holds. */
const MAX_PIECES = 4096;
/** Lines that are shown before the one that was asked for. */
const BEFORE = 100;

export class LinePage {
  /** @type {Line[]} */
  lines = [];
  /** True if nothing is before the first line, and nothing after the last. */
  isBegin = false;
  isEnd = false;
  /** @type {import("./line_requests.js").Omitted | undefined} what the history has left out */
  omitted;
  #running = new AbortController();

  /**
   * @param {string} job
   * @param {number} source
   * @param {Part} part
   * @param {(bytes: number) => void} progress
   */
  constructor(job, source, part, progress) {
    this.job = job;
    this.source = source;
    this.part = part;
    this.progress = progress;
  }

  stop() {
    this.#running.abort();
  }

  /** True if everything that the job has written is here. */
  get isWhole() {
    return this.isBegin && this.isEnd && !this.omitted;
  }

  /** Say why a line is not here. @param {number} line */
  absent(line) {
    const { after = Infinity, lines = Infinity } = this.omitted ?? {};
    return t(line > after && line <= after + lines ? "output.not_kept" : "output.no_line", { line });
  }

  /** The number of the first line, and of the last. */
  get first() {
    return this.lines.find(({ fixed }) => fixed)?.fixed ?? 1;
  }

  get last() {
    return this.lines.findLast(({ fixed }) => fixed)?.fixed ?? 0;
  }

  /** Begin with lines that are shown already. @param {Line[]} lines @param {(line: Line) => number | undefined} numberOf */
  take(lines, numberOf) {
    /** @type {Map<number, { fixed: number, pieces: number }>} */
    const taken = new Map();
    for (const line of lines) {
      if (line.source !== this.source) continue;
      const fixed = numberOf(line);
      const start = line.of === undefined ? undefined : taken.get(line.of);
      if (fixed !== undefined) {
        taken.set(line.number, { fixed, pieces: 1 });
        this.lines.push({ ...line, number: fixed, fixed });
        // Another piece of a line has no number for the reader, but one of its own here.
      } else if (start) this.lines.push({ ...line, number: start.fixed + start.pieces++ / MAX_PIECES });
    }
  }

  /** Read the lines around one. @param {number} number */
  async around(number) {
    const before = await this.#read({ before: number, count: BEFORE });
    const { lines, reason } = await this.#read({ first: number, count: COUNT });
    this.lines = [...before.lines, ...lines];
    this.isBegin = before.lines.length < BEFORE && before.reason !== "limit";
    this.isEnd = reason === "end";
  }

  /** Read the lines before the first, or before the one with a number. @param {number} [number] */
  async earlier(number = this.first) {
    const { lines, reason } = await this.#read({ before: number, count: COUNT });
    // Of very long lines, the service returns fewer than it was asked for.
    this.isBegin = lines.length < COUNT && reason !== "limit";
    const all = [...lines, ...this.lines];
    if (all.length > MAX_LINES) this.isEnd = false;
    this.lines = all.slice(0, MAX_LINES);
  }

  /** Read the lines after the last. */
  async later() {
    const { lines, reason } = await this.#read({ first: this.last + 1, count: COUNT });
    this.isEnd = reason === "end";
    const all = [...this.lines, ...lines];
    if (all.length > MAX_LINES) this.isBegin = false;
    const kept = all.slice(-MAX_LINES);
    this.lines = kept.slice(Math.max(kept.findIndex(({ fixed }) => fixed), 0));
  }

  /** @param {Record<string, number>} place */
  async #read(place) {
    const { stream, task } = this.part;
    const query = { ...place, source: this.source, ...(stream ? { stream } : {}), ...(task === undefined ? {} : { task }) };
    /** @type {Line[]} */
    const lines = [];
    const end = await read(this.job, "lines", query, this.#running.signal, (item) => {
      if (item["type"] === "line") lines.push(lineOf(item));
      else if (item["type"] === "progress") this.progress(item["searched"]);
    });
    this.omitted = end["omitted"];
    return { lines, reason: end["reason"] };
  }
}

/** Return a line without the carriage returns at its end: in one go, since a job can write thousands of them. @param {string} line */
function withoutReturns(line) {
  let end = line.length;
  while (line[end - 1] === "\r") end--;
  return line.slice(0, end);
}

/** Convert a line of a response of the service. @param {Record<string, any>} item @returns {Line} */
function lineOf(item) {
  /** @type {Line["spans"]} */
  let spans = [];
  new Ansi().write(withoutReturns(item["text"]), {
    text: (raw, style) => spans.push({ text: ordered(raw), style }),
    newline: () => {},
    home: () => (spans = []),
  });
  return {
    // Numbers of lines of a source are unique.
    number: item["line"],
    fixed: item["open"] ? undefined : item["line"],
    stream: item["stream"] === "stderr" ? (item["rank"] === "" ? "note" : "stderr") : "stdout",
    rank: item["rank"],
    spans,
    text: spans.map(({ text }) => text).join(""),
    version: 0,
    source: item["source"],
    index: item["index"],
    time: item["source"] ? NaN : item["timestamp"],
    ended: item["open"] ? 0 : item["line"],
    place: 0,
    leftOut: item["left_out"] ?? 0,
  };
}
