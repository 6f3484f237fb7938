/** The page of a group: the numbers of its jobs, renewed while some are active, and their output. */

import { address, call, Problem, session } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import * as status from "../channel/connection_status.js";
import { attend, every } from "../channel/visibility.js";
import { Blocks } from "../job/labeled_output.js";
import * as moments from "../job/timestamps.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { visible } from "../ui/visible.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds between two requests for the numbers. */
const EVERY = 2000;

const main = $("content");
const path = `/v1/groups/${encodeURIComponent(main.dataset["group"] ?? "")}`;
/** @type {[string, "states" | "results", string[], string][]} */
const columns = JSON.parse(main.dataset["columns"] ?? "[]");
const choice = /** @type {HTMLFormElement} */ ($("choice"));
let isActive = true;
let reading = new AbortController();

async function renew() {
  if (!isActive || document.hidden) return;
  const group = await call("GET", path).catch(() => undefined);
  if (!group) return;
  isActive = group["active"] > 0;
  /** @type {HTMLProgressElement} */ ($("progress")).value = group["progress"];
  for (const [index, [, member, names]] of columns.entries()) {
    const count = names.reduce((sum, name) => sum + (group[member][name] ?? 0), 0);
    const link = $("counts").querySelectorAll("dd")[index]?.firstElementChild;
    if (link && link.textContent !== count.toLocaleString("en-US")) link.textContent = count.toLocaleString("en-US");
  }
}

/** @param {string} words */
function say(words) {
  $("said").textContent = words;
}

/** @param {Blocks} blocks */
function show(blocks) {
  const parts = blocks.all.flatMap(({ id, text }) => {
    const head = element("h3", {});
    head.append(element("a", { href: at(`/ui/jobs/${id}`), textContent: id || "Notes" }));
    return [head, element("pre", { tabIndex: 0, role: "region", ariaLabel: `Output of ${id}`, textContent: visible(text, { most: Infinity, lines: true }) })];
  });
  $("jobs-output").replaceChildren(...parts);
}

/** Read the output so far, as much as the page shows. */
async function read() {
  reading.abort();
  const mine = (reading = new AbortController());
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(choice)) if (value) query.set(name, String(value));
  const blocks = new Blocks();
  say("Reading …");
  try {
    const headers = { ...session.headers, Accept: "text/plain" };
    const response = await fetch(at(`${path}/output?${query}`), { headers, signal: mine.signal });
    session.note(response.status);
    if (!response.ok) throw new Problem({ status: response.status, ...(await response.json().catch(() => ({}))) });
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece = await reader?.read(); piece && !piece.done && !blocks.isFull; piece = await reader?.read()) blocks.take(piece.value);
    if (blocks.isFull) mine.abort();
    else blocks.finish();
    show(blocks);
    say(blocks.isFull ? "The page shows the first part." : blocks.all.length ? "" : "No job has written anything so far.");
  } catch (problem) {
    if (mine !== reading) return;
    say(problem instanceof Error ? problem.message : String(problem));
  }
}

moments.rewrite();
choice.hidden = false;
choice.addEventListener("submit", (event) => {
  event.preventDefault();
  read();
});
choice.addEventListener("change", read);
const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("stats", { stream: "stats" }, () => {});
attend(channel);
every(EVERY, renew);
read();
