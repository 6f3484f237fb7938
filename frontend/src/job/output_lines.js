/**
 * The end of what a job wrote, as lines of styled text. Bounded in every way: in lines, in
 * characters, in changes of style; what is oldest goes first.
 */

import { Ansi } from "./ansi.js";
import { sourceOf } from "./sources.js";
import { ordered } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @typedef {import("./ansi.js").Style} Style */
/** @typedef {{ text: string, style: Style }} Span */
/**
 * @typedef {object} Line
 * @property {number} number counts all lines that ever were
 * @property {string} stream stdout, stderr, or note for what the job did not write itself
 * @property {string} rank
 * @property {Span[]} spans
 * @property {string} text
 * @property {number} version changes whenever the line does
 * @property {number} source 0: the output eventlog; else the number of the file that it comes from
 * @property {number} index of the entry that ended it, -1 while it has no end
 * @property {number} time when that entry was written, seconds since 1970
 * @property {number} ended counts the lines of its source that have ended since the first entry; 0 while it has no end
 * @property {number} place counts the lines that its entry ended before it
 * @property {number | undefined} [fixed] the number that the service has told with the line
 * @property {boolean} [goesOn] the next piece of the line follows
 * @property {number} [of] the number of the first piece, if this is another one
 * @property {number} [leftOut] bytes of the line after its text
 */
/** @typedef {{ ansi: Ansi, decoder: TextDecoder | undefined, line: Line | undefined, start: Line | undefined, home: boolean, full?: Line | undefined }} Pen start: the first piece of a line that goes on; full: the one that has no more room */
/** @typedef {{ source: number, index: number, time: number, place: number }} At the entry that is taken */

export const MAX_LINES = 5000;
/** Of all lines together: a character costs 1, a span and a line this many. */
const MAX_COST = 2_000_000;
const SPAN_COST = 32;
/** Characters after which a line goes on in the next one. */
const MAX_LENGTH = 4096;
const MAX_SPANS = 512;
/** Tasks whose unfinished lines are kept apart. */
const MAX_PENS = 1024;
const MAX_REPEATED = 1 << 20;

/** Words for the levels of a message of the job shell, as in `flux job attach`. */
const LEVELS = ["FATAL", "FATAL", "FATAL", "ERROR", "WARN", "", "DEBUG", "TRACE"];

/** A message of the job shell, as fluxapi/model/output.py writes it. @param {Record<string, any>} entry */
function logLine({ rank, level, component, message }) {
  const words = [`flux-shell${Number.isInteger(rank) ? `[${rank}]` : ""}`, Number.isInteger(level) ? LEVELS[level] : "", typeof component === "string" ? component : ""];
  return [...words.filter(Boolean), String(message ?? "").trim().replace(/\s+/g, " ")].join(": ");
}

export class Terminal {
  /** @type {Line[]} */
  lines = [];
  /** Number of the first line that is still here. */
  first = 0;
  /** @type {Set<string>} ranks that wrote, as far as it matters: two are several */
  ranks = new Set();
  #next = 0;
  #cost = 0;
  /** @type {Map<number, number>} lines that have ended, of each source */
  #ended = new Map();
  /** @type {At} */
  #at = { source: 0, index: -1, time: NaN, place: 0 };
  /** @type {Map<string, Pen>} */
  #pens = new Map();

  /** Number that the next new line gets. */
  get next() {
    return this.first + this.lines.length;
  }

  /** The last line on stderr with a text, or undefined. */
  get lastError() {
    return this.lines.findLast(({ stream, text }) => stream === "stderr" && text.trim())?.text.trim();
  }

  /** Take an entry of the output eventlog (RFC 24). @param {Record<string, any>} entry */
  take(entry) {
    const source = sourceOf(entry["index"] ?? 0);
    this.#at = { source, index: entry["index"] ?? -1, time: source ? NaN : entry["timestamp"], place: 0 };
    if (entry["name"] === "file" && entry["unread"]) this.note(t("output.unread", { path: String(entry["path"]), reason: String(entry["unread"]) }));
    // The service counts a message as one line, too.
    else if (entry["name"] === "log") this.note(logLine(entry), true);
    else if (entry["name"] === undefined) this.#data(entry);
  }

  /** Add a line about the output. @param {string} text @param {boolean} [isCounted] whether the service counts it, too */
  note(text, isCounted = false) {
    const pen = { ansi: new Ansi(), decoder: undefined, line: undefined, start: undefined, home: false };
    this.#write(pen, "note", "", text.slice(0, MAX_LENGTH));
    if (isCounted) this.#end(pen);
    this.#trim();
  }

  /** @param {Record<string, any>} entry */
  #data(entry) {
    const stream = entry["stream"] === "stderr" ? "stderr" : "stdout";
    const rank = String(entry["rank"] ?? "").slice(0, 64);
    if (this.ranks.size < 2 && rank) this.ranks.add(rank);
    const key = `${this.#at.source} ${stream} ${rank}`;
    const pen = this.#pen(key);
    const text = decode(pen, entry);
    if (text) this.#write(pen, stream, rank, text);
    if (entry["eof"]) {
      this.#end(pen);
      this.#pens.delete(key);
    }
    this.#trim();
  }

  /** @param {string} key */
  #pen(key) {
    let pen = this.#pens.get(key);
    if (!pen) {
      pen = { ansi: new Ansi(), decoder: undefined, line: undefined, start: undefined, home: false };
      this.#pens.set(key, pen);
      const oldest = this.#pens.keys().next().value;
      if (this.#pens.size > MAX_PENS && oldest !== undefined) this.#pens.delete(oldest);
    }
    return pen;
  }

  /** @param {Pen} pen @param {string} stream @param {string} rank @param {string} text */
  #write(pen, stream, rank, text) {
    pen.ansi.write(text, {
      text: (raw, style) => {
        const run = ordered(raw);
        for (let at = 0; at < run.length; ) {
          const line = this.#line(pen, stream, rank);
          if (pen.home) this.#clear(line);
          pen.home = false;
          const part = run.slice(at, at + Math.max(MAX_LENGTH - line.text.length, 1));
          this.#append(line, part, style);
          at += part.length;
          if (line.text.length < MAX_LENGTH) continue;
          pen.start ??= line;
          pen.full = line;
          pen.line = undefined;
        }
      },
      newline: () => {
        if (!pen.start) this.#line(pen, stream, rank);
        this.#end(pen);
        pen.home = false;
      },
      home: () => {
        pen.home = pen.line !== undefined;
      },
    });
  }

  /** Return the current line of a task; a new one if it has none, or if that is gone. @param {Pen} pen @param {string} stream @param {string} rank */
  #line(pen, stream, rank) {
    if (pen.line && pen.line.number >= this.first) return pen.line;
    /** @type {Line} */
    const line = { number: this.#next++, stream, rank, spans: [], text: "", version: 0, source: this.#at.source, index: -1, time: NaN, ended: 0, place: 0 };
    this.#cost += SPAN_COST;
    this.lines.push(line);
    // One piece may hold very many lines.
    if (this.lines.length >= 2 * MAX_LINES) this.#trim();
    if (pen.full && pen.start) {
      pen.full.goesOn = true;
      pen.full.version++;
      line.of = pen.start.number;
    }
    pen.full = undefined;
    pen.line = line;
    return line;
  }

  /** End the current line of a task: its first piece that is here has the number. @param {Pen} pen */
  #end(pen) {
    const start = pen.start ?? pen.line;
    if (!start) return;
    const line = start.number < this.first && pen.line ? pen.line : start;
    const ended = (this.#ended.get(line.source) ?? 0) + 1;
    this.#ended.set(line.source, ended);
    Object.assign(line, { ended, index: this.#at.index, time: this.#at.time, place: this.#at.place++ });
    line.version++;
    pen.line = pen.start = pen.full = undefined;
  }

  /** @param {Line} line */
  #clear(line) {
    this.#cost -= cost(line) - SPAN_COST;
    line.spans = [];
    line.text = "";
    line.version++;
  }

  /** @param {Line} line @param {string} text @param {Style} style */
  #append(line, text, style) {
    const last = line.spans.at(-1);
    if (last && (last.style === style || line.spans.length >= MAX_SPANS)) last.text += text;
    else {
      line.spans.push({ text, style });
      this.#cost += SPAN_COST;
    }
    line.text += text;
    line.version++;
    this.#cost += text.length;
  }

  #trim() {
    let excess = Math.max(this.lines.length - MAX_LINES, 0);
    for (const line of this.lines.slice(0, excess)) this.#cost -= cost(line);
    while (this.#cost > MAX_COST && excess < this.lines.length - 1) {
      this.#cost -= cost(/** @type {Line} */ (this.lines[excess++]));
    }
    if (!excess) return;
    this.lines.splice(0, excess);
    this.first += excess;
  }
}

/** @param {Line} line */
function cost(line) {
  return line.text.length + SPAN_COST * (1 + line.spans.length);
}

/** Return the text of an entry; bytes that are no UTF-8 show as replacement characters. @param {Pen} pen @param {Record<string, any>} entry */
function decode(pen, entry) {
  const { data, encoding, repeat = 1 } = entry;
  if (typeof data !== "string") return "";
  let text = data;
  if (encoding === "base64") {
    const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
    // A character may be cut in two by the pieces.
    pen.decoder ??= new TextDecoder();
    text = pen.decoder.decode(bytes, { stream: true });
  }
  const times = Number.isInteger(repeat) && repeat > 0 && repeat * text.length <= MAX_REPEATED ? repeat : 1;
  return text.repeat(times);
}
