/**
 * The parts of the page that change with the job. The service renders them; when the job has changed, the page asks for
 * a part again and puts what differs into the old one.
 */

import { page } from "../ui/api.js";
import { morph } from "../ui/morph.js";
import * as moments from "./timestamps.js";

/** Milliseconds between two requests for a part, at least. */
const PAUSE_MS = 1000;
/** At most one part in so many of the time goes into requests, so that a long eventlog is asked for less often. */
const SHARE = 4;
/** Milliseconds before a part that could not be had is asked for again. */
const AGAIN_MS = 2000;

export class Part {
  #isWanted = false;
  /** Whether a request is under way, or the pause after one. */
  #isBusy = false;

  /**
   * @param {string} job
   * @param {"record" | "events" | "resources" | "links"} name
   * @param {() => void} [drawn] it is in the page
   * @param {{ ask: (path: string) => Promise<string>, draw: (html: string) => void }} [how]
   */
  constructor(job, name, drawn, how = { ask: page, draw }) {
    this.path = `/ui/jobs/${job}?part=${name}`;
    this.drawn = drawn;
    this.how = how;
  }

  /** Ask for the part: at once, or when the pause is over. */
  want() {
    this.#isWanted = true;
    if (!this.#isBusy) this.#ask();
  }

  async #ask() {
    this.#isWanted = false;
    this.#isBusy = true;
    const began = performance.now();
    let pause = PAUSE_MS;
    try {
      this.how.draw(await this.how.ask(this.path));
      this.drawn?.();
      pause = Math.max(pause, (SHARE - 1) * (performance.now() - began));
    } catch (problem) {
      // A job that is gone, or a reader who is logged out, is told by the channel.
      const { status = 0 } = /** @type {import("../ui/api.js").Problem} */ (problem).document ?? {};
      this.#isWanted ||= status !== 404 && status !== 401;
      pause = AGAIN_MS;
    }
    setTimeout(() => {
      this.#isBusy = false;
      if (this.#isWanted) this.#ask();
    }, pause);
  }
}

/** Put the elements of an answer into the place of those with the same ID. @param {string} html */
function draw(html) {
  // Nothing in a parsed document runs or is loaded; the service has escaped the texts of the job.
  const fresh = new DOMParser().parseFromString(html, "text/html");
  moments.rewrite(fresh);
  document.title = fresh.title;
  for (const element of fresh.body.children) {
    const old = document.getElementById(element.id);
    if (old) morph(old, element);
  }
}
