/** The words at the top of every page: whether it is live, catching up or cut off, since when. */

import { duration } from "./format.js";
import { menu } from "./menu.js";

/**
 * @param {import("./channel.js").Channel} channel
 * @param {HTMLElement} where
 */
export function show(channel, where) {
  let said = "";
  const draw = () => {
    const { phase, since, instanceLost } = channel.state;
    const state = phase === "live" && instanceLost ? "waiting for Flux" : phase;
    where.dataset["state"] = state;
    const seconds = Math.floor((Date.now() - since) / 1000);
    const long = state !== "live" && seconds >= 3 ? ` for ${duration(Math.max(seconds, 10))}` : "";
    const words = WORDS[state] ?? state;
    // A screen reader hears changes of state, not the seconds.
    if (said !== state) where.setAttribute("aria-label", words);
    said = state;
    where.textContent = words + long;
    where.title = `since ${new Date(since).toLocaleString()}`;
  };
  channel.addEventListener("state", draw);
  setInterval(draw, 1000);
  where.after(menu());
  draw();
}

const WORDS = /** @type {Record<string, string>} */ ({
  connecting: "Connecting",
  "catching up": "Catching up",
  live: "Live",
  "cut off": "Cut off, trying again",
  "waiting for Flux": "Flux does not answer",
});
