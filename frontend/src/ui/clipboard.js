/** Copies of texts and addresses, also on pages that have no clipboard. */

import { element } from "./element.js";
import { t } from "./words.js";

/**
 * Let a button copy the address that there is when it is pressed.
 * @param {HTMLElement} button
 * @param {() => string} address
 * @param {{ pass: (text: string) => void, tell: (text: string) => void }} said what came of it
 */
export function offerLink(button, address, said) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const link = address();
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
export async function copy(text, select) {
  try {
    // Only pages of a secure context have a clipboard.
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    select();
    return document.execCommand("copy");
  }
}
