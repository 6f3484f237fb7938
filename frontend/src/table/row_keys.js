/** The keyboard reaches the rows of the table without a stop at each part of the page before them. */

/**
 * Let the arrow down lead to the rows while nothing has the focus.
 * @param {{ focus: () => void }} rows
 */
export function leadToRows(rows) {
  document.addEventListener("keydown", (event) => {
    const { key, altKey, ctrlKey, metaKey, shiftKey } = event;
    if (key !== "ArrowDown" || event.defaultPrevented || altKey || ctrlKey || metaKey || shiftKey) return;
    if (document.activeElement !== document.body || document.querySelector("dialog:modal")) return;
    event.preventDefault();
    rows.focus();
  });
}
