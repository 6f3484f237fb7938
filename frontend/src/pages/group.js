/** The page of a group: the numbers of its jobs, renewed while some are active, and their output. */

import { address, call, Problem, session } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import * as status from "../channel/connection_status.js";
import { every } from "../channel/visibility.js";
import { Blocks, MAX_JOBS } from "../job/labeled_output.js";
import { GroupActions } from "../group/group_actions.js";
import { GroupWaits } from "../group/group_waits.js";
import { GroupWatch } from "../group/group_watch.js";
import { fill } from "../job/line_view.js";
import * as neighbors from "../job/neighbors.js";
import * as moments from "../job/timestamps.js";
import { note } from "../table/rows.js";
import { element } from "../ui/element.js";
import { ProgressBar } from "../ui/progress_bar.js";
import { at } from "../ui/root.js";
import { Situation } from "../ui/situation.js";
import { PENDING } from "../ui/states.js";
import { MEDIUM, SHORT, visible } from "../ui/visible.js";
import { list, number, t } from "../ui/words.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two requests for the numbers. */
const EVERY = 2000;
/** Entries that are read in addition to those of the last lines. */
const EXTRA_ENTRIES = 64;
/** Pages of failed jobs that are read, so that each leads to the next. */
const MAX_FAILED_PAGES = 5;
/** Results that a job is marked with. */
const BAD = new Set(["FAILED", "TIMEOUT", "CANCELED"]);

const main = $("content");
/** The jobs that failed, the first one first. @type {string[]} */
let failedJobs = [];
/** True if the link to the first failed job was followed: the list of neighbors then consists of the failed jobs. */
let isToFailed = false;
for (const kind of /** @type {const} */ (["auxclick", "click"])) {
  addEventListener(kind, ({ target }) => (isToFailed = target instanceof Element && target.closest("#first-failed") !== null && failedJobs.length > 0), true);
}
neighbors.remember(
  () => (isToFailed ? failedJobs : neighbors.linked()),
  undefined,
  () => (isToFailed ? "failed" : "all"),
);
const group = encodeURIComponent(main.dataset["group"] ?? "");
const path = `/v1/groups/${group}`;
const bar = new ProgressBar();
const situation = new Situation();
const waits = new GroupWaits($("group-waits"), group, situation);
/** @type {[string, "states" | "results", string[], string][]} */
const columns = JSON.parse(main.dataset["columns"] ?? "[]");
const choice = /** @type {HTMLFormElement} */ ($("choice"));
let isActive = true;
/** @type {number | undefined} */
let failed;
let reading = new AbortController();

async function renew() {
  if (!document.hidden) void nameAgain();
  if (!isActive || document.hidden) return;
  const record = await call("GET", path).catch(() => undefined);
  if (!record) return;
  isActive = record["active"] > 0;
  findFailed((record["results"]["FAILED"] ?? 0) + (record["results"]["TIMEOUT"] ?? 0));
  watch.offer(record["active"]);
  actions.become(record);
  draw(record);
  date(record);
  waits.become(PENDING.reduce((sum, state) => sum + (record["states"][state] ?? 0), 0));
  for (const [index, [, member, names]] of columns.entries()) {
    const count = names.reduce((sum, name) => sum + (record[member][name] ?? 0), 0);
    const link = $("counts").querySelectorAll("dd")[index]?.firstElementChild;
    if (!link || link.textContent === number(count)) continue;
    link.textContent = number(count);
    link.classList.toggle("none", !count);
  }
}

/** Find the jobs that failed, and let the link lead to the first; the page was rendered with it. @param {number} count the jobs that failed */
async function findFailed(count) {
  if (failed === count) return;
  failed = count;
  if (!count) return;
  /** @type {string[]} */
  const found = [];
  let next = "";
  // Pages of the API begin with the newest job, so only the last one has the first job.
  for (let pages = 0; pages < MAX_FAILED_PAGES; pages++) {
    const page = await call("GET", `/v1/jobs?group=${group}&result=FAILED,TIMEOUT&limit=${MAX_JOBS}${next && `&page=${next}`}`).catch(() => undefined);
    if (!page) return;
    found.push(...page["jobs"].map((/** @type {any} */ job) => job["id"]));
    next = page["next"] ?? "";
    if (!next) break;
  }
  const first = found.at(-1);
  if (!first || next) return;
  failedJobs = found.reverse();
  const link = /** @type {HTMLAnchorElement} */ ($("first-failed"));
  link.href = at(`/ui/jobs/${first}`);
  link.hidden = false;
}

/** Draw the bar. @param {any} record */
function draw({ total: count, active, states, results }) {
  const { COMPLETED: completed = 0, FAILED: wrong = 0, TIMEOUT: late = 0, CANCELED: canceled = 0 } = results;
  const running = (states["RUN"] ?? 0) + (states["CLEANUP"] ?? 0);
  const ill = wrong + late;
  bar.show({ count, completed, failed: ill, canceled, running, pending: active - running }, list([t("common.count_completed", { count: completed }), t("common.count_failures", { count: ill })]));
}

/** Renew the number of jobs and the times. @param {any} record */
function date(record) {
  const about = $("group-about");
  const text = t("group.about", { count: record["total"], user: about.dataset["user"] ?? "" });
  if (about.textContent !== text) about.textContent = text;
  for (const it of $("group-times").querySelectorAll("time")) {
    const seconds = record[it.dataset["name"] ?? ""];
    const entry = it.closest("div");
    if (entry) entry.hidden = !seconds;
    if (seconds) it.dataset["at"] = String(seconds);
    else delete it.dataset["at"];
  }
  moments.rewrite();
}

/** The jobs by their IDs, as many as the page shows. @type {Map<string, any>} */
let jobs = new Map();
/** True if the headings lack names that could not be read. */
let isNameless = false;

/** Read the jobs; those that were known stay if they cannot be read. */
async function readJobs() {
  const page = await call("GET", `/v1/jobs?group=${group}&limit=${MAX_JOBS}`).catch(() => undefined);
  isNameless = !page;
  if (page) jobs = new Map(page["jobs"].map((/** @type {any} */ job) => [job["id"], job]));
}

/** Write the headings again once the jobs could be read. */
async function nameAgain() {
  if (!isNameless) return;
  await readJobs();
  if (isNameless) return;
  for (const old of $("jobs-output").querySelectorAll("h3")) old.replaceWith(head(old.dataset["job"] ?? ""));
}

/** @param {string} words */
function say(words) {
  $("said").textContent = words;
}

/**
 * Show the output of each job below its name.
 * @param {Blocks} blocks
 * @param {number} count of the last lines that are shown
 */
function show(blocks, count) {
  const parts = blocks.all.flatMap(({ id, terminal }) => {
    const lines = terminal.lines.slice(-count);
    const screen = element("div", { className: "screen", tabIndex: 0, role: "region", ariaLabel: t("group.output_of", { id }) });
    screen.append(...lines.map((line) => drawn(line, terminal.ranks.size > 1)));
    return lines.length ? [head(id), screen] : [head(id), element("p", { className: "soft", textContent: t("group.no_output_of") })];
  });
  $("jobs-output").replaceChildren(...parts);
}

/** Name a job, and its status if it has not completed. @param {string} id */
function head(id) {
  const record = jobs.get(id) ?? {};
  const { name: plain = "", cc = "", status: state = "", result = "" } = record;
  const given = cc ? t("columns.numbered", { name: plain, number: cc }) : plain;
  const [name, status] = [visible(given, { most: SHORT }), BAD.has(result) ? state : ""];
  const head = element("h3", {});
  head.dataset["job"] = id;
  if (name) head.append(element("span", { className: "name", textContent: name }), " ");
  head.append(element("a", { href: at(`/ui/jobs/${id}`), textContent: id, title: t("group.open_output", { id }) }));
  if (status) {
    const mark = element("span", { className: "status", textContent: status });
    mark.dataset["status"] = status;
    head.append(" ", mark);
    const why = note(record);
    if (why) head.append(" ", element("span", { className: "soft why", textContent: visible(why, { most: MEDIUM }) }));
  }
  return head;
}

/** @param {import("../job/output_lines.js").Line} line @param {boolean} isRanked */
function drawn(line, isRanked) {
  const div = element("div", { className: "line" });
  fill(div, line, [], -1, isRanked);
  return div;
}

/** Read the output so far, as much as the page shows. */
async function read() {
  reading.abort();
  const mine = (reading = new AbortController());
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(choice)) if (value) query.set(name, String(value));
  const tail = Number(query.get("tail"));
  // An entry may be a part of a line.
  if (tail) query.set("tail", String(tail + EXTRA_ENTRIES));
  const blocks = new Blocks();
  say(t("common.reading"));
  try {
    const headers = { ...session.headers, Accept: "application/x-ndjson" };
    const response = await fetch(at(`${path}/output?${query}`), { headers, signal: mine.signal });
    session.note(response.status);
    if (!response.ok) throw new Problem({ status: response.status, ...(await response.json().catch(() => ({}))) });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader?.read(); piece && !piece.done && !blocks.isFull; piece = await reader?.read()) blocks.take(piece.value);
    if (blocks.isFull) mine.abort();
    await readJobs();
    if (mine !== reading) return;
    show(blocks, tail || Infinity);
    say(blocks.isFull ? t("group.is_part") : blocks.all.length ? "" : t([...jobs.values()].some((job) => job["state"] !== "INACTIVE") ? "group.no_output" : "group.no_output_ended"));
  } catch (problem) {
    if (mine !== reading) return;
    say(problem instanceof Error ? problem.message : String(problem));
  }
}

moments.rewrite();
$("progress").append(bar.element);
choice.hidden = false;
choice.addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
choice.addEventListener("change", read);
const channel = new Channel(address);
status.show(channel, $("state"));
const about = { id: main.dataset["group"] ?? "", name: main.dataset["name"] ?? "", situation };
const watch = new GroupWatch(channel, about, () => Boolean(failed), (text) => {
  $("watch-said").hidden = !text;
  $("watch-said").textContent = text;
});
channel.follow("stats", { stream: "stats" }, (message) => {
  situation.take(message);
  waits.draw();
  watch.renew();
});
$("watch").append(watch.element);
const actions = new GroupActions($("group-actions"), about.id, {
  said: (text) => {
    $("actions-said").textContent = text;
  },
  changed: () => {
    isActive = true;
    void renew();
  },
});
channel.addEventListener("state", () => actions.offer());
every(EVERY, renew);
renew();
read();
