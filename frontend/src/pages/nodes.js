/** The page of nodes: their state, what of them is in use, the jobs on them; live. */

import { address, call } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { arrange, Placed } from "../nodes/nodes.js";
import { Picture } from "../nodes/node_map.js";
import { Place } from "../table/scroll_position.js";
import { Rack } from "../nodes/node_table.js";
import { watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";
import { figure } from "../table/summary_bar.js";

/** @typedef {import("../nodes/nodes.js").Node} Node */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two requests for the nodes: each is an RPC of the service. */
const EVERY = 2000;
/** The same when nothing seems to have changed: a new reason changes no number. */
const STALE = 30_000;

const placed = new Placed();
const rack = new Rack($("frame"), /** @type {HTMLTableElement} */ ($("nodes")), (node) => placed.on(node));
const place = new Place({
  frame: rack.frame,
  height: () => rack.rowHeight,
  id: (index) => rack.nodes[index]?.rank.toString(),
  find: (id) => rack.nodes.findIndex((node) => String(node.rank) === id),
});
const query = new URLSearchParams(location.search);
const filters = { state: query.get("state") ?? "", text: query.get("text") ?? "" };
const picture = new Picture($("picture"), (name) => {
  const input = /** @type {HTMLInputElement} */ ($("filters").querySelector("[name=text]"));
  input.value = input.value === name ? "" : name;
  input.dispatchEvent(new Event("input", { bubbles: true }));
});
/** The nodes as they were when the instance answered last, if it does not. */
const last = document.getElementById("last")?.textContent;
/** @type {Node[]} */
let nodes = JSON.parse(last ?? "[]");
let known = last !== undefined;
let asked = 0;
let isStale = true;
let isAsking = false;
let summary = "";

function show() {
  if (!known) return;
  rack.nodes = arrange(nodes, filters);
  $("nodes").classList.toggle("no-gpus", nodes.every((node) => node.gpus.total === 0));
  $("nodes").classList.toggle("no-reasons", rack.nodes.every((node) => !node.reason && !node.drained_at));
  const longest = rack.nodes.reduce((most, node) => Math.max(most, node.name.length), 0);
  $("nodes").style.setProperty("--name", String(longest));
  rack.draw();
  place.settle(true);
  picture.show(nodes);
  const [shown, total] = [rack.nodes.length, nodes.length];
  $("count").textContent = shown === total ? `${total} ${total === 1 ? "node" : "nodes"}` : `${shown} of ${total} nodes`;
  $("empty").hidden = shown > 0;
  $("empty").textContent = total ? "No nodes match the filters." : "No nodes are known.";
  figures();
}

/** The sums at the top. */
function figures() {
  const sum = (/** @type {(node: Node) => number} */ of) => nodes.reduce((all, node) => all + of(node), 0);
  const total = { total: nodes.length, allocated: sum((node) => Number(node.allocated)) };
  const parts = [figure("Nodes", total)];
  for (const [kind, title] of /** @type {const} */ ([["cores", "Cores"], ["gpus", "GPUs"]])) {
    const count = { total: sum((node) => node[kind].total), allocated: sum((node) => node[kind].allocated) };
    if (!count.total) continue;
    // What is free on a node that is not up is of no use to anybody.
    const free = sum((node) => (node.state === "up" ? node[kind].total - node[kind].allocated : 0));
    parts.push(figure(title, count, `${free.toLocaleString()} free`, "more"));
  }
  $("figures").replaceChildren(...parts);
}

/** Ask for the nodes where something has changed, at most every two seconds and while seen. */
async function refresh() {
  const now = Date.now();
  if (document.hidden || isAsking || now - asked < (isStale ? EVERY : STALE)) return;
  asked = now;
  isStale = false;
  isAsking = true;
  try {
    ({ nodes } = await call("GET", "/v1/resources"));
    known = true;
    $("wrong").hidden = true;
  } catch (problem) {
    isStale = true;
    const why = problem instanceof Error ? problem.message : problem;
    $("wrong").textContent = known ? `The nodes are as they were last known. ${why}` : `${why}`;
    $("wrong").hidden = false;
  } finally {
    isAsking = false;
  }
  show();
}

$("filters").addEventListener("input", () => {
  const form = new FormData(/** @type {HTMLFormElement} */ ($("filters")));
  filters.state = String(form.get("state"));
  filters.text = String(form.get("text"));
  const wanted = Object.entries(filters).filter(([, value]) => value);
  const text = new URLSearchParams(wanted).toString();
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
  $("frame").scrollTop = 0;
  show();
});
$("filters").addEventListener("submit", (event) => event.preventDefault());

const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("jobs", { stream: "jobs", filter: { state: ["RUNNING"] } }, (message) => {
  if (!placed.take(message)) return;
  isStale = true;
  rack.soon();
});
channel.follow("stats", { stream: "stats" }, (message) => {
  const text = JSON.stringify(message["nodes"]);
  if (text !== summary) isStale = true;
  summary = text;
});
watchOn(channel);
show();
refresh();
setInterval(refresh, EVERY / 4);
