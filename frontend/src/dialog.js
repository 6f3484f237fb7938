/** A question before something is done, with what it needs to know. */

import { Problem } from "./api.js";
import { element } from "./grid.js";

/**
 * @typedef {object} Question
 * @property {string} title the word on the button that does it
 * @property {string} heading
 * @property {string} words what will happen
 * @property {HTMLElement[]} [fields] what else is asked
 * @property {boolean} [again] whether it may be tried again when it failed
 * @property {(tell: (text: string) => void) => Promise<void>} run does it; throws a Problem
 */

/** @param {Question} question */
export function ask({ title, heading, words, fields = [], again = false, run }) {
  const dialog = element("dialog", {});
  dialog.setAttribute("aria-labelledby", "asked");
  const form = element("form", {});
  const go = element("button", { type: "submit", textContent: title, className: "strong" });
  const no = element("button", { type: "button", textContent: "Leave it" });
  const said = element("p", { role: "status" });
  const buttons = element("p", { className: "buttons" });
  buttons.append(go, no);
  const head = element("h2", { id: "asked", textContent: heading });
  form.append(head, element("p", { textContent: words }), ...fields, said, buttons);
  dialog.append(form);
  no.addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    go.disabled = true;
    said.textContent = "";
    try {
      await run((text) => {
        said.textContent = text;
      });
      dialog.close();
    } catch (problem) {
      said.textContent = problem instanceof Problem ? problem.message : String(problem);
      no.textContent = "Close";
      go.disabled = !again;
    }
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
