/** The search in the documentation while the reader types. */

import { page } from "./api.js";

const DELAY_MS = 200;
const MIN_CHARACTERS = 2;

/**
 * Show what is found in place of the text of the page; the text is back when the field is empty.
 * @param {HTMLFormElement} form
 */
export function searchDocsWhileTyping(form) {
  const field = form.querySelector("input");
  const content = document.getElementById("content");
  if (!field || !content) return;
  const before = [...content.childNodes];
  const here = document.querySelector(".shelf [aria-current]");
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {string} query */
  const show = async (query) => {
    const path = `/docs/search?${new URLSearchParams({ q: query })}`;
    // Nothing in a parsed document runs or is loaded; Enter opens the page of the search if this one fails.
    const fresh = new DOMParser().parseFromString(await page(path).catch(() => ""), "text/html").getElementById("content");
    if (!fresh || field.value.trim() !== query) return;
    for (const link of fresh.querySelectorAll("a")) link.href = new URL(link.getAttribute("href") ?? "", form.action).href;
    content.replaceChildren(...fresh.childNodes);
    here?.removeAttribute("aria-current");
  };

  field.addEventListener("input", () => {
    clearTimeout(timer);
    const query = field.value.trim();
    if (!query) {
      content.replaceChildren(...before);
      here?.setAttribute("aria-current", "page");
    } else if (query.length >= MIN_CHARACTERS) timer = setTimeout(() => show(query), DELAY_MS);
  });
}
