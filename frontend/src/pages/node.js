/** The page of one node: the service renders it, and this asks for it again when something has changed. */

import * as status from "../channel/connection_status.js";
import { Channel } from "../channel/channel.js";
import { every } from "../channel/visibility.js";
import { LivePart } from "../ui/live_part.js";
import { Trend } from "../nodes/trend.js";
import { address } from "../ui/api.js";
import { rewrite } from "../job/timestamps.js";
import { watchOn } from "../notify/notify.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds after which run times have grown enough to be told again. */
const EVERY = 5000;

const { name = "", rank = "" } = $("content").dataset;
const path = `/nodes/${encodeURIComponent(name)}`;
const chosen = (/** @type {URLSearchParams} */ query) => {
  if (rank) query.set("rank", rank);
  return query.size ? `?${query}` : "";
};
const trend = $("trend").dataset["cores"] === undefined ? undefined : new Trend($("trend"), (query) => `/v1${path}/use${chosen(query)}`);
trend?.offerRanges(new URLSearchParams(location.search).get("range") ?? "", (range) => {
  const address = new URL(location.href);
  address.searchParams.set("range", range);
  history.replaceState(history.state, "", address);
});
const count = () => trend?.of(Number($("node").dataset["cores"] ?? 0));

const part = new LivePart(() => `/ui${path}${chosen(new URLSearchParams({ part: "node" }))}`, {
  fresh: (fresh) => {
    rewrite(fresh);
    setTimeout(count);
  },
  wrong: $("wrong"),
});
const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("jobs", { stream: "jobs", filter: { state: ["RUNNING"], node: name } }, (message) => {
  if (message.type === "job" || message.type === "gone") part.want();
});
let said = "";
channel.follow("stats", { stream: "stats" }, (message) => {
  const text = JSON.stringify(message["nodes"]);
  if (said && text !== said) part.want();
  said = text;
});
watchOn(channel);
rewrite();
count();
every(EVERY, () => {
  // An instance that has ended or does not answer tells nothing new.
  if (document.body.dataset["state"] === "live" && $("node").dataset["running"]) part.want();
});
