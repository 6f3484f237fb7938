/** The page of tokens: create one, and revoke one. */

import { call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { lasting, secret } from "../ui/share.js";
import { moments } from "../ui/times.js";

const DAY = 86_400;
const LASTS = /** @type {const} */ ([
  ["1 day", DAY],
  ["7 days", 7 * DAY],
  ["30 days", 30 * DAY],
  ["90 days", 90 * DAY],
  ["1 year", 365 * DAY],
  ["Never", null],
]);
const SCOPES = /** @type {const} */ ([
  ["view", "view: see jobs and their output"],
  ["operate", "operate: cancel, signal and hold jobs, too"],
  ["submit", "submit: submit jobs, too"],
  ["admin", "admin: everything, tokens included"],
]);

const moment = moments({ dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) {
  time.textContent = moment.format(new Date(time.dateTime));
}

const create = /** @type {HTMLButtonElement | null} */ (document.getElementById("create"));
create?.addEventListener("click", () => {
  const name = element("input", { name: "name", required: true, maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._ \\-]*" });
  name.title = "Letters, digits, blanks, dots, dashes and underscores";
  const scope = element("select", { name: "scope" });
  for (const [value, title] of SCOPES) scope.append(new Option(title, value));
  const lasts = lasting(LASTS, 30 * DAY);
  let isOld = false;
  ask({
    title: "Create the token",
    heading: "Create a token",
    words: "A program sends it as a bearer token, or as the password of HTTP Basic.",
    fields: [field("Name", name), field("Scope", scope), field("Expires after", lasts)],
    again: true,
    run: async () => {
      const made = await call("POST", "/v1/tokens", {
        name: name.value,
        scope: scope.value,
        expires_in: lasts.value ? Number(lasts.value) : null,
      });
      isOld = true;
      return secret("Token, which is shown this once", made["token"]);
    },
    left: () => {
      if (isOld) location.reload();
    },
  });
});

for (const button of document.querySelectorAll("button[data-revoke]")) {
  const { revoke = "", name = "" } = /** @type {HTMLElement} */ (button).dataset;
  /** @type {HTMLButtonElement} */ (button).hidden = false;
  button.addEventListener("click", () =>
    ask({
      title: "Revoke the token",
      heading: `Revoke ${name}?`,
      words: "Programs and browsers that use it, and its open streams, end at once.",
      again: true,
      run: async () => {
        await call("DELETE", `/v1/tokens/${encodeURIComponent(revoke)}`);
        location.reload();
      },
    }),
  );
}
if (create) create.hidden = false;
