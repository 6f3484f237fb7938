/** The field that is being filled in stays above the answer, which grows with what it says. */

/** Pixels between the field and the answer. */
const GAP = 16;

/** @param {HTMLElement} answer @param {HTMLElement} form */
export function keepInSight(answer, form) {
  let height = 0;
  new ResizeObserver(() => {
    const before = height;
    height = answer.offsetHeight;
    document.documentElement.style.scrollPaddingBottom = `${height + GAP}px`;
    const focused = document.activeElement;
    if (height <= before || !before || !form.contains(focused)) return;
    // With what stands below it, such as its error; of a field that is higher than the window, its own part.
    const field = focused?.closest(".field");
    (field && field.clientHeight < innerHeight / 2 ? field : focused)?.scrollIntoView({ block: "nearest" });
  }).observe(answer);
}
