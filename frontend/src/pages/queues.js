/** The page of queues: the service renders the list, and this asks for it again when something has changed. */

import * as status from "../channel/connection_status.js";
import { Channel } from "../channel/channel.js";
import { every } from "../channel/visibility.js";
import { LivePart } from "../ui/live_part.js";
import { address } from "../ui/api.js";
import { watchOn } from "../notify/notify.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Milliseconds after which waits have grown enough to be told again. */
const EVERY = 5000;
/** Milliseconds after which the service no longer shares what Flux told it before a change. */
const SHARED = 1100;

const part = new LivePart(() => "/ui/queues?part=list", { wrong: $("wrong") });
const channel = new Channel(address);
status.show(channel, $("state"));
let said = "";
let again = 0;
channel.follow("stats", { stream: "stats" }, (message) => {
  if (message.type !== "stats") return;
  const { states, nodes, queues } = /** @type {Record<string, any>} */ (message);
  const now = JSON.stringify([states, nodes, queues]);
  if (now === said) return;
  if (said) part.want();
  clearTimeout(again);
  again = window.setTimeout(() => part.want(), SHARED);
  said = now;
});
watchOn(channel);
every(EVERY, () => {
  // An instance that has ended or does not answer tells nothing new.
  if (document.body.dataset["state"] === "live") part.want();
});
