/** Finding a text in all that a job wrote, piece by piece as it is read; only what was found is kept. */

import { find } from "./search.js";

/** @typedef {{ line: number, text: string, start: number, end: number, before: string[], after: string[] }} Found a line, where in its text, and the lines around it; lines count from 1 */

/** Lines that were found and are kept; more are counted. */
export const MAX_KEPT = 200;
/** Lines that are kept before a line that was found, and after it. */
export const AROUND = 5;
/** Characters that are kept before a match, and in all. */
const BEFORE = 80;
const MAX_KEPT_LENGTH = 400;
/** Characters after which a line that does not end is searched as it is. */
const MAX_LENGTH = 1 << 20;
/** Bytes after which the search ends. */
const MAX_BYTES = 2 ** 30;
/** Bytes between two words on how far it is. */
const PROGRESS = 1 << 20;
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g;

export class Scan {
  lines = 0;
  /** Lines that hold the text. */
  count = 0;
  /** @type {Found[]} */
  found = [];
  /** The last lines. @type {string[]} */
  #last = [];
  /** Those that were found in the last lines. @type {Found[]} */
  #recent = [];
  #rest = "";
  /** Whether the line in {@link #rest} was searched in part, and found. */
  #isCounted = false;

  /** @param {string} query not empty */
  constructor(query) {
    this.query = query;
  }

  /** Search a piece. @param {string} text */
  push(text) {
    const lines = (this.#rest + text).split("\n");
    const rest = lines.pop() ?? "";
    for (const line of lines) this.#look(line, true);
    this.#rest = rest;
    if (rest.length < MAX_LENGTH) return;
    this.#look(rest, false);
    // A match may lie across the cut.
    this.#rest = rest.slice(-this.query.length);
  }

  /** Search what has no newline at its end. */
  end() {
    if (this.#rest) this.#look(this.#rest, true);
    this.#rest = "";
  }

  /** @param {string} raw @param {boolean} isWhole whether the line ends here */
  #look(raw, isWhole) {
    const number = this.lines + 1;
    const text = shown(raw);
    const [hit] = this.#isCounted ? [] : find([{ number, text }], this.query, 1);
    if (hit) {
      this.count++;
      const from = Math.max(hit.start - BEFORE, 0);
      if (this.found.length < MAX_KEPT) {
        const part = text.slice(from, from + MAX_KEPT_LENGTH);
        const end = Math.min(hit.end - from, part.length);
        const found = { line: number, text: part, start: hit.start - from, end, before: [...this.#last], after: [] };
        this.found.push(found);
        this.#recent.push(found);
      }
    }
    if (isWhole) this.#pass(number, text.slice(0, MAX_KEPT_LENGTH));
    this.#isCounted = !isWhole && (this.#isCounted || Boolean(hit));
    if (isWhole) this.lines++;
  }

  /** Keep a line for those that were found around it. @param {number} number @param {string} text */
  #pass(number, text) {
    for (const { line, after } of this.#recent) if (line < number) after.push(text);
    this.#recent = this.#recent.filter(({ after }) => after.length < AROUND);
    this.#last.push(text);
    if (this.#last.length > AROUND) this.#last.shift();
  }
}

/** What a terminal shows of a line: no escapes, and of what was overwritten the last. @param {string} raw */
function shown(raw) {
  const text = raw.includes("\x1b") ? raw.replace(ESCAPES, "") : raw;
  return text.includes("\r") ? (text.replace(/\r+$/, "").split("\r").at(-1) ?? "") : text;
}

/**
 * Read a body to its end and search it.
 * @param {ReadableStream<Uint8Array>} body
 * @param {string} query
 * @param {(scan: Scan, bytes: number) => void} tell called now and then
 * @param {number} [most] bytes at most
 * @returns {Promise<{ scan: Scan, bytes: number, isWhole: boolean }>}
 */
export async function search(body, query, tell, most = MAX_BYTES) {
  const scan = new Scan(query);
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let [bytes, told] = [0, 0];
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    bytes += value.length;
    scan.push(decoder.decode(value, { stream: true }));
    if (bytes >= most) {
      await reader.cancel();
      return { scan, bytes, isWhole: false };
    }
    if (bytes - told < PROGRESS) continue;
    told = bytes;
    tell(scan, bytes);
  }
  scan.push(decoder.decode());
  scan.end();
  return { scan, bytes, isWhole: true };
}
