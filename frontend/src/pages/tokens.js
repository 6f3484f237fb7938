/** The page of tokens: create one, and revoke one. */

import { call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { dated } from "../ui/format.js";
import { lasting, secret } from "../ui/share.js";
import { t } from "../ui/words.js";

const DAY = 86_400;
const LASTS = [DAY, 7 * DAY, 30 * DAY, 90 * DAY, 365 * DAY, null];
const SCOPES = /** @type {const} */ ([
  ["view", "tokens.scope_view"],
  ["operate", "tokens.scope_operate"],
  ["submit", "tokens.scope_submit"],
  ["admin", "tokens.scope_admin"],
]);

for (const time of document.querySelectorAll("time")) {
  time.textContent = dated(new Date(time.dateTime).getTime() / 1000);
}

const create = /** @type {HTMLButtonElement | null} */ (document.getElementById("create"));
create?.addEventListener("click", () => {
  const name = element("input", { name: "name", required: true, maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._ \\-]*" });
  name.title = t("common.name_rule");
  const scope = element("select", { name: "scope" });
  for (const [value, title] of SCOPES) scope.append(new Option(t(title), value));
  const lasts = lasting(LASTS, 30 * DAY);
  let isOld = false;
  ask({
    title: t("tokens.create_token"),
    heading: t("tokens.create"),
    done: t("tokens.done"),
    words: t("tokens.about"),
    fields: [field(t("common.name"), name), field(t("tokens.scope"), scope), field(t("common.expires_after"), lasts)],
    again: true,
    run: async () => {
      const made = await call("POST", "/v1/tokens", {
        name: name.value,
        scope: scope.value,
        expires_in: lasts.value ? Number(lasts.value) : null,
      });
      isOld = true;
      return secret(t("tokens.secret"), made["token"]);
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
      title: t("tokens.revoke_token"),
      heading: t("tokens.revoke_heading", { name }),
      words: t("tokens.revoke_about"),
      again: true,
      run: async () => {
        await call("DELETE", `/v1/tokens/${encodeURIComponent(revoke)}`);
        location.reload();
      },
    }),
  );
}
if (create) create.hidden = false;
