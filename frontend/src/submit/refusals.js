/** Refused fields: what is wrong with each, until it is changed. */

import { call } from "../ui/api.js";
import { fieldOf, hint } from "./form.js";
import { LINE, inForm } from "./script.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Wrong} Wrong */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

export class Refusals {
  /** @type {Set<string>} fields that were refused and not changed since */
  #names = new Set();

  /**
   * @param {object} form
   * @param {import("./inputs.js").Inputs} form.inputs
   * @param {Field[]} form.fields
   * @param {import("./answer.js").Answer} form.answer
   * @param {import("./script.js").ScriptEditor} form.editor
   */
  constructor({ inputs, fields, answer, editor }) {
    this.inputs = inputs;
    this.fields = fields;
    this.answer = answer;
    this.editor = editor;
  }

  /** @param {string} name */
  has(name) {
    return this.#names.has(name);
  }

  /** Take back what was said of all fields, and the answer. */
  forget() {
    for (const name of this.inputs.names) this.inputs.say(name, "");
    this.#names.clear();
    this.answer.clear();
  }

  /** Note that a field was changed, so that it no longer counts as invalid. @param {string} name */
  changed(name) {
    if (this.#names.delete(name)) this.answer.mended(this.inputs.names.filter((it) => this.has(it)));
  }

  /** Say beside a field why it was refused. @param {string} name @param {string} detail */
  add(name, detail) {
    this.inputs.say(name, detail, true);
    this.#names.add(name);
  }

  /** Return what the page says of a value that cannot be read: it knows what may be typed, beyond what the service takes. @param {string} name */
  misread(name) {
    const field = this.fields.find((it) => it.name === name);
    return field && field.kind !== "flag" ? hint(field, String(this.inputs.values()[name] ?? "")) : "";
  }

  /** Put what is wrong beside the fields, and go to the first of them.
   * @param {Wrong[]} wrong @param {string} detail @param {boolean} bulk
   */
  show(wrong, detail, bulk) {
    /** @type {Map<string, Wrong[]>} */
    const by = new Map();
    for (const error of wrong) {
      const { pointer } = error;
      const name = fieldOf(pointer, bulk);
      const inner = pointer.split("/").slice(bulk && pointer.startsWith("/job/") ? 3 : 2).join("/");
      const known = this.inputs.names.includes(name);
      const place = known ? inner : pointer;
      by.set(known ? name : "", [...(by.get(known ? name : "") ?? []), { ...error, pointer: place }]);
    }
    const sentence = (/** @type {Wrong} */ error) => [error.pointer, this.inputs.labeled(inForm(error))].filter(Boolean).join(" ");
    const rest = (by.get("") ?? []).map(sentence);
    by.delete("");
    for (const [name, errors] of by) {
      // The editor lists the wrong lines of a script; they do not stand below it once more.
      const lines = errors.filter(({ code }) => name === "script" && code === LINE);
      if (lines.length) this.editor.refuse(lines);
      this.add(name, this.misread(name) || errors.filter((it) => !lines.includes(it)).map(sentence).join(" "));
    }
    const names = this.inputs.names.filter((name) => by.has(name));
    this.answer.refused(names, rest, detail);
    if (names[0]) {
      this.inputs.focus(names[0]);
      this.answer.makeRoom();
    } else $("summary").focus();
  }
}

/** Return the errors with those that the check finds in other fields, so that all are told at once.
 * @param {Wrong[]} wrong @param {Record<string, unknown>} job what can be read @param {boolean} bulk
 */
export async function withOthers(wrong, job, bulk) {
  const prefix = bulk ? "/job" : "";
  const known = new Set(wrong.map(({ pointer }) => fieldOf(pointer, bulk)));
  try {
    /** @type {import("./live_check.js").Report} */
    const { errors } = await call("POST", "/v1/jobs/check", { job });
    const others = errors.map((it) => ({ ...it, pointer: prefix + it.pointer })).filter((it) => !known.has(fieldOf(it.pointer, bulk)));
    return [...wrong, ...others];
  } catch {
    // Without the check of the service, the form tells the errors that it has found itself.
    return wrong;
  }
}

/** Return the field that Flux refused, where its words name one. @param {Record<string, any>} document @param {string} detail @param {boolean} bulk */
export function aboutField({ flux }, detail, bulk) {
  return String(flux ?? "").startsWith("dependency:") ? [{ pointer: `${bulk ? "/job" : ""}/dependencies`, detail }] : [];
}
