/**
 * Makes an element of the page like another one, and touches only what differs. So focus, selection, scroll positions
 * and what is unfolded stay.
 */

/** Attributes that a reader changes. */
const KEPT = new Set(["open"]);

/** @param {Element} old in the page @param {Element} fresh as it should be */
export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value && !KEPT.has(name)) old.setAttribute(name, value);
  children(old, fresh);
}

/** @param {Element} old @param {Element} fresh */
function children(old, fresh) {
  const keys = new Set([...fresh.children].map(key).filter(Boolean));
  // In a list of entries that have names, the spaces between them do not matter.
  const [first, after] = keys.size ? /** @type {const} */ (["firstElementChild", "nextElementSibling"]) : /** @type {const} */ (["firstChild", "nextSibling"]);
  /** @type {ChildNode | null} */
  let at = old[first];
  for (let next = /** @type {ChildNode | null} */ (fresh[first]); next; next = /** @type {any} */ (next)[after]) {
    // Removed elements go first, so that the elements after them are kept.
    while (at && key(at) !== "" && !keys.has(key(at))) at = remove(at, after);
    if (at && at.nodeName === next.nodeName && key(at) === key(next)) {
      if (at instanceof Element) morph(at, /** @type {Element} */ (next));
      else if (at.nodeValue !== next.nodeValue) at.nodeValue = next.nodeValue;
      at = /** @type {any} */ (at)[after];
    } else {
      old.insertBefore(document.importNode(next, true), at);
    }
  }
  while (at) at = remove(at, after);
}

/** Return the name by which an entry of a list is found again. @param {Node} node */
const key = (node) => (node instanceof Element ? node.getAttribute("data-key") ?? "" : "");

/** @param {any} node @param {"nextSibling" | "nextElementSibling"} after @returns {ChildNode | null} the one after it */
function remove(node, after) {
  const next = node[after];
  node.remove();
  return next;
}
