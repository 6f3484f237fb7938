/** Buttons that copy the command beside them, which data-command names; they say so by their sign. */

import { copy } from "./clipboard.js";
import { t } from "./words.js";

/** Milliseconds for which a button says that the command is copied. */
const SAID_MS = 2000;

export function offerCommands() {
  for (const button of /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll("button[data-command]"))) {
    const command = document.getElementById(button.dataset["command"] ?? "");
    if (!command) continue;
    const name = button.title;
    button.hidden = false;
    button.addEventListener("click", async () => {
      if (!(await copy(command.textContent ?? "", () => getSelection()?.selectAllChildren(command)))) return;
      tell(button, "check", t("common.copied"));
      setTimeout(() => tell(button, "copy", name), SAID_MS);
    });
  }
}

/** @param {HTMLElement} button @param {string} icon @param {string} name */
function tell(button, icon, name) {
  button.dataset["icon"] = icon;
  button.title = button.ariaLabel = name;
}
