/** A question before something is done, with what it needs to know. */

import { Problem } from "./api.js";
import { element } from "./element.js";
import { fieldMessage } from "./message.js";
import { visible } from "./visible.js";
import { t } from "./words.js";

/**
 * @typedef {object} Question
 * @property {string} title the word on the button that does it
 * @property {string} heading
 * @property {string | (() => string)} [done] the heading when what *run* returned is shown
 * @property {string | Node} words what will happen
 * @property {HTMLElement[]} [fields] what else is asked
 * @property {boolean} [isDanger] whether it ends or removes something
 * @property {boolean} [again] whether it may be tried again when it failed
 * @property {(tell: (...said: (string | Node)[]) => void, signal: AbortSignal) => Promise<Node | void>} run
 *   does it, and ends early once the signal says so; throws what went wrong; what it returns is shown
 * @property {() => void} [left] called when the dialog is gone
 */

/** Characters of what went wrong that have room. */
const LONG = 1000;

let count = 0;

/**
 * @typedef {object} Asked a question that is open
 * @property {(heading: string, title: string, isReady: boolean) => void} become asks something else; ready: it can be done
 */

/** @param {Question} question @returns {Asked} */
export function ask({ title, heading, done = heading, words, fields = [], isDanger = false, again = false, run, left }) {
  const dialog = element("dialog", {});
  const name = `asked${++count}`;
  dialog.setAttribute("aria-labelledby", name);
  dialog.setAttribute("aria-describedby", `${name}-words`);
  const form = element("form", {});
  const go = element("button", { type: "submit", textContent: title, className: isDanger ? "primary danger" : "primary" });
  const no = element("button", { type: "button", textContent: t("common.close") });
  const said = element("div", { role: "status", className: "said" });
  const buttons = element("p", { className: "buttons" });
  buttons.append(go, no);
  const head = element("h2", { id: name, textContent: heading });
  const about = element("p", { id: `${name}-words` });
  about.append(words);
  form.append(head, about, ...fields, said, buttons);
  dialog.append(form);
  /** @type {AbortController | undefined} */
  let running;
  const leave = () => (running ? running.abort() : dialog.close());
  no.addEventListener("click", leave);
  // A running action goes on until it is stopped: the key that closes stops it first.
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    leave();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (running) return;
    running = new AbortController();
    go.disabled = true;
    no.textContent = t("common.stop");
    said.replaceChildren();
    try {
      const shown = await run((...what) => said.replaceChildren(...what), running.signal);
      running = undefined;
      if (!shown) return dialog.close();
      said.replaceChildren(shown);
      head.textContent = typeof done === "string" ? done : done();
      for (const input of fields) input.hidden = true;
      go.hidden = true;
      no.textContent = t("common.close");
    } catch (problem) {
      if (problem instanceof Told) said.replaceChildren(problem.node);
      else said.textContent = wrong(problem, form);
      no.textContent = t("common.close");
      go.disabled = !again;
    } finally {
      running = undefined;
    }
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    left?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  // The first key replaces a suggestion.
  if (document.activeElement instanceof HTMLInputElement && document.activeElement.value) document.activeElement.select();
  return {
    become: (heading, title, isReady) => {
      head.textContent = heading;
      go.textContent = title;
      go.disabled = !isReady;
    },
  };
}

/** Say what went wrong: of invalid fields, by their words in the form. @param {unknown} problem @param {HTMLFormElement} form */
function wrong(problem, form) {
  /** @type {(import("./message.js").Coded & { pointer: string, detail: string })[]} */
  const errors = problem instanceof Problem ? (problem.document["errors"] ?? []) : [];
  if (!errors.length) return problem instanceof Error ? problem.message : String(problem);
  const sentences = errors.map((error) => {
    const [, name = ""] = error.pointer.split("/");
    const input = form.elements.namedItem(name);
    const words = input instanceof Element ? input.closest("label")?.querySelector("span")?.textContent : "";
    return t("common.field_error", { field: words || name, detail: fieldMessage(error) });
  });
  return visible(sentences.join(" "), { most: LONG });
}

/** An error with more to it than a sentence. */
export class Told extends Error {
  /** @param {string} message @param {Node} node */
  constructor(message, node) {
    super(message);
    this.node = node;
  }
}

/** Return an input below its label. @param {string} text @param {HTMLElement} input */
export function field(text, input) {
  const label = element("label", { className: "field" });
  label.append(element("span", { textContent: text }), input);
  return label;
}
