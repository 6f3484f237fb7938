/** What the reader of a page may do; the service holds to it, and a page offers nothing else. */

const RIGHTS = ["view", "operate", "submit", "admin"];

/** @param {"view" | "operate" | "submit" | "admin"} right */
export function may(right) {
  return RIGHTS.indexOf(document.body.dataset["right"] ?? "") >= RIGHTS.indexOf(right);
}
