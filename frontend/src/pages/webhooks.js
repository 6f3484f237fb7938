/** The page of webhooks: create, test and remove them, and send their dead letters again. */

import { Problem, call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { secret } from "../ui/share.js";
import { moments } from "../ui/times.js";

/** What a webhook can be told, each with the filter that it needs. */
const TOLD = /** @type {const} */ ([
  ["Each job that ends", { kinds: ["job"], filter: { event: ["clean"] } }],
  ["Each job that fails or reaches its time limit", { kinds: ["job"], filter: { event: ["clean"], result: ["FAILED", "TIMEOUT"] } }],
  ["Every event of every job", { kinds: ["job"] }],
  ["Groups that are done, and the first failure in a group", { kinds: ["group-done", "first-failure"] }],
  ["Queues that are stopped, and nodes that are drained", { kinds: ["queue-stopped", "node-drained"] }],
]);

const FIELDS = /** @type {Record<string, string>} */ ({ "/url": "The address", "/name": "The name", "/filter/queue": "The queue" });

/** Create a webhook; an error names what is wrong in the form. @param {object} body */
async function post(body) {
  try {
    return await call("POST", "/v1/webhooks", body);
  } catch (problem) {
    const errors = problem instanceof Problem ? (problem.document["errors"] ?? []) : [];
    if (!errors.length) throw problem;
    throw new Error(errors.map((/** @type {{pointer: string, detail: string}} */ it) => `${FIELDS[it.pointer] ?? it.pointer} ${it.detail}`).join(" "));
  }
}

const moment = moments({ dateStyle: "medium", timeStyle: "short" });
for (const time of document.querySelectorAll("time")) {
  time.textContent = moment.format(new Date(time.dateTime));
}

const create = /** @type {HTMLButtonElement | null} */ (document.getElementById("create"));
create?.addEventListener("click", () => {
  const url = element("input", { name: "url", type: "url", required: true, maxLength: 2048, placeholder: "https://" });
  const name = element("input", { name: "name", maxLength: 64, pattern: "[A-Za-z0-9][A-Za-z0-9._ \\-]*" });
  name.title = "Letters, digits, blanks, dots, dashes and underscores";
  const told = element("select", { name: "told" });
  for (const [number, [title]] of TOLD.entries()) told.append(new Option(title, String(number)));
  const queue = element("input", { name: "queue", maxLength: 256 });
  let isOld = false;
  ask({
    title: "Create the webhook",
    heading: "Create a webhook",
    words: "The service posts a signed message to the address. More filters: fluxapi webhook add.",
    fields: [field("Address", url), field("Name, if any", name), field("Tells of", told), field("Only in the queue, if any", queue)],
    again: true,
    run: async () => {
      const [, choice] = TOLD[Number(told.value)] ?? TOLD[0];
      const filter = { ...("filter" in choice ? choice.filter : {}), ...(queue.value ? { queue: queue.value } : {}) };
      const body = { url: url.value, kinds: choice.kinds, filter, ...(name.value ? { name: name.value } : {}) };
      const made = await post(body);
      isOld = true;
      return secret("Secret that verifies signatures, which is shown this once", made["secret"]);
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
    title: "Make a new secret",
    heading: `New secret for ${name}?`,
    words: "For a day, messages have signatures by the new and by the old secret. Give the receiver the new one within this time.",
    again: true,
    run: async () => {
      const made = await call("POST", `${path}/rotate`, {});
      isOld = true;
      return secret("New secret, which is shown this once", made["secret"]);
    },
    left: () => {
      if (isOld) location.reload();
    },
  });
}

/** @param {string} path @param {string} name */
function remove(path, name) {
  ask({
    title: "Remove the webhook",
    heading: `Remove ${name}?`,
    words: "What waits for it, and its dead letters, are removed, too.",
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
  said.textContent = "Sending …";
  try {
    said.textContent = await act();
  } catch (problem) {
    said.textContent = problem instanceof Error ? problem.message : String(problem);
  }
  button.disabled = false;
}

/** @param {string} path */
async function test(path) {
  const found = await call("POST", `${path}/test`, {});
  if (found["delivered"]) return `The test was delivered in ${Math.round(found["seconds"] * 1000)} ms.`;
  return `The test was not delivered. ${found["reason"]}`;
}

/** @param {string} path */
async function retry(path) {
  const { retried } = await call("POST", `${path}/retry`, {});
  return `${retried} ${retried === 1 ? "message is" : "messages are"} sent again.`;
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
