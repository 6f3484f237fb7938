/** One row of the tree of instances; the template instances.html renders the same. */

import { element } from "../ui/element.js";
import { growing } from "../ui/format.js";
import { message } from "../ui/message.js";
import { detailOf } from "../ui/problem.js";
import { at } from "../ui/root.js";
import { visible } from "../ui/visible.js";
import { number, t } from "../ui/words.js";

/** A number of jobs: title, member of the counts, names to add up, filter of the table of jobs.
 * @typedef {[string, "states" | "results", string[], string]} Column
 */

const KINDS = /** @type {const} */ ([
  ["nodes", "instances.nodes", "instances.nodes_in_use"],
  ["cores", "instances.cores", "instances.cores_in_use"],
  ["gpus", "instances.gpus", "instances.gpus_in_use"],
]);

/** Results whose numbers are marked. */
const FAILURES = new Set(["FAILED", "TIMEOUT"]);

/** @type {Record<string, import("../ui/words.js").Key>} */
const STATES = {
  closed: "instances.closed",
  opening: "instances.opening",
  ready: "instances.ready",
  unreachable: "instances.unreachable",
  ended: "instances.ended",
};

/**
 * @param {import("./tree.js").Instance} instance
 * @param {Column[]} columns
 * @param {number} now seconds since 1970, by the clock of the service
 */
export function row(instance, columns, now) {
  const place = at(instance.path ? `/ui/instances/${instance.path}` : "/");
  const made = element("tr", {});
  made.setAttribute("role", "row");
  made.dataset["key"] = instance.path || "root";
  made.dataset["state"] = shownState(instance);
  const { nnodes, size, t_run: began, lost_since: last = now, t_end: ended = last, username } = instance;
  made.append(
    head(instance, place),
    ...situation(instance),
    ...columns.map((column) => count(column, instance["jobs"], place)),
    cell(String(nnodes ?? size ?? ""), { label: t("instances.nodes_column"), isNumeric: true }),
    cell(began ? growing(Math.max(ended - began, 0)) : "", { label: t("instances.runtime"), isNumeric: true }),
    cell(visible(username ?? "", { most: 40 }), { label: t("instances.user") }),
  );
  return made;
}

/** The state of an instance; one that has ended may be open from the history. @param {Record<string, any>} instance @returns {string} */
const shownState = ({ state, t_end: ended }) => (ended !== undefined && state !== "unreachable" ? "ended" : state);

/** @param {import("./tree.js").Instance} instance @param {string} place */
function head(instance, place) {
  const made = element("th", { scope: "row" });
  made.setAttribute("role", "rowheader");
  for (let step = 0; step < instance.depth; step++) made.append(element("span", { className: "step" }));
  const about = visible(instance["name"] || instance["hostname"] || "", { most: 60 });
  made.append(
    element("a", { href: place, textContent: instance["id"] ?? t("common.root") }),
    " ",
    element("span", { className: "soft", textContent: about }),
  );
  return made;
}

/** Return the state and the resources in use; a reason takes the place of unknown resources. @param {import("./tree.js").Instance} instance */
function situation(instance) {
  const [first, second] = [state(instance), use(instance["utilization"])];
  if (!instance["reason"] || second.childElementCount) return [first, second];
  first.colSpan = 2;
  return [first];
}

/** @param {import("./tree.js").Instance} instance */
function state({ reason, reason_code, reason_params, remedy, remedy_code, remedy_params, ...instance }) {
  const state = shownState(instance);
  const made = cell();
  made.className = "state";
  const key = STATES[state];
  const pill = element("span", { className: "instance-state", textContent: key ? t(key) : state });
  pill.dataset["state"] = state;
  made.append(pill);
  if (reason) made.append(" ", element("span", { className: "why", textContent: visible(detailOf({ code: reason_code, params: reason_params, detail: reason }), { most: 600 }) }));
  if (remedy) {
    const help = element("span", { className: "why", textContent: `${message("remedies", { code: remedy_code, params: remedy_params }, remedy)} ` });
    help.append(element("a", { href: at("/docs/nested-instances"), textContent: t("common.guide") }));
    made.append(" ", help);
  }
  return made;
}

/** @param {Record<string, { total: number, allocated: number }> | undefined} utilization */
function use(utilization) {
  const made = cell();
  made.className = "use";
  for (const [kind, text, title] of KINDS) {
    const { total = 0, allocated = 0 } = utilization?.[kind] ?? {};
    if (!total) continue;
    const meter = element("meter", { min: 0, max: total, value: allocated, ariaLabel: t(title) });
    const part = element("span", {});
    part.append(meter, " ", t(text, { used: allocated, count: total }));
    made.append(part);
  }
  return made;
}

/** @param {Column} column @param {Record<string, Record<string, number>> | undefined} jobs @param {string} place */
function count([title, member, names, filter], jobs, place) {
  const made = cell("", { label: title, isNumeric: true });
  const sum = jobs && names.reduce((sum, name) => sum + (jobs[member]?.[name] ?? 0), 0);
  if (sum) {
    const link = element("a", { href: `${place}?${filter}`, textContent: number(sum) });
    const bad = names.find((name) => FAILURES.has(name));
    if (bad) Object.assign(link.dataset, { status: bad, icon: "warning" });
    made.append(link);
  } else made.append(element("span", { className: "soft", textContent: sum === undefined ? "?" : "0" }));
  if (sum === undefined) /** @type {HTMLElement} */ (made.firstElementChild).title = t("instances.unknown");
  return made;
}

/** @param {string} [textContent] @param {{ label?: string, isNumeric?: boolean }} [how] */
function cell(textContent = "", { label = "", isNumeric = false } = {}) {
  const made = element("td", { textContent });
  made.setAttribute("role", "cell");
  if (isNumeric) made.className = "numeric";
  if (label) made.dataset["label"] = label;
  return made;
}
