/** A list in a question: the first of some jobs by name and ID, and how many more there are. */

import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @typedef {{ id: string, name?: string, cc?: string }} Named */

/** Jobs that a question names. */
const MAX_NAMED = 10;

/**
 * Return a job by its name and its ID. A link opens a page of its own, so that the question stays.
 * @param {Named} job @param {boolean} [isLinked]
 */
export function named({ id, name = "", cc = "" }, isLinked = false) {
  const made = element("span", {});
  const text = cc ? t("columns.numbered", { name, number: cc }) : name;
  if (text) made.append(element("b", { textContent: visible(text, { most: SHORT }) }), " ");
  const code = element("code", { textContent: id });
  if (!isLinked) made.append(code);
  else {
    const link = element("a", { href: at(`/ui/jobs/${encodeURIComponent(id)}`), target: "_blank" });
    link.append(code);
    made.append(link);
  }
  return made;
}

/** @param {readonly Named[]} jobs @param {{ label: string, most?: number, isLinked?: boolean }} how */
export function namedJobs(jobs, { label, most = MAX_NAMED, isLinked = false }) {
  const names = element("ul", { className: "asked-of", ariaLabel: label });
  for (const job of jobs.slice(0, most)) {
    const item = element("li", {});
    item.append(...named(job, isLinked).childNodes);
    names.append(item);
  }
  if (jobs.length > most) names.append(element("li", { className: "soft", textContent: t("actions.more", { count: jobs.length - most }) }));
  return names;
}
