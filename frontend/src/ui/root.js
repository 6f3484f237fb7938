/**
 * The root of the service: the only place that knows where it is. A proxy may serve it below any
 * path, and only the page knows its own way there.
 */

/** Routes that exist once per service, and pages of an instance: the rules of fluxapi/web/places.py. */
const OF_SERVICE = /^\/v1\/(?:health|instances|metrics|ready|service|templates|tokens?)(?:[/?]|$)/;
const PAGE = /^\/ui\/(?:groups|history|jobs|nodes|queues|submit)(?:[/?]|$)/;

/** Return the path in the tree of the instance that the page shows; empty for that of the service. */
export function instance() {
  return globalThis.document?.body.dataset["instance"] ?? "";
}

/**
 * Return where a path of the root instance is for the instance at another path.
 * @param {string} path
 * @param {string} instance
 */
export function placed(path, instance) {
  if (!instance || OF_SERVICE.test(path)) return path;
  if (path.startsWith("/v1/")) return `/v1/instances/${instance}${path.slice(3)}`;
  if (path === "/" || path.startsWith("/?")) return `/ui/instances/${instance}${path.slice(1)}`;
  return PAGE.test(path) ? `/ui/instances/${instance}${path.slice(3)}` : path;
}

/**
 * Return the address of a path of the service, which begins with a slash, for the instance that the page shows. The
 * address of the page may hold a user name and a password, which no request may; they are left out.
 * @param {string} path
 */
export function at(path) {
  const root = new URL(document.body.dataset["root"] ?? "/", location.origin + location.pathname);
  return new URL(`.${placed(path, instance())}`, root).href;
}

/**
 * Return the address of the page of the instance that a job of this one is.
 * @param {string} id
 */
export function within(id) {
  const path = [instance(), id].filter(Boolean).join("/");
  return at(`/ui/instances/${path}`);
}

/**
 * Return the address of a reference that the page holds, which is relative to the page.
 * @param {string} reference
 */
export function resolved(reference) {
  return new URL(reference, location.origin + location.pathname).href;
}
