/** The editor of a batch script: files are dropped onto it, and its directives are shown as fields. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { fieldMessage, warningsOf } from "../ui/message.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { winners } from "./beside_script.js";
import { CodeView } from "./code_view.js";
import { spelled } from "./duration.js";
import { write } from "./form.js";

/** Time without a key before the script is checked. */
const PAUSE_MS = 300;
/** Characters that the service takes; see schemas/submit.json. */
const MAX_SCRIPT_CHARS = 1_048_576;

/** The code of a refused line in the errors of POST /v1/jobs. */
export const LINE = "line";
/** The code of how a request makes a script of lines without #!; this form has a field for it. */
const ADVICE = "wrap_advice";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @typedef {object} Checked the answer of POST /v1/scripts/check
 * @property {Record<string, any>} fields
 * @property {Record<string, number>} lines
 * @property {Line[]} errors
 * @property {string[]} warnings
 * @property {Coded[]} [warning_codes]
 */
/** @typedef {import("../ui/message.js").Coded} Coded */
/** @typedef {Coded & { line: number, detail: string }} Line a wrong line */

/**
 * Return the value of a directive as a reader would type it.
 * @param {string} name @param {import("./form.js").Kind} kind @param {any} value
 * @param {string} zero what a time limit of 0 comes to
 */
export function valueInWords(name, kind, value, zero) {
  if (value === true) return t("submit.yes");
  // The service gives a time limit in seconds, whatever its unit was.
  if (name === "duration" && typeof value === "number") return value ? spelled(value) : zero || t("submit.no_limit");
  return write(kind, value);
}

/** Return the error in the words of this form. @param {Coded & { detail: string }} error */
export function inForm(error) {
  return fieldMessage({ ...error, ...(error.params ? { params: advised(error.params) } : {}) });
}

/** @param {Record<string, any>} params @returns {Record<string, unknown>} */
function advised(params) {
  const entries = Object.entries(params).map(([name, value]) => {
    if (value?.code === ADVICE) return [name, t("submit.wrap_advice")];
    return [name, value?.params ? { ...value, params: advised(value.params) } : value];
  });
  return Object.fromEntries(entries);
}

export class ScriptEditor {
  /** The fields that the directives give. @type {Record<string, any>} */
  fields = {};
  /** The answer that is shown about the script. @type {Checked} */
  #answer = { fields: {}, lines: {}, errors: [], warnings: [] };
  #checked = "";
  #timer = 0;
  /** The values in the inputs. @type {import("./form.js").Values} */
  #typed = {};
  /** The meaning of a time limit of 0. */
  zero = "";
  /** The fields that are told to replace a line. */
  #told = "[]";

  /**
   * @param {import("./form.js").Field[]} all
   * @param {() => void} changed called when the fields of the directives are others, or the text is
   */
  constructor(all, changed) {
    this.all = all;
    this.changed = changed;
    this.text = /** @type {HTMLTextAreaElement} */ ($("script"));
    this.view = new CodeView(this.text, $("script-numbers"), $("script-colors"));
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
      $("field-script").classList.add("drop");
    });
    form.addEventListener("dragleave", () => $("field-script").classList.remove("drop"));
    form.addEventListener("drop", (event) => {
      $("field-script").classList.remove("drop");
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
    let said = t("submit.file_open", { name });
    const tooLong = () => new RangeError(t("submit.script_too_long", { count: MAX_SCRIPT_CHARS }));
    try {
      if (file.size > 4 * MAX_SCRIPT_CHARS) throw tooLong();
      // Without the byte order mark, which the service would remove.
      const text = new TextDecoder("utf-8", { fatal: true }).decode(await file.arrayBuffer());
      if (text.length > MAX_SCRIPT_CHARS) throw tooLong();
      this.text.value = text;
      this.view.refresh();
      /** @type {HTMLInputElement} */ ($("script_name")).value = file.name;
      this.changed();
    } catch (error) {
      const why = error instanceof TypeError ? t("submit.file_not_text") : error instanceof Error ? error.message : String(error);
      said = t("submit.file_not_open", { name, why });
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
      answer = { fields: {}, lines: {}, errors: [], warnings: [t("submit.script_unchecked", { why })] };
    }
    // A check that comes late says nothing about the script as it is now.
    if (asked !== this.#checked) return;
    this.#show(answer);
    this.changed();
  }

  /**
   * Show the refused lines in the list of wrong lines, in place of those that the last check found.
   * @param {(Coded & { detail: string })[]} wrong
   */
  refuse(wrong) {
    const errors = wrong.map(({ detail, params }) => {
      const why = /** @type {Coded & { detail: string } | string} */ (params?.["why"] ?? detail);
      return { line: Number(params?.["line"]), ...(typeof why === "string" ? { detail: why } : why) };
    });
    if (errors.length) this.#show({ ...this.#answer, errors });
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
    const { errors } = answer;
    this.fields = answer.fields;
    this.view.mark(errors.map(({ line }) => line));
    $("script-notes").replaceChildren(
      ...errors.map((error) => this.#note(error.line, inForm(error), "wrong")),
      ...warningsOf(answer).map((textContent) => element("li", { textContent })),
    );
    this.#told = "[]";
    this.compare(this.#typed);
  }

  /** @param {number} line @param {string} text @param {string} className */
  #note(line, text, className) {
    const item = element("li", { className });
    const button = element("button", { type: "button", className: "link", textContent: t("submit.line", { line }) });
    button.addEventListener("click", () => this.view.reveal(line));
    item.append(button, `: ${text}`);
    return item;
  }

  /** Say beside the fields what the script says of them, and where they replace it. @param {import("./form.js").Values} values */
  compare(values) {
    this.#typed = values;
    const { fields, lines } = this.#answer;
    const won = winners(values, this.all, fields).map(({ name }) => name);
    const isTold = this.#told === JSON.stringify(won);
    this.#told = JSON.stringify(won);
    const notes = $("script-notes");
    if (!isTold) for (const old of [...notes.querySelectorAll(".wins"), ...document.querySelectorAll(".field > .wins")]) old.remove();
    for (const { name, kind } of this.all) {
      const value = fields[name];
      const line = lines[name] ?? 1;
      const text = value === undefined ? "" : visible(valueInWords(name, kind, value, this.zero), { most: MEDIUM });
      this.#hold(name, text);
      const given = $(`given-${name}`);
      const isWon = won.includes(name);
      const said = value === undefined || isWon ? "" : t("submit.given", { line, text });
      // How a time limit was understood stands there, too.
      if (!given.dataset["understood"] && given.textContent !== said) given.textContent = said;
      if (isTold || !isWon) continue;
      const beside = element("p", { className: "wins", textContent: `${t("submit.field_wins", { line, text })} ` });
      const use = element("button", { type: "button", className: "link", textContent: t("submit.use_line", { line }) });
      use.addEventListener("click", () => this.#clear(name));
      beside.append(use);
      given.after(beside);
      const field = document.querySelector(`label[for="${name}"]`)?.textContent ?? name;
      notes.append(this.#note(line, t("submit.line_loses", { field, text }), "wins"));
    }
  }

  /** Clear a field, so that the script decides. @param {string} name */
  #clear(name) {
    const input = /** @type {HTMLInputElement} */ ($(name));
    input.value = "";
    input.focus();
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
}
