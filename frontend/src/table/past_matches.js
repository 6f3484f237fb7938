/** The way on from a table without a match: to groups with such a name, and to the past jobs that match. */

import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { RESULTS } from "../ui/states.js";
import { SHORT, visible } from "../ui/visible.js";
import { rich } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("./filter_query.js").Filters} Filters */

/** Groups that are offered. */
const MAX_GROUPS = 3;

/** Lead to the past jobs that pass the filters, unless no past job can. @param {HTMLAnchorElement} link @param {import("./filter_query.js").Filters} filters */
function leadToPast(link, { state = "", ...rest }) {
  const results = state.toUpperCase();
  const isOver = results.split(",").every((it) => RESULTS.includes(it));
  link.hidden = Boolean(state) && !isOver;
  link.href = at(`/ui/history/jobs?${new URLSearchParams({ ...(isOver ? { result: results } : {}), ...rest })}`);
}

/**
 * Return groups whose names, or those of their jobs if they have none, contain a text; newest last.
 * @param {string} text @param {Iterable<Row>} rows
 * @returns {Map<string, string>} names by what the filter takes
 */
export function groupsLike(text, rows) {
  const wanted = text.toLowerCase();
  /** @type {Map<string, string>} */
  const found = new Map();
  for (const { group, group_name: given, name } of rows) {
    const title = given || name;
    if (group && title.toLowerCase().includes(wanted)) found.set(given || group, title);
    if (found.size >= MAX_GROUPS) break;
  }
  return found;
}

/** Lead on from a table without a match. @param {HTMLElement} where @param {Filters} filters @param {Iterable<Row>} rows */
export function leadOn(where, filters, rows) {
  const link = document.getElementById("in-history");
  if (link) leadToPast(/** @type {HTMLAnchorElement} */ (link), filters);
  const meant = /** @type {HTMLElement} */ (where.querySelector(".meant"));
  const groups = filters["group"] ? groupsLike(filters["group"], rows) : new Map();
  meant.hidden = !groups.size;
  meant.replaceChildren();
  const links = element("span", {});
  for (const [group, name] of groups) {
    if (links.childNodes.length) links.append(", ");
    links.append(element("a", { href: at(`/?${new URLSearchParams({ group })}`), textContent: visible(name, { most: SHORT }) }));
  }
  if (groups.size) meant.append(rich("jobs.groups_meant", { groups: links }));
}
