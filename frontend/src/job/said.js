/** The line that tells what came of a press, until the page itself tells it. */

/** Milliseconds after which a confirmation is gone. */
const PASSING_MS = 5000;

/** @typedef {Record<string, any>} Record_ a job's record */

export class Said {
  /** @type {Record_} */
  #record = {};
  /** @type {(record: Record_) => boolean} */
  #isAnswered = () => false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #passing;

  /** @param {{ textContent: string | null, className?: string }} where */
  constructor(where) {
    this.where = where;
  }

  /** Show a text until the next one, or until the record answers it. @param {string} text @param {(record: Record_) => boolean} [isAnswered] */
  tell(text, isAnswered = () => false) {
    clearTimeout(this.#passing);
    this.where.className = "";
    this.#isAnswered = isAnswered;
    // The record may have been faster than the answer to the request.
    this.where.textContent = isAnswered(this.#record) ? "" : text;
  }

  /** Show a confirmation for a moment. @param {string} text */
  pass(text) {
    this.tell(text);
    this.where.className = "notice floating";
    this.#passing = setTimeout(() => this.tell(""), PASSING_MS);
  }

  /** Take a newer record. @param {Record_} record */
  become(record) {
    this.#record = record;
    if (this.#isAnswered(record)) this.tell("");
  }
}
