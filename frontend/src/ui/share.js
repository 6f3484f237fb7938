/** A link that lets somebody else look at a page, and at all jobs, until it expires. */

import { call } from "./api.js";
import { ask, field } from "./dialog.js";
import { element } from "./element.js";
import { may } from "./rights.js";
import { at, instance, placed } from "./root.js";

const LASTS = /** @type {const} */ ([["1 hour", 3600], ["1 day", 86_400], ["7 days", 604_800], ["30 days", 2_592_000]]);
const LASTS_AT_FIRST = 86_400;

/** Whether the reader can share: only the owner makes tokens, and without a login nobody needs one. */
export const canShare = () => may("admin") && Boolean(document.body.dataset["user"]);

/** A choice of how long a token lasts. @param {readonly (readonly [string, number | null])[]} offers @param {number | null} chosen */
export function lasting(offers, chosen) {
  const select = element("select", { name: "expires" });
  for (const [title, seconds] of offers) select.append(new Option(title, String(seconds ?? ""), seconds === chosen, seconds === chosen));
  return select;
}

/** A secret or a link, with a button to copy it. @param {string} label @param {string} text */
export function secret(label, text) {
  const input = element("input", { readOnly: true, value: text, className: "secret" });
  const copy = element("button", { type: "button", textContent: "Copy" });
  copy.addEventListener("click", async () => {
    input.select();
    await navigator.clipboard?.writeText(text).catch(() => undefined);
    copy.textContent = "Copied";
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
  const button = element("button", { type: "button", textContent: "Share …", hidden: !canShare() });
  button.addEventListener("click", () => {
    const lasts = lasting(LASTS, LASTS_AT_FIRST);
    ask({
      title: "Create the link",
      heading: "Share this page?",
      words: "Everybody who has the link can see all jobs and their output, and change nothing, until it expires or you revoke it under Tokens.",
      fields: [field("Expires after", lasts)],
      again: true,
      run: async () => {
        const made = await call("POST", "/v1/tokens", {
          name: `${name} ${new Date().toISOString().slice(0, 19).replaceAll(":", ".")}`,
          scope: "view",
          expires_in: Number(lasts.value),
        });
        // In the fragment, which no browser sends: the token is in no log of a server or proxy.
        const query = new URLSearchParams({ token: made["token"], next: placed(page(), instance()) });
        return secret("Link", `${at("/ui/login")}#${query}`);
      },
    });
  });
  return button;
}
