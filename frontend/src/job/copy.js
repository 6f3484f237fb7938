/** Buttons that copy the text of another element, which data-copy names, or the address of the job. */

import { element } from "../ui/element.js";
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

/** Let a button copy the address of the page, with the lines that it marks. @param {HTMLElement} button @param {import("./said.js").Said} said */
export function offerLink(button, said) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const link = location.origin + location.pathname + location.hash;
    const field = element("textarea", { value: link });
    const isCopied = await copy(link, () => {
      button.after(field);
      field.select();
    });
    field.remove();
    button.focus();
    if (isCopied) said.pass(t("job.copied"));
    else said.tell(t("job.link_not_copied", { link }));
  });
}

/** @param {string} text @param {() => void} select selects it, for pages that have no clipboard */
async function copy(text, select) {
  try {
    // Only pages of a secure context have a clipboard.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    select();
    return document.execCommand("copy");
  }
}
