/** A link that lets somebody else look at a page, and at all jobs, until it expires. */

import { call } from "./api.js";
import { ask, field } from "./dialog.js";
import { element } from "./element.js";
import { dated } from "./format.js";
import { may } from "./rights.js";
import { at, instance, placed } from "./root.js";
import { t } from "./words.js";

const HOUR = 3600;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

/** Characters of a secret that a line has room for, where its field does not grow by itself. */
const LINE_CHARACTERS = 34;

/** Return whether an address is one of this machine only. @param {string} host */
export const isLoopback = (host) => host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127(\.\d+){3}$/.test(host);

/** Return whether the reader can share: only the owner makes tokens, and without a login nobody needs one. */
export const canShare = () => may("admin") && Boolean(document.body.dataset["user"]);

/** Format a duration in words. @param {number} seconds whole hours, days or years */
function span(seconds) {
  if (seconds % DAY) return t("common.hours", { count: seconds / HOUR });
  return seconds % YEAR ? t("common.days", { count: seconds / DAY }) : t("common.years", { count: seconds / YEAR });
}

/** Return a choice of lifetimes of a token. @param {readonly (number | null)[]} offers seconds; null is forever @param {number} chosen */
export function lasting(offers, chosen) {
  const select = element("select", { name: "expires_in" });
  for (const seconds of offers) {
    const isChosen = seconds === chosen;
    select.append(new Option(seconds ? span(seconds) : t("tokens.never"), String(seconds ?? ""), isChosen, isChosen));
  }
  return select;
}

/** Return a secret or a link, with a button to copy it. @param {string} label @param {string} text */
export function secret(label, text) {
  // All of it is in sight, over as many lines as it needs.
  const input = element("textarea", { readOnly: true, value: text, className: "secret", rows: Math.ceil(text.length / LINE_CHARACTERS), spellcheck: false });
  const copy = element("button", { type: "button", textContent: t("common.copy") });
  copy.addEventListener("click", async () => {
    input.select();
    await navigator.clipboard?.writeText(text).catch(() => undefined);
    copy.textContent = t("common.copied");
  });
  const box = element("div", { className: "secret-box" });
  box.append(field(label, input), copy);
  return box;
}

/**
 * @param {string} name of the token, as the page of tokens lists it
 * @param {() => string} page the page to show, as a path of the root instance
 */
export function shareButton(name, page) {
  const button = element("button", { type: "button", textContent: t("share.button"), hidden: !canShare() });
  button.addEventListener("click", () => {
    const lasts = lasting([HOUR, DAY, 7 * DAY, 30 * DAY], DAY);
    ask({
      title: t("share.create"),
      heading: t("share.heading"),
      done: t("share.done"),
      words: t("share.about"),
      fields: [...(isLoopback(location.hostname) ? [element("p", { className: "notice", textContent: t("share.local", { host: location.host }) })] : []), field(t("common.expires_after"), lasts)],
      again: true,
      run: async () => {
        const made = await call("POST", "/v1/tokens", {
          name: `${name} ${new Date().toISOString().slice(0, 19).replaceAll(":", ".")}`,
          scope: "view",
          expires_in: Number(lasts.value),
        });
        // In the fragment, which no browser sends: the token is in no log of a server or proxy.
        const query = new URLSearchParams({ token: made["token"], next: placed(page(), instance()) });
        const shown = element("div", {});
        if (made["expires"]) shown.append(element("p", { textContent: t("share.until", { moment: dated(made["expires"]) }) }));
        shown.append(secret(t("common.link"), `${at("/ui/login")}#${query}`));
        return shown;
      },
    });
  });
  return button;
}
