/** "Tell me when it ends": what each page does for what the reader watches, and the button that begins it. */

import { attend } from "../channel/visibility.js";
import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { t } from "../ui/words.js";
import { Failures } from "./failures.js";
import { Mark, isSeen } from "./mark.js";
import { Teller, allowed } from "./teller.js";
import { Watcher } from "./watcher.js";
import { MAX_WATCHES, Watches } from "./watches.js";

/** @typedef {import("./watches.js").Watch} Watch */

/** Return what survives a reload, if the browser keeps anything. */
function storage() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Return the page of what was watched. @param {Watch} watch */
function page({ kind, id, filters }) {
  if (kind === "job" || kind === "group") return at(`/ui/${kind}s/${id}`);
  const query = new URLSearchParams(filters);
  return at(query.size ? `/?${query}` : "/");
}

/**
 * Keep a channel open while the page is seen or takes care of watches, tell of their ends, and mark the page when jobs have
 * failed while nobody looked.
 * @param {import("../channel/channel.js").Channel} channel
 */
export function watchOn(channel) {
  // The address of the start page is that of the instance, with the path of any proxy.
  const watches = new Watches(new URL(at("/")).pathname, storage());
  const teller = new Teller(watches);
  new Mark(watches);
  const failures = new Failures(watches, call, navigator.locks);
  const turn = () => failures.turn(isSeen());
  for (const event of ["focus", "blur", "pageshow"]) addEventListener(event, turn);
  document.addEventListener("visibilitychange", turn);
  turn();
  addEventListener("storage", (event) => watches.hear(event));
  attend(channel, new Watcher(channel, watches, (watch, body) => teller.tell(watch, body, page(watch)), call, navigator.locks));
  return watches;
}

/**
 * Return a button that begins and ends a watch, and says which it is.
 * @param {Watches} watches
 * @param {{ off: string, on: string }} words
 * @param {{ key: () => string, make: () => Watch | string }} wanted gives the watch, or why there is nothing to watch
 * @param {(text: string) => void} say
 * @param {() => string} [told] says of which jobs the reader will be told, where the page does not
 */
export function watchButton(watches, words, { key, make }, say, told = () => "") {
  const button = element("button", { type: "button", className: "watch" });
  // If there is little space, the button has only its icon.
  const label = element("span", { className: "words" });
  button.append(label);
  const draw = () => {
    const isOn = watches.has(key());
    const text = isOn ? words.on : words.off;
    if (button.ariaPressed !== String(isOn)) button.ariaPressed = String(isOn);
    if (label.textContent !== text) label.textContent = text;
  };
  button.addEventListener("click", async () => {
    if (watches.take(key())) return say("");
    const watch = make();
    if (typeof watch === "string") return say(watch);
    if (!watches.add(watch)) return say(t("notify.limit", { count: MAX_WATCHES }));
    say(told());
    const why = await allowed();
    if (why && watches.has(watch.key)) say([told(), why, t("notify.title_counts")].filter(Boolean).join(" "));
  });
  watches.addEventListener("change", draw);
  draw();
  return { element: button, draw };
}
