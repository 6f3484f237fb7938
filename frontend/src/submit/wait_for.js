/** The menu that adds a job to the dependencies: those that wait or run, found by name or ID. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { GoneJobs } from "./gone_jobs.js";

const MAX_JOBS = 50;
/** Time without a key before the service is asked. */
const PAUSE_MS = 200;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class WaitFor {
  #menu = /** @type {HTMLDetailsElement} */ ($("wait-for"));
  #words = /** @type {HTMLInputElement} */ ($("wait-for-words"));
  #list = $("wait-for-list");
  #timer = 0;
  /** Which answer is waited for; an earlier one is of other words. */
  #asked = 0;

  /** @param {HTMLTextAreaElement} dependencies @param {() => void} changed called when other dependencies would be refused */
  constructor(dependencies, changed) {
    this.dependencies = dependencies;
    this.gone = new GoneJobs(dependencies, this.#menu, changed);
    this.#menu.addEventListener("toggle", () => {
      if (this.#menu.open) {
        this.#words.focus();
        void this.#find();
      } else {
        // Not when it is opened: something may have been typed by then.
        this.#words.value = "";
        this.#list.replaceChildren();
      }
    });
    this.#words.addEventListener("input", (event) => {
      event.stopPropagation();
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#find(), PAUSE_MS);
    });
    this.#words.addEventListener("keydown", async (event) => {
      if (event.key !== "Enter") return;
      // The key takes the first job of these words, not of earlier ones, and does not submit the form.
      event.preventDefault();
      clearTimeout(this.#timer);
      if (await this.#find()) this.#list.querySelector("button")?.click();
    });
  }

  /** Show the jobs that match, and return whether these are the words still. */
  async #find() {
    const mine = ++this.#asked;
    const text = this.#words.value.trim();
    const query = new URLSearchParams({ state: "pending,running", limit: String(MAX_JOBS), ...(text ? { text } : {}) });
    /** @type {HTMLElement[]} */
    let rows;
    try {
      const { jobs } = await call("GET", `/v1/jobs?${query}`);
      // Jobs that run come first: they are waited for most.
      const isRunning = (/** @type {any} */ { state }) => Number(state === "RUN");
      rows = jobs.sort((/** @type {any} */ a, /** @type {any} */ b) => isRunning(b) - isRunning(a)).map((/** @type {any} */ job) => this.#row(job));
      if (!rows.length) rows = [element("p", { className: "menu-empty", textContent: t("submit.wait_for_none") })];
    } catch (problem) {
      rows = [element("p", { className: "wrong", textContent: problem instanceof Error ? problem.message : String(problem) })];
    }
    if (mine !== this.#asked) return false;
    this.#list.replaceChildren(...rows);
    return true;
  }

  /** @param {{ id: string, name?: string, status: string, username?: string }} job */
  #row({ id, name = "", status, username = "" }) {
    const row = element("div", { className: "menu-row" });
    const button = element("button", { type: "button" });
    const about = [id, status, visible(username, { most: SHORT })].filter(Boolean).join(" · ");
    button.append(element("span", { textContent: visible(name, { most: SHORT }) || id }), element("small", { className: "soft", textContent: about }));
    button.addEventListener("click", () => this.#add(id));
    row.append(button);
    return row;
  }

  /** @param {string} id */
  #add(id) {
    const lines = this.dependencies.value.split("\n").filter((line) => line.trim());
    const line = `afterok:${id}`;
    if (!lines.includes(line)) lines.push(line);
    this.dependencies.value = lines.join("\n");
    this.#menu.open = false;
    this.dependencies.focus();
    this.dependencies.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
