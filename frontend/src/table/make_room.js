/** On a phone, what is above the list leaves the window once the reader scrolls the list. */

/** Pixels of the list that are scrolled before: a touch alone moves nothing. */
const FROM_PX = 40;

/** @param {HTMLElement} frame scrolls the list @param {HTMLElement} top is at the top of the window then */
export function makeRoom(frame, top) {
  const isPhone = matchMedia("(width < 48rem)");
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
  let isAway = false;
  frame.addEventListener("scroll", () => {
    const was = isAway;
    isAway = frame.scrollTop > FROM_PX;
    if (was || !isAway || !isPhone.matches) return;
    scrollBy({ top: Math.max(top.getBoundingClientRect().top, 0), behavior: isCalm.matches ? "auto" : "smooth" });
  }, { passive: true });
}
