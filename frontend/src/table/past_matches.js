/** The way from a table without a match to the past jobs that match: the instance has them no more. */

import { at } from "../ui/root.js";
import { RESULTS } from "../ui/states.js";

/** Lead to the past jobs that pass the filters, unless no past job can. @param {HTMLAnchorElement} link @param {import("./filter_query.js").Filters} filters */
export function leadToPast(link, { state = "", ...rest }) {
  const results = state.toUpperCase();
  const isOver = results.split(",").every((it) => RESULTS.includes(it));
  link.hidden = Boolean(state) && !isOver;
  link.href = at(`/ui/history/jobs?${new URLSearchParams({ ...(isOver ? { result: results } : {}), ...rest })}`);
}
