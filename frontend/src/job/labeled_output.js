/** The output of the jobs of a group, as entries with the ID of their job: a block for each job. */

import { Terminal } from "./output_lines.js";
import { size } from "./line_requests.js";
import { t } from "../ui/words.js";

/** Characters and jobs that a page shows. */
export const MAX_CHARACTERS = 256 * 1024;
export const MAX_JOBS = 500;
/** Characters of an entry around its text. */
const FRAME = 128;

/** The output of one job. @typedef {{ id: string, terminal: Terminal }} Block */

export class Blocks {
  /** @type {Block[]} */
  all = [];
  #rest = "";
  #characters = 0;
  /** True if there is more than a page shows. */
  isFull = false;

  /** Take a piece of the entries; it may end within a line. @param {string} piece */
  take(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#add(line);
    // An entry may be very long.
    if (this.#rest.length > MAX_CHARACTERS) this.isFull = true;
  }

  /** @param {string} line */
  #add(line) {
    if (this.isFull || !line) return;
    const { id, name, timestamp, context = {} } = JSON.parse(line);
    const last = this.all.at(-1);
    this.#characters += Math.max(line.length - FRAME, 1);
    if (this.#characters > MAX_CHARACTERS || (last?.id !== id && this.all.length === MAX_JOBS)) {
      this.isFull = true;
      return;
    }
    const { terminal } = last && last.id === id ? last : this.#begin(id);
    if (name === "cut") terminal.note(t("group.is_searched", { size: size(context.searched) }));
    else terminal.take(name === "data" ? { ...context, timestamp } : { ...context, name, timestamp });
  }

  /** @param {string} id */
  #begin(id) {
    const block = { id, terminal: new Terminal() };
    this.all.push(block);
    return block;
  }
}
