/**
 * A part of a page that the service renders. The page asks for it again when something has changed, and puts what
 * differs into the old one, so that focus, selection and scroll positions stay.
 */

import * as api from "./api.js";
import { morph } from "./morph.js";

/** Milliseconds between two requests at least. */
const PAUSE_MS = 2000;
/** Milliseconds before a part that could not be had is asked for again. */
const AGAIN_MS = 2000;
/** At most one part in so many of the time goes into requests, so that a long part is asked for less often. */
const SHARE = 4;

/**
 * @typedef {object} Page
 * @property {(part: Document) => void} [fresh] what it does with a part before it is drawn
 * @property {() => void} [drawn] what it does once a part is in the page
 * @property {HTMLElement} [wrong] where it says that the instance does not answer; that the service does not, the channel says
 * @property {number} [pauseMs] milliseconds between two requests at least
 * @property {boolean} [isAskedUnseen] whether the part is asked for while nobody sees the page, too
 * @property {(path: string) => Promise<string>} [ask]
 * @property {(html: string) => void} [draw]
 */

export class LivePart {
  #isWanted = false;
  /** True if a request is in progress, or the pause after one. */
  #isBusy = false;

  /** @param {() => string} path of the part; it may follow what the reader has chosen @param {Page} page */
  constructor(path, page) {
    this.path = path;
    this.page = page;
    if (!page.isAskedUnseen) document.addEventListener("visibilitychange", () => this.#turn());
  }

  /** Ask for the part: at once, or when the pause is over and the page is seen. */
  want() {
    this.#isWanted = true;
    this.#turn();
  }

  #turn() {
    if (this.#isWanted && !this.#isBusy && (this.page.isAskedUnseen || !document.hidden)) this.#ask();
  }

  async #ask() {
    const { ask = api.page, draw = (html) => this.#draw(html), drawn, pauseMs = PAUSE_MS } = this.page;
    this.#isWanted = false;
    this.#isBusy = true;
    const began = performance.now();
    let pause = pauseMs;
    try {
      draw(await ask(this.path()));
      drawn?.();
      pause = Math.max(pause, (SHARE - 1) * (performance.now() - began));
    } catch (problem) {
      // The channel tells that the part is gone, or that the reader is logged out.
      const { status = 0 } = /** @type {import("./api.js").Problem} */ (problem).document ?? {};
      this.#isWanted ||= status !== 404 && status !== 401;
      pause = AGAIN_MS;
    }
    setTimeout(() => {
      this.#isBusy = false;
      this.#turn();
    }, pause);
  }

  /** Put the elements of an answer into the place of those with the same ID. @param {string} html */
  #draw(html) {
    // Nothing in a parsed document runs or is loaded; the service has escaped the texts of strangers.
    const fresh = new DOMParser().parseFromString(html, "text/html");
    this.page.fresh?.(fresh);
    // Known data stays if the instance does not answer.
    const lost = fresh.querySelector("[data-lost]");
    if (this.page.wrong) {
      this.page.wrong.textContent = lost?.textContent ?? "";
      this.page.wrong.hidden = !lost;
    }
    for (const element of lost ? [] : fresh.body.children) {
      const old = element.id && document.getElementById(element.id);
      if (old) morph(old, element);
    }
  }
}
