/** The page of nodes: their state, what of them is in use, the jobs on them; live. */

import { address, call, session } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { KEYS, next, read, sorted } from "../nodes/node_order.js";
import { NodeMap } from "../nodes/node_map.js";
import { NodeTable } from "../nodes/node_table.js";
import { Place } from "../table/scroll_position.js";
import { RunningJobs, labels, matching, queuesOf, states } from "../nodes/nodes.js";
import { Trend } from "../nodes/trend.js";
import { element } from "../ui/element.js";
import { figure } from "../table/summary_bar.js";
import { t } from "../ui/words.js";
import { watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";

/** @typedef {import("../nodes/nodes.js").Node} Node */
/** @typedef {import("../nodes/nodes.js").Queue} Queue */
/** @typedef {import("../nodes/node_order.js").Key} Key */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two requests for the nodes: each is an RPC of the service. */
const EVERY = 2000;
/** At most one part in so many of the time goes into requests, and each node takes a millisecond: ten thousand are asked for every ten seconds. */
const SHARE = 10;
const PER_NODE = 1;
/** Milliseconds between two requests when nothing seems to have changed: a new reason changes no number. */
const STALE = 30_000;

/** @type {Queue[]} */
const queues = JSON.parse($("queues-of").textContent ?? "[]");
const running = new RunningJobs();
const known = {
  jobs: (/** @type {Node} */ node) => running.on(node),
  queues: (/** @type {Node} */ node) => queuesOf(node, queues),
  label: labels([]),
};
const table = new NodeTable($("frame"), /** @type {HTMLTableElement} */ ($("nodes")), known);
const place = new Place({
  frame: table.frame,
  height: () => table.rowHeight,
  id: (index) => table.nodes[index]?.rank.toString(),
  find: (id) => table.nodes.findIndex((node) => String(node.rank) === id),
});
const query = new URLSearchParams(location.search);
const view = { state: query.get("state") ?? "", text: query.get("text") ?? "", queue: query.get("queue") ?? "", sort: query.get("sort") ?? "" };
const map = new NodeMap($("picture"), (name) => {
  const input = /** @type {HTMLInputElement} */ ($("filters").querySelector("[name=text]"));
  input.value = input.value === name ? "" : name;
  input.dispatchEvent(new Event("input", { bubbles: true }));
});
const trend = new Trend($("trend"), (asked) => `/v1/resources/use?${asked}`);
/** The nodes as they were when the instance answered last, if it does not. */
const last = document.getElementById("last")?.textContent;
/** @type {Node[]} */
let nodes = JSON.parse(last ?? "[]");
let isKnown = last !== undefined;
let asked = 0;
let pause = EVERY;
let isStale = true;
let isAsking = false;
let summary = "";

function show() {
  if (!isKnown) return;
  const shown = sorted(matching(nodes, view, queues), view.sort, { jobs: (node) => running.count(node), queues: known.queues });
  const classes = $("nodes").classList;
  classes.toggle("no-gpus", nodes.every((node) => node.gpus.total === 0));
  classes.toggle("no-queues", queues.length === 0);
  classes.toggle("no-properties", nodes.every((node) => !node.properties?.length));
  classes.toggle("no-reasons", shown.every((node) => !node.reason && !node.drained_at));
  classes.toggle("two-states", shown.some((node) => states(node).length > 1));
  known.label = labels(nodes);
  table.show(shown, nodes.map(known.label));
  place.settle(true);
  map.show(nodes);
  $("count").textContent = shown.length === nodes.length ? t("nodes.count", { count: nodes.length }) : t("nodes.count_of", { count: shown.length, total: nodes.length });
  $("empty").hidden = shown.length > 0;
  $("empty-words").textContent = t(nodes.length ? "nodes.none_match" : "nodes.none_known");
  $("clear").hidden = !nodes.length;
  figures();
}

/** Show the sums at the top. */
function figures() {
  const sum = (/** @type {(node: Node) => number} */ of) => nodes.reduce((all, node) => all + of(node), 0);
  const parts = [figure(t("nodes.nodes_in_use"), { total: nodes.length, allocated: sum((node) => Number(node.allocated)) })];
  for (const kind of /** @type {const} */ (["cores", "gpus"])) {
    const count = { total: sum((node) => node[kind].total), allocated: sum((node) => node[kind].allocated) };
    if (kind === "cores") trend.of(sum((node) => (node.state === "excluded" ? 0 : node.cores.total)));
    if (!count.total) continue;
    // Nobody can use free resources of a node that is not up.
    const free = sum((node) => (node.state === "up" ? node[kind].total - node[kind].allocated : 0));
    const part = figure(t(kind === "cores" ? "nodes.cores_in_use" : "nodes.gpus_in_use"), count);
    part.append(element("dd", { className: "free", textContent: t("nodes.free", { count: free }) }));
    parts.push(part);
  }
  $("figures").replaceChildren(...parts);
  $("overview").hidden = !nodes.length;
}

/** Ask for the nodes where something has changed, at most every two seconds and while seen. */
async function refresh() {
  const now = Date.now();
  if (document.hidden || isAsking || now - asked < (isStale ? pause : STALE)) return;
  asked = now;
  isStale = false;
  isAsking = true;
  try {
    ({ nodes } = await call("GET", "/v1/resources"));
    isKnown = true;
    $("wrong").hidden = true;
    status.lack(false);
  } catch (problem) {
    status.lack(true);
    isStale = true;
    // The header says that the reader is logged out, and leads to the login.
    const why = session.isOver ? "" : problem instanceof Error ? problem.message : String(problem);
    $("wrong").textContent = t(isKnown || !why ? "nodes.last_known" : "nodes.as_opened", { why }).trim();
    $("wrong").hidden = false;
    // There is nothing to draw it from.
    if (!isKnown) $("picture").hidden = true;
  } finally {
    isAsking = false;
    pause = Math.max(EVERY, (SHARE - 1) * (Date.now() - now), PER_NODE * nodes.length);
  }
  show();
}

/** Write the view into the address, so that a link shows the same. */
function keep() {
  const text = new URLSearchParams(Object.entries(view).filter(([, value]) => value)).toString();
  history.replaceState(history.state, "", text ? `?${text}` : location.pathname);
  $("frame").scrollTop = 0;
  show();
}

const form = /** @type {HTMLFormElement} */ ($("filters"));
form.addEventListener("input", () => {
  const data = new FormData(form);
  for (const name of /** @type {const} */ (["state", "text", "queue", "sort"])) view[name] = String(data.get(name) ?? "");
  mark();
  keep();
});
form.addEventListener("submit", (event) => event.preventDefault());
$("clear").addEventListener("click", () => {
  for (const input of form.querySelectorAll("input, select")) /** @type {HTMLInputElement} */ (input).value = "";
  form.dispatchEvent(new Event("input"));
});

/** @type {Map<Key, HTMLElement>} the headings, which sort */
const headings = new Map();
for (const heading of $("nodes").querySelectorAll("th[data-sort]")) {
  const it = /** @type {HTMLElement} */ (heading);
  const key = /** @type {Key} */ (it.dataset["sort"]);
  if (!KEYS.includes(key)) continue;
  headings.set(key, it);
  const button = element("button", { type: "button" });
  button.append(...it.childNodes);
  it.append(button);
  button.addEventListener("click", () => {
    view.sort = next(view.sort, key);
    offer();
    mark();
    keep();
  });
}

/** Show the order in the list of orders of a narrow page, also one that only a heading offers. */
function offer() {
  const list = /** @type {HTMLSelectElement} */ (form.elements.namedItem("sort"));
  list.value = view.sort;
  if (list.value === view.sort) return;
  const title = headings.get(read(view.sort)?.key ?? "name")?.textContent ?? "";
  list.append(element("option", { value: view.sort, textContent: title, selected: true }));
}

/** Tell by which column the rows are sorted. */
function mark() {
  const order = read(view.sort);
  for (const [key, heading] of headings) {
    if (order?.key === key) heading.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else heading.removeAttribute("aria-sort");
  }
}

const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("jobs", { stream: "jobs", filter: { state: ["RUNNING"] } }, (message) => {
  if (!running.take(message)) return;
  isStale = true;
  table.soon();
});
channel.follow("stats", { stream: "stats" }, (message) => {
  const text = JSON.stringify(message["nodes"]);
  if (text !== summary) isStale = true;
  summary = text;
});
watchOn(channel);
offer();
mark();
show();
refresh();
setInterval(refresh, EVERY / 4);
