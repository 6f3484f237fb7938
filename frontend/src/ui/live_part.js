/**
 * A part of a page that the service renders. The page asks for it again when something has changed, and puts what
 * differs into the old one, so that focus, selection and scroll positions stay.
 */

import { page } from "./api.js";
import { morph } from "./morph.js";

/** Milliseconds between two requests at least, and after a failure. */
const PAUSE_MS = 2000;
/** At most one part in so many of the time goes into requests. */
const SHARE = 4;

export class LivePart {
  #isWanted = false;
  #isBusy = false;

  /**
   * @param {() => string} path of the part; it may follow what the reader has chosen
   * @param {{ drawn?: (fresh: Document) => void, failed?: (problem: unknown) => void }} [told]
   */
  constructor(path, told = {}) {
    this.path = path;
    this.told = told;
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
      const fresh = new DOMParser().parseFromString(await page(this.path()), "text/html");
      this.told.drawn?.(fresh);
      for (const element of fresh.body.children) {
        const old = element.id && document.getElementById(element.id);
        if (old) morph(old, element);
      }
    } catch (problem) {
      this.#isWanted = true;
      this.told.failed?.(problem);
    }
    const pause = Math.max(PAUSE_MS, (SHARE - 1) * (performance.now() - began));
    setTimeout(() => {
      this.#isBusy = false;
      this.#turn();
    }, pause);
  }
}
