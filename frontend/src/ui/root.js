/**
 * The root of the service: the only place that knows where it is. A proxy may serve it below any
 * path, and only the page knows its own way there.
 */

/**
 * Return the address of a path of the service, which begins with a slash. The address of the page
 * may hold a user name and a password, which no request may; they are left out.
 * @param {string} path
 */
export function at(path) {
  const root = new URL(document.body.dataset["root"] ?? "/", location.origin + location.pathname);
  return new URL(`.${path}`, root).href;
}

/**
 * Return the address of a reference that the page holds, which is relative to the page.
 * @param {string} reference
 */
export function resolved(reference) {
  return new URL(reference, location.origin + location.pathname).href;
}
