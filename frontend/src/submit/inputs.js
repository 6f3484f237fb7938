/** The inputs of the form: their values, what is said beside them, and the draft that the browser keeps. */

import { t } from "../ui/words.js";
import { seconds, spelled } from "./duration.js";
import { namesOf } from "./saved_job.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */
/** @typedef {HTMLInputElement | HTMLTextAreaElement} Input */

/** The key under which this browser keeps the choice to show the names of the API. */
const NAMES = "fluxapi.submit.names";
/** Time in which what is typed is kept once. */
const KEEP_PAUSE_MS = 300;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Explain how a time limit was understood; empty if it says so itself, or says nothing. @param {string} typed @param {string} zero what 0 comes to */
export function duration(typed, zero) {
  const found = seconds(typed);
  if (found === undefined) return "";
  if (found === 0) return zero;
  const words = spelled(found);
  return words === typed.trim() ? "" : t("submit.understood", { duration: words });
}

export class Inputs {
  /** The timer of the next store. */
  #keeping = 0;
  /** Names of the attached files, which a draft does not keep. @type {string[]} */
  #files = [];
  /** When the form was last filled or typed into, in milliseconds since 1970; 0 as long as nothing was. */
  typedAt = 0;

  /** @param {HTMLFormElement} form @param {Field[]} fields @param {string} draft the name under which the browser keeps it */
  constructor(form, fields, draft) {
    this.form = form;
    this.fields = fields;
    this.key = draft;
    this.hasQueues = !$("field-queue").hidden;
    this.names = [...fields.map((field) => field.name), "copies", "cc"];
    form.addEventListener("input", () => {
      this.typedAt = Date.now();
    });
    addEventListener("pagehide", () => this.#keeping && this.#store());
    const names = /** @type {HTMLInputElement} */ ($("names"));
    names.checked = stored(() => localStorage.getItem(NAMES)) === "yes";
    document.body.classList.toggle("api-names", names.checked);
    names.addEventListener("change", () => {
      document.body.classList.toggle("api-names", names.checked);
      stored(() => localStorage.setItem(NAMES, names.checked ? "yes" : ""));
    });
  }

  /** @param {string} name */
  #input(name) {
    return /** @type {Input | null} */ (this.form.elements.namedItem(name));
  }

  /** @param {string} name */
  #choice(name) {
    return /** @type {RadioNodeList} */ (this.form.elements.namedItem(name));
  }

  /** How many jobs. */
  get many() {
    return /** @type {import("./form.js").Many} */ (this.#choice("many").value);
  }

  /** The kind of the submission: a command, or a batch script. */
  get what() {
    return /** @type {import("./form.js").What} */ (this.#choice("what").value);
  }

  /** The fields of what is submitted. */
  get current() {
    return this.fields.filter(({ only }) => !only || only === this.what);
  }

  /** @returns {Values} */
  values() {
    /** @type {Values} */
    const values = { many: this.many, what: this.what };
    for (const name of this.names) {
      const it = this.#input(name);
      if (it) values[name] = it.type === "checkbox" ? /** @type {HTMLInputElement} */ (it).checked : it.value;
    }
    return values;
  }

  /** @param {Values} values */
  fill(values) {
    for (const name of this.names) {
      const value = values[name];
      const it = this.#input(name);
      if (it?.type === "checkbox") /** @type {HTMLInputElement} */ (it).checked = value === true;
      else this.set(name, typeof value === "string" ? value : "");
    }
    this.#choice("many").value = String(values["many"] ?? "one");
    this.#choice("what").value = String(values["what"] ?? "command");
    // Jobs mostly have limits of a process from their submitter, not by choice: the section tells how many options are set.
    if (this.fields.some(({ section, name }) => section === "advanced" && name !== "rlimits" && values[name])) this.#advanced.open = true;
    this.form.dispatchEvent(new Event("filled"));
  }

  /** @param {string} name @param {string} value */
  set(name, value) {
    const it = this.#input(name);
    if (it) it.value = value;
  }

  get #advanced() {
    return /** @type {HTMLDetailsElement} */ ($("advanced"));
  }

  /** Show the fields of what is submitted, and how many of the others are set. */
  arrange() {
    const { many, what } = this;
    const values = this.values();
    $("field-copies").hidden = many !== "copies";
    $("field-cc").hidden = many !== "cc";
    let set = 0;
    for (const { name, only, section } of this.fields) {
      // An instance without queues takes none; one that was asked for is shown, to be taken out.
      const isIdle = name === "queue" && !this.hasQueues && !values[name] && !$(`given-${name}`).textContent;
      const isHidden = isIdle || (Boolean(only) && only !== what);
      $(`field-${name}`).hidden = isHidden;
      if (section === "advanced" && !isHidden && (values[name] || $(`given-${name}`).textContent)) set++;
    }
    for (const part of document.querySelectorAll("#advanced .part")) {
      /** @type {HTMLElement} */ (part).hidden = !part.querySelector(".field:not([hidden])");
    }
    this.#hintPerNode(String(values["num_nodes"] ?? "").trim());
    $("advanced-given").textContent = set ? t("submit.advanced_set", { count: set }) : "";
  }

  /** Show the default of tasks and of slots, which is one on each node. @param {string} nodes as typed */
  #hintPerNode(nodes) {
    const text = /^[1-9]\d{0,9}$/.test(nodes) ? nodes : "1";
    for (const name of ["num_tasks", "num_slots"]) {
      const input = /** @type {HTMLInputElement} */ ($(name));
      // The editor of a script shows what the script gives.
      const isGiven = input.dataset["hint"] !== undefined && input.placeholder !== input.dataset["hint"];
      input.dataset["hint"] = text;
      if (!isGiven) input.placeholder = text;
    }
  }

  /** Say what is wrong with a field, or that nothing is.
   * @param {string} name @param {string} text @param {boolean} [isRefused] not only a hint
   */
  say(name, text, isRefused = false) {
    const where = $(`wrong-${name}`);
    if (!where) return;
    if (where.textContent !== text) where.textContent = text;
    where.className = isRefused ? "wrong" : "wrong hint";
    const it = this.#input(name);
    if (isRefused) it?.setAttribute("aria-invalid", "true");
    else it?.removeAttribute("aria-invalid");
  }

  /** Say what is likely to be refused, in place of what was said so before. @param {string} name @param {string} text */
  hint(name, text) {
    const where = $(`wrong-${name}`);
    if (!text && !where.classList.contains("guess")) return;
    this.say(name, text);
    where.classList.toggle("guess", text !== "");
  }

  /** Say beside the fields what the service has found, in place of what it found before.
   * @param {Map<string, { outcome: string, detail: string }>} found
   */
  notes(found) {
    for (const name of this.names) {
      const where = $(`wrong-${name}`);
      if (!where) continue;
      const note = found.get(name);
      if (note) {
        if (where.textContent !== note.detail) where.textContent = note.detail;
        where.className = "wrong";
        where.classList.add("hint", "found", note.outcome);
      } else if (where.classList.contains("found")) {
        where.textContent = "";
        where.className = "wrong hint";
      }
    }
  }

  /** Say how a value was understood. @param {string} name @param {string} text */
  understood(name, text) {
    const where = $(`given-${name}`);
    if (text || where.dataset["understood"]) where.textContent = text;
    where.dataset["understood"] = text ? "yes" : "";
  }

  /** Return what the service says, with the labels of the fields for their names in the API. @param {string} detail */
  labeled(detail) {
    if (document.body.classList.contains("api-names")) return detail;
    return detail.replace(/\b[a-z]+(?:_[a-z]+)+\b/g, (name) => document.querySelector(`label[for="${name}"]`)?.textContent ?? name);
  }

  /** Lead to a field, wherever it is. @param {string} name */
  focus(name) {
    const it = this.#input(name);
    if (!it) return;
    if (this.#advanced.contains(it)) this.#advanced.open = true;
    it.focus();
    if (it.type !== "checkbox" && it instanceof HTMLInputElement) it.select();
  }

  /** Keep what is typed, until the window is closed: soon, and at the latest when the page is left. @param {string[]} files names */
  keep(files) {
    this.#files = files;
    if (this.#keeping) return;
    this.#keeping = window.setTimeout(() => this.#store(), KEEP_PAUSE_MS);
  }

  /** Keep nothing of what is typed. */
  drop() {
    clearTimeout(this.#keeping);
    this.#keeping = 0;
    stored(() => sessionStorage.removeItem(this.key));
  }

  #store() {
    clearTimeout(this.#keeping);
    this.#keeping = 0;
    stored(() => sessionStorage.setItem(this.key, JSON.stringify({ values: this.values(), files: this.#files, when: this.typedAt })));
  }

  /** @returns {{ values: Values, files: string[], when: number } | undefined} when: milliseconds since 1970 */
  draft() {
    const { values, files, when } = stored(() => JSON.parse(sessionStorage.getItem(this.key) ?? "")) ?? {};
    if (!values) return undefined;
    this.typedAt = Number(when) || 0;
    return { values, files: namesOf(files), when: this.typedAt };
  }
}

/** Return the stored value, or nothing if the browser keeps none. @template T @param {() => T} use @returns {T | undefined} */
function stored(use) {
  try {
    return use();
  } catch {
    return undefined;
  }
}
