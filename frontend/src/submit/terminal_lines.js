/** The same request from a terminal: as lines for curl and fluxapi, to be copied. */

import { unbroken } from "../ui/options.js";
import { at } from "../ui/root.js";
import { t } from "../ui/words.js";
import { curl, line } from "./shell.js";

/** Characters of a line above which it is not shown, but can be copied. */
const MAX_SHOWN_CHARS = 4000;
/** Size of a job in characters; the lines of a larger one are made once nobody types. */
const LONG_CHARS = 4000;
const PAUSE_MS = 250;
/** Time for which a button says what it has done. */
const SAID_MS = 2000;

/** @typedef {"curl" | "line"} Name */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class TerminalLines {
  #lines = { curl: "", line: "" };
  #timer = 0;
  /** @type {() => void} */
  #late = () => undefined;

  /** @param {string} user */
  constructor(user) {
    this.user = user;
    for (const button of document.querySelectorAll("[data-copy]")) {
      button.addEventListener("click", () => this.#copy(/** @type {HTMLElement} */ (button)));
    }
  }

  /**
   * @param {Record<string, unknown>} job
   * @param {{ path: string, body: Record<string, unknown> }} request
   * @param {string[]} files names of local files that go along
   */
  show(job, request, files) {
    clearTimeout(this.#timer);
    this.#late = () => this.#show(job, request, files);
    const script = job["script"] ?? job["command"] ?? "";
    if (!files.length && String(script).length < LONG_CHARS) this.#finish();
    else this.#timer = window.setTimeout(() => this.#finish(), PAUSE_MS);
  }

  /** Make the lines of what was shown last. */
  #finish() {
    clearTimeout(this.#timer);
    this.#late();
    this.#late = () => undefined;
  }

  /**
   * @param {Record<string, unknown>} job
   * @param {{ path: string, body: Record<string, unknown> }} request
   * @param {string[]} files
   */
  #show(job, { path, body }, files) {
    const isMany = path !== "/v1/jobs";
    const said = line(job, /** @type {{ copies?: unknown, cc?: unknown }} */ (isMany ? body : {}), files);
    this.#lines = { curl: curl(at(path), body, this.user), line: said.line };
    for (const name of /** @type {const} */ (["curl", "line"])) {
      const text = this.#lines[name];
      const isLong = text.length > MAX_SHOWN_CHARS;
      $(name).replaceChildren(...unbroken(isLong ? `${text.slice(0, MAX_SHOWN_CHARS)}… ${t("submit.line_cut", { count: text.length })}` : text));
    }
    $("unsaid").textContent = said.unsaid.length ? t("submit.line_unsaid", { names: said.unsaid.join(", ") }) : "";
  }

  /** @param {HTMLElement} button */
  async #copy(button) {
    const name = /** @type {Name} */ (button.dataset["copy"]);
    this.#finish();
    let isCopied = true;
    try {
      await navigator.clipboard.writeText(this.#lines[name]);
    } catch {
      // Without HTTPS a page may not write there: the reader copies what is selected.
      getSelection()?.selectAllChildren($(name));
      isCopied = false;
    }
    $("copied").textContent = t(isCopied ? "submit.copied" : "submit.selected_help");
    const label = button.textContent;
    button.textContent = t(isCopied ? "submit.copied" : "submit.selected");
    setTimeout(() => (button.textContent = label), SAID_MS);
  }
}
