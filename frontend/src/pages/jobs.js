/** The page of jobs: the live table, its filters, and what can be done with what is selected. */

import { Actions } from "../table/actions.js";
import { address } from "../ui/api.js";
import { asOf } from "../channel/as_of.js";
import { Channel } from "../channel/channel.js";
import { comparing } from "../compare/compare.js";
import { Charts } from "../charts/charts.js";
import { load } from "../table/column_settings.js";
import { columns } from "../table/columns.js";
import { Values } from "../table/completion.js";
import { FilterBar, problemText } from "../table/filter_bar.js";
import { print } from "../table/filter_query.js";
import { read, refused, test, write } from "../table/filters.js";
import { showColumns } from "../table/fitting_columns.js";
import { Grid } from "../table/grid.js";
import { element, say } from "../ui/element.js";
import { at } from "../ui/root.js";
import { Grouping } from "../table/grouping.js";
import { makeRoom } from "../table/make_room.js";
import { MatchingCounts } from "../table/matching_counts.js";
import { HeldQueues } from "../table/held_queues.js";
import { isNested, NestedRows } from "../table/nested.js";
import { askToResubmit } from "../resubmit/question.js";
import { may } from "../ui/rights.js";
import { Place } from "../table/scroll_position.js";
import { every } from "../channel/visibility.js";
import { watchOn } from "../notify/notify.js";
import { ViewWatch } from "../notify/view_watch.js";
import { leadToRows } from "../table/row_keys.js";
import { Rows } from "../table/rows.js";
import { leadOn } from "../table/past_matches.js";
import { painted } from "../ui/painted.js";
import * as neighbors from "../job/neighbors.js";
import * as status from "../channel/connection_status.js";
import { canShare, shareButton } from "../ui/share.js";
import { atOnce, inSlices } from "../table/slices.js";
import { Strip } from "../table/summary_bar.js";
import { moves } from "../table/view_time.js";
import { downloads, viewMenu } from "../table/view_menu.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { Situation } from "../ui/situation.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two looks at what has changed: more often nobody can read. */
const EVERY = 150;
/** Milliseconds between two looks at which jobs a time before now leaves out. */
const MOVES = 15_000;
/** Rows that are ordered at once. */
const MANY = 5000;
/** Milliseconds between two searches in what waiting jobs are said to wait for. */
const NOTES = 3000;

/** The data that the server wrote into the page: the first jobs, their place, and the number of all. */
const first = JSON.parse($("first").textContent ?? "{}");
const rows = new Rows();
const situation = new Situation();
const COLUMNS = columns(situation);
const channel = new Channel(address);
/** Time stands still in a table that nobody brings news for. */
const now = () => asOf(channel.state);
const nested = new NestedRows(rows.all);
const grid = new Grid(
  $("frame"),
  /** @type {HTMLTableElement} */ ($("jobs")),
  {
    address: (id) => nested.address(id) ?? at(`/ui/jobs/${id}`),
    latest: (row) => (isNested(row) ? nested.latest(row) : rows.all.get(row.id) ?? order.head(row.id) ?? row),
    members: (row) => order.members(row),
    isIn: (row) => order.isOpen(row.group),
    isOpen: (row) => open.has(row.id),
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
/** @type {import("../table/filter_query.js").Filters} */
let filters = {};
/** @type {Set<string>} ids of the groups and jobs that are open */
const open = new Set();
const below = (/** @type {import("../table/rows.js").Row} */ row) => nested.of(row);
let order = new Grouping(() => 0, true, undefined, { isOn: false, open, below });
let arrived = 0;
/** How many jobs there are, while not all have come. */
let total = first.total ?? 0;
let isWhole = false;
/** @type {ViewWatch | undefined} */
let watch;

/** Which arrangement is made; an earlier one is of another view. */
let turn = 0;
let isArranging = false;

/** Order all rows anew: the filters or the order are others. Many rows take some slices of time, and the page answers meanwhile. */
function arrange() {
  const column = COLUMNS.find(({ key }) => key === grid.order.key) ?? COLUMNS[0];
  const at = now();
  const key = (/** @type {import("../table/rows.js").Row} */ row) => column?.sort(row, at) ?? 0;
  // The view of one group shows its jobs.
  const isOn = choice.isGrouped && !filters["group"];
  const next = new Grouping(key, grid.order.down, test(filters, (row) => situation.why(row, at), at), { isOn, open, below });
  const mine = ++turn;
  isArranging = rows.all.size > MANY;
  $("frame").ariaBusy = String(isArranging);
  if (!isArranging) {
    atOnce(filling(next));
    order = next;
    show();
    return;
  }
  // Paint the reaction to the reader first.
  painted().then(() => mine === turn && inSlices(filling(next), () => mine !== turn)).then((isDone) => {
    if (!isDone) return;
    isArranging = false;
    $("frame").ariaBusy = "false";
    order = next;
    for (const [id, before] of rows.settle()) order.change(before, rows.all.get(id));
    order.settle();
    show();
  });
}

/** Order all rows as they are now, step by step. @param {Grouping} next */
function* filling(next) {
  rows.settle();
  yield* next.filling([...rows.all.values()]);
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
  grid.isWhole = isWhole;
  grid.draw();
  const all = rows.all.size;
  const isComplete = isWhole || all >= total;
  const counts = { shown: order.size, count: all };
  if (order.size === all) say($("count"), t(isComplete ? "jobs.count" : "jobs.count_so_far", counts));
  else say($("count"), t(isComplete ? "jobs.shown" : "jobs.shown_so_far", counts));
  const isLoading = !isWhole && all < total;
  $("frame").classList.toggle("loading", isLoading && !order.size);
  $("none").hidden = order.size > 0 || all > 0 || isLoading;
  $("no-match").hidden = order.size > 0 || all === 0 || isLoading;
  if (!$("no-match").hidden) leadOn($("no-match"), filters, rows.all.values());
  $("news").hidden = arrived === 0;
  say($("news"), t("jobs.moved", { count: arrived }));
}

/** Show a sparse column once a job has something for it. */
function discover() {
  if (choice.fill(rows.filled)) showColumns(grid, choice);
}

/** Bring in what has changed. Rows that somebody points at stay where they are, but show what is new. */
function refresh() {
  const held = grid.isHeld && grid.rows.length > 0;
  discover();
  if (isArranging) return;
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
  bar.show(filters);
  strip.press(filters["state"] ?? "");
  matching.count(filters, note, now());
  arrange();
  actions.offer();
  watch?.turn(filters);
}

/** Return the note of a job. @param {import("../table/rows.js").Row} row */
const note = (row) => situation.why(row, now());

/** Offer to tell when jobs end, if there are some that have not. */
function offerWatch() {
  // A watch is of jobs of any time, which the counts are not.
  const isCounted = ["since", "until", "ended", "held"].every((name) => !filters[name]);
  const hasEnded = channel.state.ended !== "";
  watch?.offer(isCounted ? strip.active : undefined, hasEnded || (strip.active === 0 && isWhole), hasEnded);
}

/** Return the active jobs that match, unless there are none. @param {import("../table/filter_query.js").Filters} rest @param {number} [before] the time until which they were submitted */
function active(rest, before = Infinity) {
  const passes = test(rest, note) ?? (() => true);
  const found = [...rows.all.values()].filter((row) => row.state !== "INACTIVE" && !(row.t_submit > before) && passes(row));
  if (!found.length && isWhole) return undefined;
  // While not all rows have come, jobs are meant that are not known yet.
  const until = isWhole ? found.reduce((last, row) => Math.max(last, row.t_submit), 0) : Date.now() / 1000;
  return { ids: found.map((row) => row.id), until, blocked: situation.blocked(found) };
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
  const wrong = refused(filters).map((key) => t("jobs.ignored", { problem: problemText({ key, value: filters[key] ?? "" }) }));
  for (const name of [...refused(filters), ...(first.refused ?? [])]) delete filters[name];
  const sort = query.get("sort") ?? (location.search ? "-id" : choice.sorted);
  grid.order = { key: sort.replace(/^-/, ""), down: sort.startsWith("-") };
  if (!COLUMNS.some(({ key }) => key === grid.order.key)) {
    if (query.has("sort")) wrong.push(t("jobs.no_column", { name: grid.order.key }));
    grid.order = { key: "id", down: true };
  }
  // The service has already reported the filters that it refused.
  if (first.refused?.length) delete first.refused;
  else refuse(wrong);
  showColumns(grid, choice);
}

/** Jobs that have not completed can be resubmitted. @type {import("../table/actions.js").Ended} */
const resubmit = {
  some: "actions.resubmit_some",
  fits: ({ state, result }) => state === "INACTIVE" && result !== "COMPLETED",
  open: (chosen, clear) => askToResubmit(chosen, { changed: clear }),
};
const comparison = comparing({ note, now });
const bar = new FilterBar(/** @type {HTMLFormElement} */ ($("filters")), new Values(() => rows.all.values()));
let typed = false;
bar.addEventListener("change", (event) => {
  const { detail: how } = /** @type {CustomEvent} */ (event);
  filters = Object.fromEntries(Object.entries(bar.filters).filter(([, value]) => value));
  // A step back leads to the view before, but not to each letter typed.
  go(how === "type" && typed ? "replace" : "push");
  typed = how === "type";
});
const strip = new Strip($("strip"), (states) => {
  delete filters["result"];
  bar.put("state", states);
});
const matching = new MatchingCounts(rows, (counts) => {
  // Before the first row, nothing is known of those that match.
  strip.match(counts, isWhole || rows.all.size > 0 || !total);
  offerWatch();
});
const actions = new Actions($("actions"), grid, rows, may("submit") ? [resubmit, comparison] : [comparison]);
channel.addEventListener("state", () => actions.offer());
if (canShare()) {
  const share = shareButton("share jobs", () => `/${location.search}`);
  share.classList.add("quiet");
  share.dataset["icon"] = "share";
  share.replaceChildren(element("span", { className: "words", textContent: t("jobs.share") }));
  $("view-menu").before(share);
}

neighbors.remember(() => grid.ids, () => /** @type {HTMLElement | null} */ (document.querySelector("#jobs tbody tr[data-id]"))?.dataset["id"]);
addEventListener("resize", () => showColumns(grid, choice, false));
viewMenu($("view"), COLUMNS, choice, grid, {
  columns: () => showColumns(grid, choice),
  rows: () => grid.fit(),
  groups: arrange,
}, () => print(filters));
leadToRows(grid);
makeRoom($("frame"), /** @type {HTMLElement} */ (document.querySelector(".tools")));
grid.addEventListener("order", () => {
  showColumns(grid, choice, false);
  go("push");
});
grid.addEventListener("toggle", (event) => {
  order.toggle(/** @type {CustomEvent} */ (event).detail);
  show();
  if (isArranging) arrange();
});
nested.addEventListener("change", () => {
  order.renew();
  grid.rows = order.rows;
  draw();
});

grid.addEventListener("resize", (event) => choice.widen(/** @type {CustomEvent} */ (event).detail));
$("news").addEventListener("click", () => {
  grid.frame.scrollTop = 0;
  show();
  // The button is gone: the keyboard goes on from the top of the table.
  grid.frame.focus({ preventScroll: true });
});

for (const button of document.querySelectorAll(".clear-filters")) {
  button.addEventListener("click", () => {
    filters = {};
    go("push");
    bar.input.focus();
  });
}
addEventListener("popstate", () => {
  place.want();
  follow();
  reflect();
});

downloads($, { jobs: () => order.jobs().map(grid.latest), choice, now });

for (const record of first.jobs ?? []) rows.take({ ...record, type: "job" });
choice.fill(rows.filled);
follow();
reflect();

const held = new HeldQueues($("held"));
const charts = new Charts($("cards"), $("chart"), rows, String(first.cursor ?? "").slice(0, 8));
channel.addEventListener("state", () => {
  if (channel.state.ended) held.end();
});
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
  held.take(message);
  if (message.type === "stats") total = message["total"] ?? total;
});
watch = new ViewWatch(watchOn(channel), filters, active, (text) => {
  $("watch-said").hidden = !text;
  say($("watch-said"), text);
}, () => channel.cursor("jobs"));
$("view-menu").before(watch.element);
every(EVERY, refresh);
every(1000, () => {
  grid.soon();
  actions.offer();
  matching.again(filters, note, now());
  offerWatch();
});
every(NOTES, () => {
  // A note changes with the instance, while its job does not.
  if (filters["text"] && strip.pending && !grid.isHeld && !isArranging) arrange();
  nested.refresh(open);
});
every(MOVES, () => {
  if (["since", "until", "ended"].some((name) => moves(filters[name] ?? "")) && !grid.isHeld) arrange();
});
