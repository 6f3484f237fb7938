/** Keys that are pressed before the field is there that they are meant for. */

/** @typedef {{ text: string, isCanceled: boolean }} Typed */

/**
 * Keep what is typed from now on from the page, until the returned function is called, which returns it.
 * @param {EventTarget} [page]
 * @returns {() => Typed}
 */
export function typedAhead(page = globalThis) {
  const typed = { text: "", isCanceled: false };
  /** @param {Event} event */
  const hear = (event) => {
    const { key, ctrlKey, metaKey, altKey, isComposing } = /** @type {KeyboardEvent} */ (event);
    if (ctrlKey || metaKey || altKey || isComposing) return;
    if (key === "Escape") typed.isCanceled = true;
    else if (key === "Backspace") typed.text = [...typed.text].slice(0, -1).join("");
    else if ([...key].length === 1) typed.text += key;
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  page.addEventListener("keydown", hear, { capture: true });
  return () => {
    page.removeEventListener("keydown", hear, { capture: true });
    return typed;
  };
}
