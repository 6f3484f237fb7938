/** The page of webhooks: create, test and remove them, and send their dead letters again. */

import { Problem, call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { dated } from "../ui/format.js";
import { fieldMessage } from "../ui/message.js";
import { secret } from "../ui/share.js";
import { rich, t } from "../ui/words.js";

/** The kinds of messages of a webhook, each with the filter that it needs. */
const TOLD = /** @type {const} */ ([
  ["webhooks.told_ends", { kinds: ["job"], filter: { event: ["clean"] } }],
  ["webhooks.told_fails", { kinds: ["job"], filter: { event: ["clean"], result: ["FAILED", "TIMEOUT"] } }],
  ["webhooks.told_all", { kinds: ["job"] }],
  ["webhooks.told_groups", { kinds: ["group-done", "first-failure"] }],
  ["webhooks.told_stops", { kinds: ["queue-stopped", "node-drained"] }],
]);

const FIELDS = /** @type {Record<string, import("../ui/words.js").Key>} */ ({ "/url": "webhooks.the_address", "/name": "webhooks.the_name", "/filter/queue": "webhooks.the_queue" });

/** Return the words about an invalid field. @param {import("../ui/message.js").Coded & { pointer: string, detail: string }} error */
function wrong(error) {
  const name = FIELDS[error.pointer];
  return t("common.field_error", { field: name ? t(name) : error.pointer, detail: fieldMessage(error) });
}

/** Create a webhook; an error names what is wrong in the form. @param {object} body */
async function post(body) {
  try {
    return await call("POST", "/v1/webhooks", body);
  } catch (problem) {
    const errors = problem instanceof Problem ? (problem.document["errors"] ?? []) : [];
    if (!errors.length) throw problem;
    throw new Error(errors.map(wrong).join(" "));
  }
}

for (const time of document.querySelectorAll("time")) {
  time.textContent = dated(new Date(time.dateTime).getTime() / 1000);
}

const create = /** @type {HTMLButtonElement | null} */ (document.getElementById("create"));
create?.addEventListener("click", () => {
  const url = element("input", { name: "url", type: "url", required: true, maxLength: 2048, placeholder: "https://" });
  const name = element("input", { name: "name", maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._ \\-]*" });
  name.title = t("common.name_rule");
  const told = element("select", { name: "told" });
  for (const [number, [title]] of TOLD.entries()) told.append(new Option(t(title), String(number)));
  const queue = element("input", { name: "queue", maxLength: 256 });
  let isOld = false;
  ask({
    title: t("webhooks.create_webhook"),
    heading: t("webhooks.create"),
    done: t("webhooks.done"),
    words: rich("webhooks.about"),
    fields: [field(t("webhooks.address"), url), field(t("webhooks.name"), name), field(t("webhooks.tells_of"), told), field(t("webhooks.queue"), queue)],
    again: true,
    run: async () => {
      const [, choice] = TOLD[Number(told.value)] ?? TOLD[0];
      const filter = { ...("filter" in choice ? choice.filter : {}), ...(queue.value ? { queue: queue.value } : {}) };
      const body = { url: url.value, kinds: choice.kinds, filter, ...(name.value ? { name: name.value } : {}) };
      const made = await post(body);
      isOld = true;
      return secret(t("webhooks.secret"), made["secret"]);
    },
    left: () => {
      if (isOld) location.reload();
    },
  });
});

/** @param {string} path @param {string} name */
function rotate(path, name) {
  let isOld = false;
  ask({
    title: t("webhooks.rotate"),
    heading: t("webhooks.rotate_heading", { name }),
    done: t("webhooks.rotated", { name }),
    words: t("webhooks.rotate_about"),
    again: true,
    run: async () => {
      const made = await call("POST", `${path}/rotate`, {});
      isOld = true;
      return secret(t("webhooks.secret_new"), made["secret"]);
    },
    left: () => {
      if (isOld) location.reload();
    },
  });
}

/** @param {string} path @param {string} name */
function remove(path, name) {
  ask({
    title: t("webhooks.remove_webhook"),
    heading: t("webhooks.remove_heading", { name }),
    words: t("webhooks.remove_about"),
    again: true,
    run: async () => {
      await call("DELETE", path);
      location.reload();
    },
  });
}

/** Run *act* and say what came of it. @param {HTMLButtonElement} button @param {() => Promise<string>} act */
async function tell(button, act) {
  const said = button.closest("section")?.querySelector(".said");
  if (!said) return;
  button.disabled = true;
  said.textContent = t("webhooks.sending");
  said.classList.remove("wrong");
  try {
    said.textContent = await act();
  } catch (problem) {
    said.textContent = problem instanceof Error ? problem.message : String(problem);
    said.classList.add("wrong");
  }
  button.disabled = false;
}

/** @param {string} path */
async function test(path) {
  const found = await call("POST", `${path}/test`, {});
  if (found["delivered"]) return t("webhooks.test_delivered", { milliseconds: Math.round(found["seconds"] * 1000) });
  throw new Error(t("webhooks.test_failed", { reason: found["reason"] }));
}

/** @param {string} path */
async function retry(path) {
  const { retried } = await call("POST", `${path}/retry`, {});
  return t("webhooks.retried", { count: retried });
}

for (const buttons of document.querySelectorAll("p[data-webhook]")) {
  const { webhook = "", name = "" } = /** @type {HTMLElement} */ (buttons).dataset;
  const path = `/v1/webhooks/${encodeURIComponent(webhook)}`;
  /** @type {HTMLElement} */ (buttons).hidden = false;
  buttons.addEventListener("click", async ({ target }) => {
    const button = /** @type {HTMLButtonElement | null} */ (target instanceof Element ? target.closest("button") : null);
    switch (button?.dataset["act"]) {
      case "test":
        return tell(button, () => test(path));
      case "retry":
        return tell(button, () => retry(path));
      case "enable":
        return tell(button, async () => {
          await call("POST", `${path}/enable`, {});
          location.reload();
          return "";
        });
      case "rotate":
        return rotate(path, name);
      case "remove":
        return remove(path, name);
    }
  });
}
if (create) create.hidden = false;
