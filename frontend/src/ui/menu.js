/** Menus: one closes by Escape, and when something else is clicked. */

/** Close the menus of the page when the reader turns to something else. */
export function closeMenus() {
  const open = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu[open]"));
  document.addEventListener("click", ({ target }) => {
    for (const it of open()) if (!it.contains(/** @type {Node} */ (target))) it.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const it of open()) {
      if (it.contains(document.activeElement)) it.querySelector("summary")?.focus();
      it.open = false;
    }
  });
}
