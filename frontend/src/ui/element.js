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
