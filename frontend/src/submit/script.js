/** The editor of a batch script: files are dropped onto it, and its directives are shown as fields. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { write } from "./form.js";

/** Time without a key before the script is checked. */
const PAUSE_MS = 300;
/** Characters that the service takes; see schemas/submit.json. */
const MAX_SCRIPT_CHARS = 1_048_576;
const TOO_LONG = `A script has at most ${MAX_SCRIPT_CHARS.toLocaleString("en-US")} characters.`;

/** A refused line, as POST /v1/jobs names it. */
const LINE = /^line (\d+): (.*)$/s;
/** How a request makes a script of lines without #!, and how this form does; see model/batch.py. */
const ADVICE = "wrap=true puts";
const ADVICE_HERE = "check “Run by /bin/sh” to put";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @typedef {object} Checked the answer of POST /v1/scripts/check
 * @property {Record<string, any>} fields
 * @property {Record<string, number>} lines
 * @property {{ line: number, detail: string }[]} errors
 * @property {string[]} warnings
 */

export class ScriptEditor {
  /** The fields that the directives give. @type {Record<string, any>} */
  fields = {};
  /** What is shown about the script. @type {Checked} */
  #answer = { fields: {}, lines: {}, errors: [], warnings: [] };
  #checked = "";
  #timer = 0;

  /**
   * @param {import("./form.js").Field[]} all
   * @param {() => void} changed called when the fields of the directives are others, or the text is
   */
  constructor(all, changed) {
    this.all = all;
    this.changed = changed;
    this.text = /** @type {HTMLTextAreaElement} */ ($("script"));
    const file = /** @type {HTMLInputElement} */ ($("file"));
    file.addEventListener("change", () => {
      const [chosen] = file.files ?? [];
      if (chosen) this.open(chosen);
      // The same file may be chosen again after it has changed.
      file.value = "";
    });
    const form = $("form");
    form.addEventListener("dragover", (event) => {
      if (!this.#takes(event)) return;
      event.preventDefault();
      this.text.classList.add("drop");
    });
    form.addEventListener("dragleave", () => this.text.classList.remove("drop"));
    form.addEventListener("drop", (event) => {
      this.text.classList.remove("drop");
      if (!this.#takes(event)) return;
      event.preventDefault();
      const [dropped] = event.dataTransfer?.files ?? [];
      if (dropped) this.open(dropped);
    });
  }

  /** @param {DragEvent} event */
  #takes(event) {
    return !$("field-script").hidden && Boolean(event.dataTransfer?.types.includes("Files"));
  }

  /** Put a file into the editor. @param {File} file */
  async open(file) {
    const name = visible(file.name, { most: MEDIUM });
    let said = `${name} is open.`;
    try {
      if (file.size > 4 * MAX_SCRIPT_CHARS) throw new RangeError(TOO_LONG);
      // Without the byte order mark, which the service would remove.
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      if (text.length > MAX_SCRIPT_CHARS) throw new RangeError(TOO_LONG);
      this.text.value = text;
      /** @type {HTMLInputElement} */ ($("script_name")).value = file.name;
      this.changed();
    } catch (error) {
      const why = error instanceof TypeError ? "It is not UTF-8 text." : error instanceof Error ? error.message : error;
      said = `${name} cannot be opened. ${why}`;
    }
    $("opened").textContent = said;
  }

  /** Check the script once nobody types. @param {boolean} isShown @param {import("./form.js").Values} values */
  update(isShown, values) {
    const script = String(values["script"] ?? "");
    const asked = JSON.stringify(isShown && script.trim() ? { script, ...(values["wrap"] ? { wrap: true } : {}) } : null);
    if (asked === this.#checked) return;
    this.#checked = asked;
    clearTimeout(this.#timer);
    if (asked === "null") this.#show({ fields: {}, lines: {}, errors: [], warnings: [] });
    else this.#timer = window.setTimeout(() => this.#check(asked), PAUSE_MS);
  }

  /** @param {string} asked */
  async #check(asked) {
    /** @type {Checked} */
    let answer;
    try {
      answer = await call("POST", "/v1/scripts/check", JSON.parse(asked));
    } catch (problem) {
      const why = problem instanceof Error ? problem.message : String(problem);
      answer = { fields: {}, lines: {}, errors: [], warnings: [`The script is not checked. ${why}`] };
    }
    // A check that comes late says nothing about the script as it is now.
    if (asked !== this.#checked) return;
    this.#show(answer);
    this.changed();
  }

  /**
   * Show the refused lines in the list of wrong lines, in place of those that the last check found.
   * @param {string[]} texts @returns {string[]} those that name no line, for the caller to show
   */
  refuse(texts) {
    const found = texts.map((text) => LINE.exec(text));
    const errors = found.flatMap((match) => (match ? [{ line: Number(match[1]), detail: match[2] ?? "" }] : []));
    if (errors.length) this.#show({ ...this.#answer, errors });
    return texts.filter((_, at) => !found[at]);
  }

  /** Show the value of a directive in its empty field, where what is typed replaces it. @param {string} name @param {string} text */
  #hold(name, text) {
    const input = $("form").querySelector(`[name="${name}"]`);
    if (!(input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement)) return;
    // The form's own hint comes back when the directive is gone.
    input.dataset["hint"] ??= input.placeholder;
    input.placeholder = text || input.dataset["hint"];
  }

  /** @param {Checked} answer */
  #show(answer) {
    this.#answer = answer;
    const { fields, lines, errors, warnings } = answer;
    this.fields = fields;
    for (const { name, kind } of this.all) {
      const value = fields[name];
      const isGiven = value !== undefined;
      const unit = name === "duration" && typeof value === "number" ? " s" : "";
      const text = !isGiven ? "" : value === true ? "yes" : visible(write(kind, value) + unit, { most: MEDIUM });
      this.#hold(name, text);
      $(`given-${name}`).textContent = isGiven ? `Line ${lines[name]} of the script: ${text}` : "";
    }
    const given = this.all.filter(({ name, usual }) => !usual && name in fields).length;
    $("more-given").textContent = given ? ` (${given} set by the script)` : "";
    $("script-notes").replaceChildren(
      ...errors.map(({ line, detail }) => element("li", { className: "wrong", textContent: `Line ${line}: ${detail.replace(ADVICE, ADVICE_HERE)}` })),
      ...warnings.map((textContent) => element("li", { textContent })),
    );
  }
}
