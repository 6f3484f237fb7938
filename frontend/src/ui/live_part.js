/**
 * A part of a page that the service renders. The page asks for it again when something has changed, and puts what
 * differs into the old one, so that focus, selection and scroll positions stay.
 */

import * as api from "./api.js";
import { morph } from "./morph.js";

/** Milliseconds between two requests at least. */
const PAUSE_MS = 2000;
/** At most one part in so many of the time goes into requests. */
const SHARE = 4;

export class LivePart {
  #isWanted = false;
  #isBusy = false;

  /**
   * @param {() => string} path of the part; it may follow what the reader has chosen
   * @param {{ fresh?: (part: Document) => void, wrong: HTMLElement }} page what it does with a part before it is drawn,
   *   and where it says that the instance does not answer; that the service does not, the channel says
   */
  constructor(path, page) {
    this.path = path;
    this.page = page;
    document.addEventListener("visibilitychange", () => this.#turn());
  }

  /** Ask for the part: at once, or when the pause is over and the page is seen. */
  want() {
    this.#isWanted = true;
    this.#turn();
  }

  #turn() {
    if (this.#isWanted && !this.#isBusy && !document.hidden) this.#ask();
  }

  async #ask() {
    this.#isWanted = false;
    this.#isBusy = true;
    const began = performance.now();
    try {
      // Nothing in a parsed document runs or is loaded; the service has escaped the texts of strangers.
      const fresh = new DOMParser().parseFromString(await api.page(this.path()), "text/html");
      this.page.fresh?.(fresh);
      // What was known stays when the instance does not answer.
      const lost = fresh.querySelector("[data-lost]");
      this.page.wrong.textContent = lost?.textContent ?? "";
      this.page.wrong.hidden = !lost;
      for (const element of lost ? [] : fresh.body.children) {
        const old = element.id && document.getElementById(element.id);
        if (old) morph(old, element);
      }
    } catch {
      this.#isWanted = true;
    }
    const pause = Math.max(PAUSE_MS, (SHARE - 1) * (performance.now() - began));
    setTimeout(() => {
      this.#isBusy = false;
      this.#turn();
    }, pause);
  }
}
