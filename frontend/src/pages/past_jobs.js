/** The page of past jobs: the field of its filters, which leads to the page that they give. */

import * as neighbors from "../job/neighbors.js";
import { Values } from "../table/completion.js";
import { FilterBar } from "../table/filter_bar.js";
import { KEYS, tokens } from "../table/filter_query.js";
import { read } from "../table/filters.js";
import { row } from "../table/rows.js";
import { SortBy } from "../table/sort_by.js";
import { at } from "../ui/root.js";
import { RESULTS } from "../ui/states.js";

/** @typedef {import("../table/filter_query.js").Filters} Filters */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** The key of the address whose field gets the focus that the field had before. */
const FOCUS = "fluxapi.past_jobs.focus";

/** The values of the jobs of this page; the history has more, so nothing is counted. */
class Named extends Values {
  /** Jobs that have ended are not held. @override */
  keys = KEYS.filter((key) => key !== "held");

  /** @override @param {string} key */
  of(key) {
    if (key === "state") return RESULTS.map((word) => ({ value: word.toLowerCase() }));
    return super.of(key).map(({ value }) => ({ value }));
  }
}

// A note may lead to jobs that are not in the list.
neighbors.remember(() => neighbors.linked('#jobs [data-key="id"]'));
/** @type {Record<string, string>[]} */
const named = JSON.parse($("named").textContent || "[]");
const rows = named.map((record, index) => row({ id: String(index), revision: 0, ...record }));
const form = /** @type {HTMLFormElement} */ ($("filters"));
const everywhere = /** @type {HTMLInputElement} */ (form.elements.namedItem("instance"));
const bar = new FilterBar(form, new Named(() => rows));
const { state, ...others } = read(new URLSearchParams(location.search));
bar.show(state ? { state: state.toLowerCase(), ...others } : others);

try {
  if (sessionStorage.getItem(FOCUS) === location.href) bar.resume();
  sessionStorage.removeItem(FOCUS);
} catch {
  // The browser keeps nothing.
}

/** Open the page that the filters give, unless it is this one. */
function go() {
  const { state, ...rest } = bar.filters;
  const all = everywhere.checked ? { instance: "all" } : {};
  const sort = new URLSearchParams(location.search).get("sort");
  const query = new URLSearchParams({ ...(state ? { result: state.toUpperCase() } : {}), ...rest, ...all, ...(sort ? { sort } : {}) });
  const page = new URL(at("/ui/history/jobs"), location.href);
  page.search = query.toString();
  if (page.href === location.href) return;
  // The next page is another document: it has the focus where this one had it.
  try {
    if (document.activeElement === bar.input) sessionStorage.setItem(FOCUS, page.href);
  } catch {
    // The browser keeps nothing.
  }
  location.assign(page);
}

bar.addEventListener("change", (event) => {
  if (/** @type {CustomEvent} */ (event).detail === "type") return;
  // A filter that is written again is a chip no more, and no filter yet.
  setTimeout(() => {
    if (!tokens(bar.input.value).some(({ key }) => key)) go();
  });
});
bar.input.addEventListener("keydown", ({ key }) => {
  if (key === "Enter" && !bar.said.textContent) go();
});
everywhere.addEventListener("change", go);

// If there is no room for the headings, a list of them sorts the page: each leads to a page of the service, as the headings do.
const headings = [...document.querySelectorAll("#jobs th")].flatMap((th) => {
  const link = th.querySelector("a");
  const key = /** @type {HTMLElement} */ (th).dataset["key"] ?? "";
  return link ? [{ key, title: link.textContent ?? "", href: link.href, sorted: th.getAttribute("aria-sort") }] : [];
});
const current = headings.find(({ sorted }) => sorted);
if (current) {
  // A heading that sorts already turns the order around; that of the submission is the newest first.
  const sortBy = new SortBy(({ key }) => {
    const href = headings.find((it) => it.key === key)?.href;
    if (href) location.assign(href);
  });
  sortBy.show(/** @type {any} */ (headings), { key: current.key, down: current.sorted === "descending" });
  sortBy.turn.hidden = current.key === "submitted";
  everywhere.closest("label")?.after(sortBy.element);
}
