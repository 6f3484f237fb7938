/** A short message about what was done, at the foot of the page, which goes by itself. */

import { element } from "./element.js";

const SHOWN_MS = 6000;

/** Show a message, in place of the one before. @param {string} text */
export function tell(text) {
  document.getElementById("floating-notice")?.remove();
  const told = element("p", { id: "floating-notice", className: "notice info floating", role: "status" });
  document.body.append(told);
  // A status is read when its text changes, so it is there before its text.
  requestAnimationFrame(() => {
    told.textContent = text;
  });
  setTimeout(() => told.remove(), SHOWN_MS);
}
