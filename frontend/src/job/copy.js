/** Buttons that copy the text of another element: data-copy names it. */

import { t } from "../ui/words.js";

/** @param {(text: string) => void} tell what came of it */
export function offer(tell) {
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const name = /** @type {HTMLElement} */ (button).dataset["copy"] ?? "";
    /** @type {HTMLElement} */ (button).hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(name);
      if (!source) return;
      tell(t((await copy(source)) ? "job.copied" : "job.not_copied"));
    });
  }
}

/** @param {HTMLElement} source */
async function copy(source) {
  try {
    // Only pages of a secure context have a clipboard.
    await navigator.clipboard.writeText(source.textContent ?? "");
    return true;
  } catch {
    getSelection()?.selectAllChildren(source);
    return document.execCommand("copy");
  }
}
