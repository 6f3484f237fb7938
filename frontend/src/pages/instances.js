/** The page of the tree of instances: the service renders it, and the stream of the tree keeps it current. */

import { address, ahead } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { every } from "../channel/visibility.js";
import { watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";
import { Tree } from "../instances/tree.js";
import { row } from "../instances/tree_row.js";
import { element } from "../ui/element.js";
import { morph } from "../ui/morph.js";

/** Milliseconds between two looks for changes, and between two renewals of the run times. */
const DRAW_MS = 250;
const TICK_MS = 1000;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const table = $("instances");
/** @type {import("../instances/tree_row.js").Column[]} */
const columns = JSON.parse(table.dataset["columns"] ?? "[]");
const limit = Number(table.dataset["limit"]);

const tree = new Tree();
let drawn = 0;

function draw() {
  // The rows that the service has rendered stay until all instances are here.
  if (!tree.isComplete) return;
  const isDue = tree.hasChanged || Date.now() - drawn >= TICK_MS;
  if (!isDue) return;
  tree.hasChanged = false;
  drawn = Date.now();
  const body = element("tbody", { id: "tree" });
  body.setAttribute("role", "rowgroup");
  const now = drawn / 1000 + ahead;
  body.append(...tree.sorted().map((record) => row(record, columns, now)));
  morph($("tree"), body);
  $("truncated").hidden = tree.size < limit;
  $("alone").hidden = tree.size !== 1;
}

const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("tree", { stream: "instances" }, (message) => tree.take(message));
watchOn(channel);
every(DRAW_MS, draw);
document.addEventListener("visibilitychange", draw);
