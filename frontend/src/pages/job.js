/** The page of one job: its record, events and output, each as it changes. */

import { address, call } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import * as copy from "../job/copy.js";
import { Deeds } from "../job/job_actions.js";
import * as eventlog from "../job/eventlog.js";
import * as facts from "../job/facts.js";
import { element } from "../ui/element.js";
import * as moments from "../job/timestamps.js";
import { outcome } from "../ui/outcome.js";
import { Output } from "../job/output.js";
import { attend } from "../channel/visibility.js";
import * as status from "../channel/connection_status.js";
import * as timeline from "../job/timeline.js";
import { escaped, SHORT, visible } from "../ui/visible.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds before what could not be fetched is asked for again. */
const AGAIN = 2000;

/** Milliseconds between two questions why the job waits. */
const REASON = 2000;

const first = JSON.parse($("first").textContent ?? "{}");
const job = /** @type {string} */ (first.record.id);
/** @type {Record<string, any>} */
let record = first.record;
let gone = false;
const log = new eventlog.Eventlog();
const deeds = new Deeds($("deeds"), tell);

/** @param {string} text */
function tell(text) {
  $("said").textContent = text;
}

/** @param {HTMLElement} where @param {string} text */
function set(where, text) {
  if (where.textContent !== text) where.textContent = text;
}

function show() {
  const now = Date.now() / 1000;
  const name = visible(record["name"] || job, { most: SHORT });
  document.title = `${record["status"]} · ${name} · fluxapi`;
  set($("name"), name);
  set($("status"), gone ? "PURGED" : record["status"]);
  $("status").dataset["status"] = record["status"];
  const said = visible(outcome(record));
  set($("outcome"), gone ? `${said}. Flux has purged the job since.` : said);
  timeline.draw($("timeline"), record, now);
  facts.draw($("facts"), record);
  deeds.offer(record, gone);
  showExceptions();
}

function showExceptions() {
  const found = eventlog.exceptions(record, log.entries);
  $("exceptions").hidden = !found.length;
  $("exception-list").replaceChildren(
    ...found.map(({ type, note, severity }) => {
      const line = element("li", {});
      line.append(element("b", { textContent: type }));
      if (severity) line.append(element("span", { className: "soft", textContent: ` (severity ${severity})` }));
      if (note) line.append(`: ${note}`);
      return line;
    }),
  );
}

function showEvents() {
  const note = $("events-note");
  note.hidden = log.skipped === 0;
  set(note, `The ${log.skipped} events before these are left out.`);
  eventlog.draw($("events"), log, record["t_submit"] ?? log.entries[0]?.timestamp ?? 0);
  showExceptions();
}

/** @type {eventlog.Entry[]} events that came while the eventlog is being fetched */
let waiting = [];
let isFetching = false;

/** Something is missing: fetch the whole eventlog. */
async function refetch() {
  if (isFetching || gone) return;
  isFetching = true;
  try {
    log.fill(await call("GET", `/v1/jobs/${job}/eventlog`), 0);
  } catch {
    setTimeout(refetch, AGAIN);
    return;
  } finally {
    isFetching = false;
  }
  const late = waiting;
  waiting = [];
  for (const [at, entry] of late.entries()) {
    if (log.take(entry)) continue;
    waiting = late.slice(at);
    setTimeout(refetch, AGAIN);
    break;
  }
  showEvents();
}

/** @param {eventlog.Entry} entry */
function take(entry) {
  if (waiting.length || isFetching) waiting.push(entry);
  else if (log.take(entry)) showEvents();
  else {
    waiting.push(entry);
    refetch();
  }
}

let hasR = $("granted-rows").childElementCount > 0;
let asksR = false;

/** The resources are known some time after the page was made, if it was made before. */
async function fetchR() {
  if (hasR || asksR || record["ranks"] === undefined) return;
  asksR = true;
  try {
    const R = await call("GET", `/v1/jobs/${job}/R`);
    hasR = true;
    set($("R-text"), escaped(JSON.stringify(R, null, 2)));
    $("granted").hidden = false;
    $("granted-rows").replaceChildren(
      ...facts.granted(R).map((cells) => {
        const row = element("tr", {});
        row.append(...cells.map((textContent) => element("td", { textContent })));
        return row;
      }),
    );
  } catch {
    setTimeout(fetchR, AGAIN);
  }
  asksR = false;
}

/** @param {Record<string, any>} newer */
function become(newer) {
  gone = false;
  record = newer;
  show();
  fetchR();
  fetchReason();
}

/** Whether the job waits for something. */
const isPending = () => !gone && ["DEPEND", "PRIORITY", "SCHED"].includes(record["state"]);

/** Ask why the job waits: that changes with the queue and the nodes, and no stream of jobs tells of it. */
async function fetchReason() {
  if (!isPending()) return;
  const { revision } = record;
  try {
    const { reason } = await call("GET", `/v1/jobs/${job}`);
    if (record["revision"] !== revision || record["reason"] === reason) return;
    record = { ...record, reason };
    show();
  } catch {
    // Asked again.
  }
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

function lose() {
  gone = true;
  show();
}

channel.follow(
  "events",
  { stream: "events", filter },
  (message) => {
    if (message.type === "event") take(/** @type {any} */ (message));
    else if (message.type === "reset") refetch();
  },
  first.cursor,
);
if (first.events) {
  log.fill(first.events, first.skipped, first.next);
  showEvents();
} else refetch();
show();
copy.offer(tell);
const whole = /** @type {HTMLAnchorElement} */ ($("whole"));
new Output({ screen: $("screen"), tools: $("output-tools"), said: $("output-said"), whole }, channel, job, (message) => {
  $("memory").hidden = false;
  set($("memory"), `Memory ran out: ${visible(message)}`);
});
attend(channel);
setInterval(() => {
  if (!document.hidden) fetchReason();
}, REASON);
setInterval(() => {
  if (!document.hidden && record["state"] !== "INACTIVE") timeline.draw($("timeline"), record, Date.now() / 1000);
}, 1000);
