/** Buttons that copy the text of another element, which data-copy names. */

import { copy } from "../ui/clipboard.js";
import { t } from "../ui/words.js";

/** @param {import("./said.js").Said} said what came of it */
export function offer(said) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const name = /** @type {HTMLElement} */ (button).dataset["copy"] ?? "";
    /** @type {HTMLElement} */ (button).hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(name);
      if (!source) return;
      if (await copy(source.textContent ?? "", () => getSelection()?.selectAllChildren(source))) said.pass(t("job.copied"));
      else said.tell(t("job.not_copied"));
    });
  }
}
