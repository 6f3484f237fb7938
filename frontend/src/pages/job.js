/** The page of one job: the service renders its record and events; its output is drawn as it comes. */

import { offerLink } from "../ui/clipboard.js";
import { address, call } from "../ui/api.js";
import { asOf, canChange } from "../channel/as_of.js";
import { Channel } from "../channel/channel.js";
import { Comparison } from "../job/comparison.js";
import * as copy from "../job/copy.js";
import { JobActions, isPending } from "../job/job_actions.js";
import * as neighbors from "../job/neighbors.js";
import * as moments from "../job/timestamps.js";
import { Output } from "../job/output.js";
import { nameKept } from "../job/output_download.js";
import { Terminal } from "../job/output_lines.js";
import { Said } from "../job/said.js";
import { LivePart } from "../ui/live_part.js";
import { canShare, shareButton } from "../ui/share.js";
import { every } from "../channel/visibility.js";
import { watchButton, watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";
import { tick, tickLimit } from "../job/timeline.js";
import { unbroken } from "../ui/options.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two requests for a part of the page, at least. */
const PART_MS = 1000;
/** Lines on stderr among which the last one with a text is looked for. */
const LAST_LINES = 5;
/** Milliseconds between two questions why the job waits. */
const REASON_MS = 2000;
/** Milliseconds between two looks at the jobs that this one waits for, and that wait for it. */
const LINKS_MS = 4000;
/** Milliseconds after which the times of an active job are compared again. */
const COMPARED_MS = 60_000;
/** Milliseconds after which an event without index is looked for once more: it may not be stored yet. */
const STORED_MS = 1500;

const start = JSON.parse($("start").textContent ?? "{}");
const job = /** @type {string} */ (start.id);
/** @type {Record<string, any>} */
let record = start;
let gone = false;
/** True if the last line on stderr may be before the present lines. */
let isErrorWanted = false;
/** Index of the last event that the channel told of. */
let last = -1;
const said = new Said($("said"));
const actions = new JobActions($("job-actions"), said);
if (canShare()) $("job-actions").after(shareButton(`share ${job}`, () => `/ui/jobs/${job}`));

const comparison = new Comparison($("comparison"), job);

/**
 * Return a part of the page that changes with the job; the title also tells of its end in a tab
 * that nobody sees.
 * @param {"record" | "events" | "resources" | "links" | "kept"} name @param {() => void} [drawn]
 */
function part(name, drawn) {
  const fresh = (/** @type {Document} */ it) => {
    moments.rewrite(it);
    document.title = it.title;
  };
  return new LivePart(() => `/ui/jobs/${job}?part=${name}`, { fresh, drawn: () => drawn?.(), pauseMs: PART_MS, isAskedUnseen: true });
}

const recordPart = part("record", show);
const eventsPart = part("events", () => {
  showError();
  // The journal tells of an event before it is stored; without the next index, the eventlog could not be read.
  const { next } = $("eventlog").dataset;
  if (next === undefined || last >= Number(next)) eventsPart.want();
});
const resourcesPart = part("resources", wantResources);

const linksPart = part("links");
// The history may have kept less of the output than the page has.
const keptPart = part("kept", () => {
  if (!$("omitted").hidden) nameKept(whole);
});

/** Show what the service does not render: what grows with the clock, and that the job is gone. */
function show() {
  $("purged").hidden = !gone;
  if (gone && !start.keeps_history) $("status").textContent = "PURGED";
  tick($("timeline"), asOf(channel.state));
  tickLimit($("limit"), asOf(channel.state));
}

/** Show the last line on stderr of a job that failed, which most often says why, unless an exception says it. */
function showError() {
  const line = $("error-line").textContent ?? "";
  $("error").hidden = record["result"] !== "FAILED" || !line || ($("exception-list").textContent ?? "").includes(line);
}

/** Ask for the last line on stderr of a job that failed, if what it wrote after that fills the page. */
async function wantError() {
  if (!isErrorWanted || record["result"] !== "FAILED" || $("error-line").textContent) return;
  isErrorWanted = false;
  const { Output: lines = [] } = await call("GET", `/v1/jobs/${job}/output?stream=stderr&tail=${LAST_LINES}`).catch(() => ({}));
  const terminal = new Terminal();
  terminal.take({ stream: "stderr", data: lines.join("\n") });
  if (terminal.lastError) tellError(terminal.lastError);
}

/** @param {string} line */
function tellError(line) {
  $("error-line").textContent = visible(line, { most: MEDIUM });
  showError();
}

/** Ask for the resources once they are known. */
function wantResources() {
  if (!gone && record["ranks"] !== undefined && !("known" in $("R-text").dataset)) resourcesPart.want();
}

/** Offer to tell of the end while there is one to come. */
function offerWatch() {
  watch.element.hidden = gone || record["state"] === "INACTIVE";
}

/** @param {Record<string, any>} newer */
function become(newer) {
  gone = false;
  record = newer;
  said.become(record);
  output.become({ isPending: isPending(record), isOver: record["state"] === "INACTIVE", hasRun: "t_run" in record });
  actions.offer(record, gone);
  offerWatch();
  recordPart.want();
  wantResources();
  showError();
  wantError();
  if (start.keeps_history) comparison.want(record["state"]);
}

function lose() {
  gone = true;
  said.tell("");
  actions.offer(record, gone);
  offerWatch();
  show();
  if (start.keeps_history) keptPart.want();
}

moments.rewrite();
$("timeline").after(moments.choice());
const filter = { id: [job] };
const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("job", { stream: "jobs", filter }, (message) => {
  if (message.type === "job" && message["id"] === job) become(message);
  else if (message.type === "snapshot") {
    const found = message["jobs"].find((/** @type {any} */ other) => other.id === job);
    if (found) become(found);
    else lose();
  } else if (message.type === "gone") lose();
});
channel.follow(
  "events",
  { stream: "events", filter },
  (message) => {
    if (message.type === "event") {
      if (message["index"] === undefined) setTimeout(() => eventsPart.want(), STORED_MS);
      else last = Math.max(last, message["index"]);
    } else if (message.type === "reset") last = -1;
    if (message.type === "event" || message.type === "reset") eventsPart.want();
  },
  start.cursor,
);
channel.addEventListener("state", () => actions.offer(record, gone));
actions.offer(record, gone);
show();
if ($("eventlog").dataset["next"] === undefined) eventsPart.want();
copy.offer(said);
offerLink($("copy-link"), () => location.origin + location.pathname + location.hash, said);
const whole = /** @type {HTMLAnchorElement} */ ($("whole"));
const output = new Output({ screen: $("screen"), tools: $("output-tools"), foot: $("output-foot"), said: $("output-said"), whole }, channel, job, {
  ntasks: record["ntasks"] ?? start.ntasks ?? 1,
  waiting: (isWaiting) => $("output").classList.toggle("waiting", isWaiting),
  short: (isShort) => $("output").classList.toggle("short", isShort),
  full: (isFull) => $("output").classList.toggle("full", isFull),
  memory: (message) => {
    $("memory").hidden = false;
    const text = t("job.memory", { message: visible(message) });
    if ($("memory").textContent !== text) $("memory").textContent = text;
  },
  error: (line) => {
    isErrorWanted = line === undefined;
    if (line !== undefined) tellError(line);
    else wantError();
  },
});
output.become({ isPending: isPending(record), isOver: record["state"] === "INACTIVE", hasRun: "t_run" in record });
addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) output.tools.leaveFull();
});
const watch = watchButton(
  watchOn(channel),
  { off: t("group.watch"), on: t("group.watched") },
  {
    key: () => `job ${job}`,
    make: () => ({ kind: "job", key: `job ${job}`, id: job, title: record["name"] ? t("job.title_named", { id: job, name: record["name"] }) : t("job.title", { id: job }) }),
  },
  (text) => said.tell(text, ({ state }) => state !== undefined && !isPending({ state })),
  // The page says why it waits, and a promise that may not come true soon says it, too.
  () => (isPending(record) ? t("job.told_waiting", { why: $("outcome").textContent ?? "" }) : ""),
);
$("job-actions").after(watch.element);
offerWatch();
every(REASON_MS, () => {
  // Why it waits changes with the queue and the nodes, and no stream of jobs tells of it.
  if (!gone && canChange() && ["DEPEND", "PRIORITY", "SCHED"].includes(record["state"])) recordPart.want();
});
if (start.keeps_history) {
  comparison.want(record["state"]);
  every(COMPARED_MS, () => {
    if (record["state"] !== "INACTIVE") comparison.renew(record["state"]);
  });
}
// No stream of this job reports what other jobs do.
every(LINKS_MS, () => {
  if (!gone && record["uri"] && record["state"] !== "INACTIVE" && canChange()) recordPart.want();
  if (!gone && !$("links").hidden && canChange()) linksPart.want();
});
// A command that is cut opens when it is focused, by a tap or the keyboard.
const command = document.getElementById("command");
command?.replaceChildren(...unbroken(command.textContent ?? ""));
if (command) {
  new ResizeObserver(() => {
    if (command === document.activeElement) return;
    if (command.scrollHeight > command.clientHeight) command.tabIndex = 0;
    else command.removeAttribute("tabindex");
  }).observe(command);
}
neighbors.show(job, $);
every(1000, show);
