/** The page of jobs: the live table, its filters, and what can be done with what is selected. */

import { address } from "../api.js";
import { Channel } from "../channel.js";
import { COLUMNS } from "../columns.js";
import { read, test, write } from "../filters.js";
import { Grid } from "../grid.js";
import { Order } from "../order.js";
import { Rows } from "../rows.js";
import { attend, every } from "../presence.js";
import * as status from "../status.js";
import { Strip } from "../strip.js";
import * as actions from "../actions.js";
import { choose, load } from "../choice.js";
import { Charts } from "../charts.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two looks at what has changed: more often nobody can read. */
const EVERY = 150;

const rows = new Rows();
const grid = new Grid(
  $("frame"),
  /** @type {HTMLTableElement} */ ($("jobs")),
  (id) => `/ui/jobs/${id}`,
  (row) => rows.all.get(row.id) ?? row,
);
const query = new URLSearchParams(location.search);
let filters = read(query);
const sort = query.get("sort");
if (sort) grid.order = { key: sort.replace(/^-/, ""), down: sort.startsWith("-") };
let order = new Order(() => 0, true, undefined);
let arrived = 0;

/** Order all rows anew: the filters or the order are others. */
function arrange() {
  const column = COLUMNS.find(({ key }) => key === grid.order.key) ?? COLUMNS[0];
  const now = Date.now() / 1000;
  order = new Order((it) => column?.sort(it, now) ?? 0, grid.order.down, test(filters));
  rows.settle();
  order.fill(rows.all.values());
  show();
}

/** Show the rows as they are ordered now. */
function show() {
  grid.rows = order.rows;
  arrived = 0;
  draw();
}

function draw() {
  grid.draw();
  const total = rows.all.size;
  const jobs = total === 1 ? "job" : "jobs";
  $("count").textContent =
    order.rows.length === total ? `${total} ${jobs}` : `${order.rows.length} of ${total} ${jobs}`;
  $("empty").hidden = grid.rows.length > 0;
  $("empty").textContent = total ? "No job passes the filters." : "There are no jobs yet.";
  $("news").hidden = arrived === 0;
  $("news").textContent = `Show ${arrived} ${arrived === 1 ? "change" : "changes"} of order`;
}

/** Bring in what has changed. Rows that somebody points at stay where they are, but show what is new. */
function refresh() {
  const held = grid.isHeld && grid.rows.length > 0;
  if (!rows.changed.size && (held || !arrived)) return;
  if (held && grid.rows === order.rows) grid.rows = order.rows.slice();
  for (const [id, before] of rows.settle()) {
    if (order.change(before, rows.all.get(id))) arrived++;
  }
  if (held) draw();
  else show();
}

function go() {
  const text = write(filters, grid.order);
  history.replaceState(null, "", text ? `?${text}` : location.pathname);
  for (const field of document.querySelectorAll("#filters [name]")) {
    const input = /** @type {HTMLInputElement} */ (field);
    if (document.activeElement !== input) input.value = filters[/** @type {"user"} */ (input.name)] ?? "";
  }
  for (const link of document.querySelectorAll("a[data-download]")) {
    /** @type {HTMLAnchorElement} */ (link).href = `/v1/jobs?${text}`;
  }
  strip.press(filters.state ?? filters.result ?? "");
  arrange();
}

const strip = new Strip($("strip"), (field, value) => {
  const { state: _state, result: _result, ...rest } = filters;
  filters = value ? { ...rest, [field]: value } : rest;
  go();
});

const choice = load(COLUMNS);
grid.setColumns(choice.columns, choice.widths);
choose($("columns"), COLUMNS, choice, () => grid.setColumns(choice.columns, choice.widths));
grid.addEventListener("order", () => {
  grid.setColumns(choice.columns, choice.widths);
  go();
});
grid.addEventListener("resize", (event) => choice.widen(/** @type {CustomEvent} */ (event).detail));
grid.addEventListener("selection", () => actions.offer($("actions"), grid, rows));
$("news").addEventListener("click", () => {
  show();
  grid.frame.scrollTop = 0;
});
$("filters").addEventListener("input", (event) => {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const { [/** @type {"user"} */ (input.name)]: _gone, ...rest } = filters;
  filters = input.value ? { ...rest, [input.name]: input.value } : rest;
  go();
});
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("csv").addEventListener("click", () => actions.download("jobs.csv", "text/csv", actions.csv(order.rows, choice.columns)));
$("json").addEventListener("click", () => actions.download("jobs.json", "application/json", JSON.stringify(order.rows, null, 1)));

// What the server has written into the page is there until the channel brings all.
const first = JSON.parse($("first").textContent ?? "[]");
for (const record of first) rows.take({ ...record, type: "job" });
go();

const charts = new Charts(/** @type {HTMLDetailsElement} */ ($("charts")), rows);
const channel = new Channel(address);
status.show(channel, $("state"));
function follow() {
  channel.follow("jobs", { stream: "jobs" }, (message) => {
    charts.note(message);
    rows.take(message);
    if (rows.agrees) return;
    // Proof that something was missed: begin anew.
    rows.agrees = true;
    channel.leave("jobs");
    follow();
  });
}
follow();
channel.follow("stats", { stream: "stats" }, (message) => {
  strip.take(message);
  charts.take(message);
});
attend(channel);
every(EVERY, refresh);
every(1000, () => grid.soon());
