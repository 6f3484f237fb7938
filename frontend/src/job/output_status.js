/** The line below an output: how far the output has come, or the answer to what the reader asked for. */

import { t } from "../ui/words.js";

export class OutputStatus {
  /** The last message of the output. */
  #heard = "";
  /** The answer that holds until the reader asks for something else. */
  #answer = "";

  /**
   * @param {HTMLElement} where
   * @param {{ hasEnded: () => boolean, isBeforeEnd: () => boolean }} shown whether the output has ended, and whether the lines that are shown are before its end
   */
  constructor(where, shown) {
    this.where = where;
    this.shown = shown;
  }

  get text() {
    return this.where.textContent ?? "";
  }

  /** Show a text until the next one. @param {string} text */
  tell(text) {
    this.where.textContent = text;
  }

  /** Show what the output tells; its end does not replace an answer. @param {string} text */
  hear(text) {
    this.#heard = text;
    if (text === t("output.end")) this.settle();
    else this.tell(text || this.#answer);
  }

  /** Answer the reader; an empty text takes the answer back. @param {string} text */
  answer(text) {
    this.#answer = text;
    this.tell(text || this.#heard);
    this.settle();
  }

  /** The reader asks for something else. */
  forget() {
    this.#answer = "";
  }

  /** Show how an output that has ended did so; "End of output" only beside its end. */
  settle() {
    if (!this.shown.hasEnded()) return;
    const isHidden = this.shown.isBeforeEnd() && this.#heard === t("output.end");
    this.tell(this.#answer || (isHidden ? "" : this.#heard));
  }
}
