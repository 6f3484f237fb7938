/** Makes an element of a page. */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} name
 * @param {Record<string, unknown>} properties
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(name, properties) {
  const made = document.createElement(name);
  Object.assign(made, properties);
  return made;
}

/** Change the text of an element, unless it is the same. @param {HTMLElement} where @param {string} text */
export function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}
