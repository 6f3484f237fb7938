/** The output of the jobs of a group, as lines that begin with the ID of their job: a block for each job. */

/** Characters and jobs that a page shows. */
export const MAX_CHARACTERS = 256 * 1024;
export const MAX_JOBS = 500;

/** The output of one job. @typedef {{ id: string, text: string }} Block */

export class Blocks {
  /** @type {Block[]} */
  all = [];
  #rest = "";
  #characters = 0;
  /** Whether there is more than a page shows. */
  isFull = false;

  /** Take a piece of the text; it may end within a line. @param {string} piece */
  take(piece) {
    const lines = (this.#rest + piece).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#add(line);
    // A line may be very long.
    if (this.#rest.length > MAX_CHARACTERS) this.isFull = true;
  }

  /** Take what is left: the last line may have no end. */
  finish() {
    if (this.#rest) this.#add(this.#rest);
    this.#rest = "";
  }

  /** @param {string} line */
  #add(line) {
    if (this.isFull) return;
    const [, id = "", text = line] = /^(f[1-9A-HJ-NP-Za-km-z]+): (.*)$/s.exec(line) ?? [];
    const last = this.all.at(-1);
    this.#characters += text.length + 1;
    if (this.#characters > MAX_CHARACTERS || (last?.id !== id && this.all.length === MAX_JOBS)) this.isFull = true;
    else if (last?.id === id) last.text += `\n${text}`;
    else this.all.push({ id, text });
  }
}
