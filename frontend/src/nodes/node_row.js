/** The cells of the row of a node, as fluxapi/web/templates/nodes.html has them. */

import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { number, t } from "../ui/words.js";
import { STATE_WORDS, states } from "./nodes.js";
import { reason } from "./drain_reason.js";
import { SHORT, visible } from "../ui/visible.js";

/** @typedef {import("./nodes.js").Node} Node */
/** @typedef {import("./nodes.js").Job} Job */

/** Jobs of a node that have links of their own. */
const LINKS = 2;

/** @satisfies {Record<string, Record<string, import("../ui/words.js").Key>>} */
const USES = /** @type {const} */ ({
  cores: { title: "nodes.cores", inUse: "nodes.cores_in_use" },
  gpus: { title: "nodes.gpus", inUse: "nodes.gpus_in_use" },
});

/** @param {Node} node @param {string} label its name for people @param {Job[]} jobs @param {string[]} queues @param {number} now */
export function cells(node, label, jobs, queues, now) {
  const { properties = [] } = node;
  const rank = element("td", { className: "rank numeric", role: "cell", textContent: String(node.rank) });
  return [
    name(node, label), state(node), reason(node, now), use(node, "cores"), use(node, "gpus"), on(node, jobs),
    words("queues", queues), words("properties", properties), rank,
  ];
}

/** Return the page of a node; brokers on one host are distinguished by rank. @param {Node} node @param {string} label */
function name(node, label) {
  const cell = element("th", { scope: "row", role: "rowheader", className: "name" });
  cell.append(element("a", { href: at(`/ui/nodes/${encodeURIComponent(node.name)}?rank=${node.rank}`), textContent: label }));
  return cell;
}

/** @param {Node} node */
function state(node) {
  const cell = element("td", { role: "cell", className: "state" });
  for (const it of states(node)) {
    const word = element("span", { className: "status", textContent: t(STATE_WORDS[it]) });
    word.dataset["status"] = it;
    cell.append(word, " ");
  }
  return cell;
}

/** Return the cell of what is in use of a node: nothing is free on one that is not up.
 * @param {Node} node @param {"cores" | "gpus"} kind
 */
function use(node, kind) {
  const { total, allocated } = node[kind];
  const cell = element("td", { role: "cell", className: `use ${kind}` });
  cell.dataset["what"] = t(USES[kind].title);
  if (!total) cell.append(element("span", { className: "soft", textContent: "–" }));
  else {
    const meter = element("meter", { min: 0, max: total, value: allocated });
    meter.setAttribute("aria-label", t(USES[kind].inUse));
    cell.append(meter, ` ${t("nodes.of", { used: allocated, total })}`);
  }
  return cell;
}

/** @param {Node} node @param {Job[]} jobs */
function on(node, jobs) {
  const cell = element("td", { role: "cell", className: "on" });
  for (const job of jobs.slice(0, LINKS)) {
    const title = visible([job.name, job.username].filter(Boolean).join(", "), { most: SHORT });
    const link = element("a", { href: at(`/ui/jobs/${job.id}`), textContent: job.id, title });
    if (job.name) link.append(" ", element("span", { className: "job-name", textContent: visible(job.name, { most: SHORT }) }));
    cell.append(link, " ");
  }
  if (jobs.length > LINKS) cell.append(more(node, jobs.length - LINKS), " ");
  // If there is space for one, the style sheet shows both.
  if (jobs.length > 1) cell.append(more(node, jobs.length - 1, " beside-one"));
  return cell;
}

/** Return the link to the other jobs of a node. @param {Node} node @param {number} count @param {string} [kind] */
function more(node, count, kind = "") {
  const query = new URLSearchParams({ state: "RUNNING", node: node.name });
  return element("a", { href: at(`/?${query}`), className: `more${kind}`, textContent: t("nodes.more_jobs", { count }) });
}

/** @param {string} kind @param {string[]} texts */
function words(kind, texts) {
  const shown = texts.map((text) => visible(text, { most: SHORT }));
  const cell = element("td", { role: "cell", className: kind, title: shown.join(", ") });
  // One has room; the others are counted, and named where the reader points.
  for (const text of shown.slice(0, 1)) cell.append(element("code", { className: "tag", textContent: text }));
  if (shown.length > 1) cell.append(" ", element("span", { className: "soft", textContent: `+${number(shown.length - 1)}` }));
  return cell;
}
