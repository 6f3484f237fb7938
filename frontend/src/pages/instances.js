/** The page of the tree of instances: the service renders it, and the page asks for it again while somebody looks. */

import { address, page } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { attend, every } from "../channel/visibility.js";
import * as status from "../channel/connection_status.js";
import { morph } from "../ui/morph.js";

/** Milliseconds between two requests for the tree. */
const RENEW_MS = 3000;
/** The same when the jobs of the root have changed. */
const CHANGED_MS = 1000;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

let isAsking = false;
/** The service learns of resources and counts only while somebody looks: the first answer may lack them. */
let isStale = true;
let asked = Date.now();

async function refresh() {
  if (document.hidden || isAsking || Date.now() - asked < (isStale ? CHANGED_MS : RENEW_MS)) return;
  isAsking = true;
  isStale = false;
  asked = Date.now();
  try {
    const fresh = new DOMParser().parseFromString(await page("/ui/instances"), "text/html");
    for (const id of ["tree", "more"]) {
      const part = fresh.getElementById(id);
      if (part) morph($(id), part);
    }
    $("wrong").hidden = true;
  } catch (problem) {
    isStale = true;
    $("wrong").textContent = `The instances are as they were last known. ${problem instanceof Error ? problem.message : problem}`;
    $("wrong").hidden = false;
  } finally {
    isAsking = false;
  }
}

const channel = new Channel(address);
status.show(channel, $("state"));
let figures = "";
channel.follow("stats", { stream: "stats" }, ({ type, states, results, nodes }) => {
  const text = JSON.stringify([states, results, nodes]);
  if (type === "stats" && text !== figures) isStale = true;
  figures = text;
});
attend(channel);
every(CHANGED_MS / 2, refresh);
document.addEventListener("visibilitychange", refresh);
