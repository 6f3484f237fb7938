/** Views of the table of jobs that the reader has named: kept in this browser, for one instance. */

import { at } from "./root.js";

/** @typedef {{ name: string, query: string }} SavedView query: what follows the question mark in the address of the view */

const MAX_VIEWS = 30;
export const MAX_NAME_CHARS = 80;
const MAX_QUERY_CHARS = 8000;

/** Return the key of the views; two services of one host have views of their own. */
const key = () => `fluxapi.views ${at("/")}`;

/** Return whether an entry has not been damaged by another version, or by somebody else. @param {any} it */
const isView = (it) =>
  typeof it?.name === "string" && it.name !== "" && it.name.length <= MAX_NAME_CHARS && typeof it.query === "string" && it.query.length <= MAX_QUERY_CHARS;

/** Return the saved views, by name. @returns {SavedView[]} */
export function savedViews() {
  try {
    const kept = JSON.parse(localStorage.getItem(key()) ?? "[]");
    return Array.isArray(kept) ? kept.filter(isView).slice(0, MAX_VIEWS).sort((one, other) => one.name.localeCompare(other.name)) : [];
  } catch {
    return [];
  }
}

/** @param {SavedView[]} views */
function store(views) {
  try {
    localStorage.setItem(key(), JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}

/** Keep a view in place of the one of its name; false when the browser does not, or there are too many. @param {SavedView} view */
export function saveView(view) {
  const views = [...savedViews().filter(({ name }) => name !== view.name), view];
  return isView(view) && views.length <= MAX_VIEWS && store(views);
}

/** @param {string} gone */
export function deleteView(gone) {
  store(savedViews().filter(({ name }) => name !== gone));
}

/** Return the address of a view. @param {SavedView} view */
export const addressOf = ({ query }) => at(query ? `/?${query}` : "/");
