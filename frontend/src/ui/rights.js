/** The permissions of the reader of a page; the service enforces them, and a page offers nothing else. */

const RIGHTS = ["view", "operate", "submit", "admin"];

/** @param {"view" | "operate" | "submit" | "admin"} right */
export function may(right) {
  return RIGHTS.indexOf(document.body.dataset["right"] ?? "") >= RIGHTS.indexOf(right);
}

/**
 * Return the user of a job if that is not the owner of the instance, as whom new jobs run; otherwise nothing.
 * @param {string | undefined} username of the job
 */
export function stranger(username) {
  const { owner } = document.body.dataset;
  return owner && username && username !== owner ? username : "";
}
