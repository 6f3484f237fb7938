/** The page of jobs: the live table, its filters, and what can be done with what is selected. */

import { Actions, jobs } from "../table/actions.js";
import { address } from "../ui/api.js";
import { asOf } from "../channel/as_of.js";
import { Channel } from "../channel/channel.js";
import { Charts } from "../charts/charts.js";
import { choose, load } from "../table/column_settings.js";
import { columns } from "../table/columns.js";
import * as download from "../table/download.js";
import { read, refused, test, write } from "../table/filters.js";
import { Grid } from "../table/grid.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { Grouping } from "../table/grouping.js";
import { Place } from "../table/scroll_position.js";
import { every } from "../channel/visibility.js";
import { watchButton, watchOn } from "../notify/notify.js";
import { Rows } from "../table/rows.js";
import * as neighbors from "../job/neighbors.js";
import * as status from "../channel/connection_status.js";
import { canShare, shareButton } from "../ui/share.js";
import { Strip } from "../table/summary_bar.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { Situation } from "../ui/situation.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two looks at what has changed: more often nobody can read. */
const EVERY = 150;
/** Milliseconds after which what was typed is taken for what is meant. */
const TYPED = 120;
/** Milliseconds between two searches in what waiting jobs are said to wait for. */
const NOTES = 3000;

/** What the server wrote into the page: the first jobs, where they stand, how many there are in all. */
const first = JSON.parse($("first").textContent ?? "{}");
const rows = new Rows();
const situation = new Situation();
const COLUMNS = columns(situation);
const channel = new Channel(address);
/** Time stands still in a table that nobody brings news for. */
const now = () => asOf(channel.state);
const grid = new Grid(
  $("frame"),
  /** @type {HTMLTableElement} */ ($("jobs")),
  {
    address: (id) => at(`/ui/jobs/${id}`),
    latest: (row) => rows.all.get(row.id) ?? order.head(row.id) ?? row,
    members: (row) => order.members(row),
    isIn: (row) => order.isOpen(row.group),
  },
  now,
);
const choice = load(COLUMNS);
const place = new Place({
  frame: grid.frame,
  height: () => grid.rowHeight,
  id: (index) => grid.rows[index]?.id,
  find: (id) => grid.rows.findIndex((row) => row.id === id),
});
/** @type {import("../table/filters.js").Filters} */
let filters = {};
/** @type {Set<string>} ids of the groups that are open */
const open = new Set();
let order = new Grouping(() => 0, true, undefined, { isOn: false, open });
let arrived = 0;
/** How many jobs there are, while not all have come. */
let total = first.total ?? 0;
let isWhole = false;
/** @type {ReturnType<typeof watchButton> | undefined} */
let watch;

/** Order all rows anew: the filters or the order are others. */
function arrange() {
  const column = COLUMNS.find(({ key }) => key === grid.order.key) ?? COLUMNS[0];
  const at = now();
  const key = (/** @type {import("../table/rows.js").Row} */ row) => column?.sort(row, at) ?? 0;
  // The view of one group shows its jobs.
  const isOn = choice.isGrouped && !filters["group"];
  order = new Grouping(key, grid.order.down, test(filters, (row) => situation.why(row, at)), { isOn, open });
  rows.settle();
  order.fill(rows.all.values());
  show();
}

/** Show the rows as they are ordered now. */
function show() {
  grid.rows = order.rows;
  arrived = 0;
  draw();
  // Until all have come, rows that are yet to come may have to go above it.
  place.settle(isWhole);
}

function draw() {
  grid.count = order.size;
  grid.draw();
  $("grouped").hidden = choice.isGrouped && !order.hasGroups;
  const all = rows.all.size;
  const shown = order.size === all ? jobs(all) : `${order.size.toLocaleString()} of ${jobs(all)}`;
  say($("count"), isWhole || all >= total ? shown : `${shown} so far`);
  $("empty").hidden = grid.rows.length > 0;
  say($("empty"), all ? "No jobs match the filters." : isWhole || !total ? "There are no jobs yet." : "Loading jobs …");
  $("news").hidden = arrived === 0;
  say($("news"), `Show ${arrived.toLocaleString()} ${arrived === 1 ? "change" : "changes"} of order`);
}

/** @param {HTMLElement} where @param {string} text */
function say(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

/** Show a sparse column once a job has something for it. */
function discover() {
  if (choice.fill(rows.filled)) grid.setColumns(choice.columns, choice.widths);
}

/** Bring in what has changed. Rows that somebody points at stay where they are, but show what is new. */
function refresh() {
  const held = grid.isHeld && grid.rows.length > 0;
  discover();
  if (!rows.changed.size && (held || !arrived)) return;
  if (held && grid.rows === order.rows) grid.rows = order.rows.slice();
  for (const [id, before] of rows.settle()) {
    if (order.change(before, rows.all.get(id))) arrived++;
  }
  arrived += order.settle();
  if (held) draw();
  else show();
}

/** Make the address that of the view; a step back leads to the view before, but not to each letter typed.
 * @param {"push" | "replace"} how
 */
function go(how) {
  const text = write(filters, grid.order);
  const where = text ? `?${text}` : location.pathname;
  if (where !== (location.search || location.pathname)) {
    place.keep();
    history[`${how}State`](null, "", where);
  }
  choice.sort(grid.order);
  $("refused").hidden = true;
  reflect();
}

/** Show what the filters are, and what passes them. */
function reflect() {
  $("watch-said").hidden = true;
  for (const field of document.querySelectorAll("#filters [name]")) {
    const input = /** @type {HTMLInputElement | HTMLSelectElement} */ (field);
    const value = filters[/** @type {"user"} */ (input.name)] ?? "";
    if (document.activeElement === input && input instanceof HTMLInputElement) continue;
    if (input instanceof HTMLSelectElement && ![...input.options].some((it) => it.value === value)) {
      // An address may name several.
      input.add(new Option(value.replaceAll(",", " or "), value));
    }
    input.value = value;
  }
  const behind = document.querySelectorAll("#more-filters [name]");
  let active = 0;
  for (const field of behind) {
    const isSet = Boolean(filters[/** @type {"user"} */ (field.getAttribute("name"))]);
    active += Number(isSet);
    field.toggleAttribute("data-set", isSet);
  }
  say($("unfold"), active ? `Filters (${active})` : "Filters");
  strip.press(filters.state ?? filters.result ?? "");
  arrange();
  actions.offer();
  watch?.draw();
}

/** Return the filters but those of the state, which changes until the jobs end. */
function watched() {
  const { state: _state, result: _result, ...rest } = filters;
  return rest;
}

/** @param {import("../table/filters.js").Filters} rest */
const watchKey = (rest) => `filter ${write(rest, { key: "id", down: true })}`;

/** Return the watch of the jobs that match, in whatever state, or why there is nothing to watch. */
function wanted() {
  const rest = watched();
  const passes = test(rest, (row) => situation.why(row, now())) ?? (() => true);
  const active = [...rows.all.values()].filter((row) => row.state !== "INACTIVE" && passes(row)).map((row) => row.id);
  if (!active.length && isWhole) return "No matching job is active.";
  const names = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  return {
    kind: /** @type {const} */ ("filter"),
    key: watchKey(rest),
    title: names.length ? `Jobs with ${names.join(", ")}` : "All jobs",
    filters: rest,
    active,
  };
}

/** Say what of the address makes no sense. @param {string[]} wrong */
function refuse(wrong) {
  const where = $("refused");
  where.replaceChildren(...wrong.map((text) => element("p", { textContent: visible(text, { most: MEDIUM }) })));
  where.hidden = !wrong.length;
}

/** Become the view that the address says. */
function follow() {
  const query = new URLSearchParams(location.search);
  filters = read(query);
  const wrong = refused(filters).map((name) => `The filter ${name}=${filters[name]} is ignored: there is no such ${name}.`);
  for (const name of [...refused(filters), ...(first.refused ?? [])]) delete filters[/** @type {"state"} */ (name)];
  const sort = query.get("sort") ?? (location.search ? "-id" : choice.sorted);
  grid.order = { key: sort.replace(/^-/, ""), down: sort.startsWith("-") };
  if (!COLUMNS.some(({ key }) => key === grid.order.key)) {
    if (query.has("sort")) wrong.push(`There is no column ${grid.order.key} to sort by.`);
    grid.order = { key: "id", down: true };
  }
  // What the service refused it has said already.
  if (first.refused?.length) delete first.refused;
  else refuse(wrong);
  grid.setColumns(choice.columns, choice.widths);
}

const strip = new Strip($("strip"), (field, value) => {
  const { state: _state, result: _result, ...rest } = filters;
  filters = value ? { ...rest, [field]: value } : rest;
  go("push");
});
const actions = new Actions($("actions"), grid, rows);
channel.addEventListener("state", () => actions.offer());
if (canShare()) $("json").after(shareButton("share jobs", () => `/${location.search}`));

choose($("columns"), COLUMNS, choice, () => grid.setColumns(choice.columns, choice.widths));
neighbors.remember(() => grid.ids, () => /** @type {HTMLElement | null} */ (document.querySelector("#jobs tbody tr[data-id]"))?.dataset["id"]);
grid.addEventListener("order", () => {
  grid.setColumns(choice.columns, choice.widths);
  go("push");
});
grid.addEventListener("toggle", (event) => {
  order.toggle(/** @type {CustomEvent} */ (event).detail);
  show();
});
$("grouped").addEventListener("click", () => {
  choice.group(!choice.isGrouped);
  press();
  arrange();
});
press();

/** Show whether groups are rows. */
function press() {
  $("grouped").setAttribute("aria-pressed", String(choice.isGrouped));
}

grid.addEventListener("resize", (event) => choice.widen(/** @type {CustomEvent} */ (event).detail));
$("news").addEventListener("click", () => {
  grid.frame.scrollTop = 0;
  show();
  // The button is gone: the keyboard goes on from the top of the table.
  grid.frame.focus({ preventScroll: true });
});

/** @type {ReturnType<typeof setTimeout> | undefined} */
let typing;
let typed = "";
$("filters").addEventListener("input", (event) => {
  const input = /** @type {HTMLInputElement} */ (event.target);
  const { [/** @type {"user"} */ (input.name)]: _gone, ...rest } = filters;
  filters = input.value ? { ...rest, [input.name]: input.value } : rest;
  clearTimeout(typing);
  typing = setTimeout(() => {
    go(typed === input.name ? "replace" : "push");
    typed = input.name;
  }, TYPED);
});
$("filters").addEventListener("focusout", () => (typed = ""));
$("filters").addEventListener("submit", (event) => event.preventDefault());
$("unfold").addEventListener("click", ({ currentTarget: button }) => {
  const it = /** @type {HTMLElement} */ (button);
  it.setAttribute("aria-expanded", String(it.getAttribute("aria-expanded") !== "true"));
});
addEventListener("popstate", () => {
  place.want();
  follow();
  reflect();
});

for (const kind of /** @type {const} */ (["csv", "json"])) {
  $(kind).addEventListener("click", async (event) => {
    const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    const view = order.jobs().map(grid.latest);
    const form = kind === "csv" ? download.csv(choice.columns, now()) : download.json(now());
    download.save(`jobs.${kind}`, kind === "csv" ? "text/csv" : "application/json", await download.write(view, form));
    button.removeAttribute("aria-busy");
  });
}

for (const record of first.jobs ?? []) rows.take({ ...record, type: "job" });
choice.fill(rows.filled);
follow();
reflect();

const charts = new Charts(/** @type {HTMLDetailsElement} */ ($("charts")), rows, String(first.cursor ?? "").slice(0, 8));
status.show(channel, $("state"));
let isChecked = true;

/** Hold all jobs: those of the page and what changed since, or all anew. @param {string} [cursor] */
function hold(cursor) {
  channel.follow("jobs", { stream: "jobs" }, (message) => {
    charts.note(message);
    rows.take(message);
    if (message.type !== "bookmark") return;
    isWhole = true;
    place.settle(!rows.changed.size);
    if (rows.agrees) {
      isChecked = true;
      return;
    }
    // Proof that something was missed: begin anew, once at a time.
    rows.agrees = true;
    if (!isChecked) return;
    isChecked = false;
    channel.leave("jobs");
    hold();
  }, cursor);
}
hold(first.whole ? first.cursor : undefined);
channel.follow("stats", { stream: "stats" }, (message) => {
  strip.take(message);
  charts.take(message);
  situation.take(message);
  if (message.type === "stats") total = message["total"] ?? total;
});
watch = watchButton(watchOn(channel), "Tell me when they end", { key: () => watchKey(watched()), make: wanted }, (text) => {
  $("watch-said").hidden = !text;
  say($("watch-said"), text);
});
// Where there is little room, the button has the first words only.
watch.element.ariaLabel = watch.element.title = "Tell me when they end";
watch.element.replaceChildren("Tell me", element("span", { className: "wide", textContent: " when they end" }));
$("csv").before(watch.element);
every(EVERY, refresh);
every(1000, () => {
  grid.soon();
  actions.offer();
});
every(NOTES, () => {
  // A note changes with the instance, while its job does not.
  if (filters.text && strip.pending && !grid.isHeld) arrange();
});
