/** The words at the top of every page: whether it is live, catching up or cut off, since when. */

import { ahead, session } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { duration } from "../ui/format.js";
import { element } from "../ui/element.js";
import { moments } from "../ui/times.js";
import { t } from "../ui/words.js";
import { every } from "./visibility.js";

/** Seconds after which a state that should pass is told with how long it lasts. */
const LONG = 3;
const full = moments({ dateStyle: "medium", timeStyle: "medium" });
const clock = moments({ hour: "2-digit", minute: "2-digit" });

/** Since when a part of the page could not be read, although the channel is live; 0 if all could. */
let lackedSince = 0;
/** Draws the words that the page has. */
let drawn = () => {};

/** Say that a part of the page could not be read, or could: it is not live then. @param {boolean} isLacking */
export function lack(isLacking) {
  if (isLacking === lackedSince > 0) return;
  lackedSince = isLacking ? Date.now() : 0;
  drawn();
}

/**
 * Return the state of a channel as one word, and its time in milliseconds since 1970.
 * @param {import("./channel.js").Channel["state"]} state
 */
export function read({ phase, since, instanceLost, lostSince, refused, ended }) {
  if (session.isOver || phase === "logged out") return { state: "logged out", since };
  if (ended) return { state: "ended", since };
  if (phase !== "live") return { state: phase, since };
  if (refused.length) return { state: "refused", since };
  return instanceLost ? { state: "waiting for Flux", since: (lostSince - ahead) * 1000 } : { state: "live", since };
}

/**
 * @param {import("./channel.js").Channel} channel
 * @param {HTMLElement} where
 */
export function show(channel, where) {
  // A screen reader hears changes of state, not the seconds.
  const words = element("span", { role: "status" });
  const time = element("span", { className: "since" });
  const login = element("button", { type: "button", textContent: t("connection.log_in"), hidden: true });
  login.addEventListener("click", () => enter(channel));
  where.replaceChildren(words, time, login);
  const draw = () => {
    const told = read(channel.state);
    const { state, since } = lackedSince && told.state === "live" ? { state: "waiting for Flux", since: lackedSince } : told;
    const { progress } = channel.state;
    const seconds = Math.floor((Date.now() - since) / 1000);
    const passes = !["live", "refused", "ended"].includes(state);
    // The page learns of an end when it opens.
    const text = state === "ended" ? "" : progress ? far(progress) : passes ? (seconds >= LONG ? t("connection.lasting", { duration: duration(seconds) }) : "") : t("connection.since", { time: clock.format(since) });
    // The jobs of a history do not change.
    const key = state === "live" && "archive" in document.body.dataset ? "connection.archive" : WORDS[state];
    const said = key ? t(key) : t("connection.refused", { reason: channel.state.refused[0] ?? "" });
    if (where.dataset["state"] !== state) where.dataset["state"] = document.body.dataset["state"] = state;
    if (words.textContent !== said) words.textContent = said;
    if (time.textContent !== text) time.textContent = text;
    where.title = [state === "ended" ? "" : t("connection.since_full", { time: full.format(since) }), channel.state.ended || channel.state.detail].join(" ").trim();
    login.hidden = state !== "logged out";
    const lost = document.getElementById("lost");
    if (lost && (told.state === "live" || told.state === "waiting for Flux")) lost.hidden = told.state === "live";
    if (lost && state === "ended") over(lost, channel.state.ended);
  };
  channel.addEventListener("state", draw);
  session.addEventListener("change", draw);
  every(1000, draw);
  drawn = draw;
  draw();
}

/** Say that the instance has ended where it was said that it does not answer. @param {HTMLElement} lost @param {string} why */
function over(lost, why) {
  lost.id = "ended";
  lost.dataset["icon"] = "clock";
  lost.textContent = why;
  lost.hidden = false;
}

/** Say how far the service has read the jobs, in numbers. @param {import("./channel.js").Progress} progress */
function far({ read, total }) {
  return total === undefined ? t("connection.so_far", { read }) : t("connection.of", { read, total });
}

/** Ask who this is; what the page holds and what was typed into it stays. @param {import("./channel.js").Channel} channel */
function enter(channel) {
  const user = element("input", { name: "username", autocomplete: "username" });
  const token = element("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  user.value = document.body.dataset["user"] ?? "";
  ask({
    title: t("sign_in.log_in"),
    heading: t("sign_in.log_in_again"),
    words: t("connection.login_expired"),
    fields: [field(t("sign_in.user"), user), field(t("sign_in.token"), token)],
    again: true,
    run: async () => {
      await session.begin(user.value, token.value);
      await channel.start();
    },
  });
}

/** The text of each state but that of what is refused, which has a reason. */
const WORDS = /** @type {Record<string, import("../ui/words.js").Key>} */ ({
  connecting: "connection.connecting",
  reading: "connection.reading",
  "catching up": "connection.catching_up",
  live: "connection.live",
  "cut off": "connection.cut_off",
  "waiting for Flux": "connection.waiting",
  "logged out": "connection.logged_out",
  resting: "connection.resting",
  ended: "connection.ended",
});
