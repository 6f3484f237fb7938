/** The time as of which a page knows its jobs: time stands still for an instance that does not answer or has ended. */

import { ahead } from "../ui/api.js";

/** Return when an instance was lost or has ended, as the service knew when it made the page; NaN if it answered. */
const known = () => Number(document.body.dataset["asOf"] ?? NaN);

/**
 * Return seconds since 1970, by the clock of the service.
 * @param {import("./channel.js").Channel["state"]} state of the channel
 */
export function asOf({ phase, since, instanceLost, lostSince, ended }) {
  const then = known();
  if (ended) return Number.isNaN(then) ? since / 1000 + ahead : then;
  if (instanceLost) return lostSince;
  if (phase === "cut off") return since / 1000 + ahead;
  const now = Date.now() / 1000 + ahead;
  return phase === "live" || Number.isNaN(then) ? now : then;
}

/** Return whether the instance may do what is asked of it: it is not lost, and has not ended. */
export function canChange() {
  const { state } = document.body.dataset;
  if (state === "waiting for Flux" || state === "ended") return false;
  return state === "live" || Number.isNaN(known());
}
