/** The keys that work on every page: search, the filter of the page, the list of shortcuts. */

import { preference } from "./preferences.js";

/** True if the keyboard has a Command key. */
const isMac = /Mac|iP/.test(globalThis.navigator?.platform ?? "");
/** The keys that open the search, as the reader knows them. */
export const SEARCH_KEYS = isMac ? "⌘ K" : "Ctrl K";

/** Return whether the reader types into an element. @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && (target.isContentEditable || target.closest("input:not([type=checkbox], [type=radio], [type=button]), textarea, select") !== null);
}

/** Return the first filter of the page that is in sight. */
function filter() {
  const fields = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll('main input[type="search"], [role="search"] input, [data-filter]'));
  return [...fields].find((field) => field.checkVisibility());
}

/** @param {{ search: () => void, shortcuts: () => void }} acts */
export function hearKeys({ search, shortcuts }) {
  document.addEventListener("keydown", (event) => {
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog:modal")) return;
    // Ctrl+K in a field of macOS deletes the rest of the line.
    if ((isMac ? metaKey && !ctrlKey : ctrlKey && !metaKey) && !altKey && !shiftKey && key.toLowerCase() === "k") {
      event.preventDefault();
      search();
      return;
    }
    if (altKey || ctrlKey || metaKey || isTyping(event.target) || preference("keys") === "off") return;
    if (key === "?") {
      event.preventDefault();
      shortcuts();
    } else if (key === "/") {
      const field = filter();
      if (!field) return;
      event.preventDefault();
      field.focus();
      if (field instanceof HTMLInputElement) field.select();
    }
  });
}
