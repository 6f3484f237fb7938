/** The actions for one job: cancel, signal, urgency; each after a confirmation. */

import { canChange } from "../channel/as_of.js";
import { call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { may } from "../ui/rights.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { effects } from "./cancel_effects.js";

/** @typedef {Record<string, any>} Record_ a job's record */
/** @typedef {import("./said.js").Said} Said */

const SIGNALS = ["TERM", "INT", "KILL", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "ABRT", "ALRM", "WINCH"];

/** @param {Record_} record */
export const isPending = ({ state }) => ["NEW", "DEPEND", "PRIORITY", "SCHED"].includes(state);

const DEEDS = /** @type {const} */ ([
  { title: "job.release", fits: (/** @type {Record_} */ record) => may("operate") && isPending(record) && record["urgency"] === 0, open: release },
  { title: "job.hold_now", fits: (/** @type {Record_} */ record) => may("operate") && isPending(record) && record["urgency"] !== 0, open: hold },
  { title: "job.cancel", fits: (/** @type {Record_} */ { state }) => may("operate") && state !== "INACTIVE", open: cancel },
  { title: "job.signal", fits: (/** @type {Record_} */ { state }) => may("operate") && state === "RUN", open: signal },
  { title: "job.urgency", fits: (/** @type {Record_} */ record) => may("operate") && isPending(record), open: urgency },
]);

export class JobActions {
  /** @type {HTMLButtonElement[]} */
  #buttons;
  /** @type {Record_} */
  #record = {};

  /** @param {HTMLElement} where @param {Said} said what came of it */
  constructor(where, said) {
    this.#buttons = DEEDS.map(({ title, open }) => {
      const button = element("button", { type: "button", textContent: t(title) });
      if (open === cancel) button.className = "danger";
      button.addEventListener("click", () => open(this.#record, said));
      return button;
    });
    this.where = where;
    where.replaceChildren(...this.#buttons);
  }

  /** Offer what fits the job as it is now. @param {Record_} record @param {boolean} gone */
  offer(record, gone) {
    this.#record = record;
    for (const [at, button] of this.#buttons.entries()) {
      button.hidden = gone || !DEEDS[at]?.fits(record);
      button.disabled = !canChange();
    }
    this.where.hidden = this.#buttons.every((button) => button.hidden);
  }
}

/** @param {Record_} record @param {string} what @param {object} body */
async function send(record, what, body) {
  await call("POST", `/v1/jobs/${record["id"]}/${what}`, body);
}

/** Return the job with its name, if it has one. @param {Record_} record */
export function titled({ id, name }) {
  return name ? t("job.named", { id, name: visible(name, { most: SHORT }) }) : id;
}

/** Give a held job the urgency that jobs have. @param {Record_} record @param {Said} said */
async function release(record, said) {
  try {
    await send(record, "urgency", { urgency: 16 });
    said.pass(t("job.released"));
  } catch (problem) {
    said.tell(problem instanceof Error ? problem.message : String(problem));
  }
}

/** Keep a pending job from its start until it is released. @param {Record_} record @param {Said} said */
async function hold(record, said) {
  try {
    await send(record, "urgency", { urgency: 0 });
    said.pass(t("job.held"));
  } catch (problem) {
    said.tell(problem instanceof Error ? problem.message : String(problem));
  }
}

/** @param {Record_} record @param {Said} said */
function cancel(record, said) {
  const note = element("input", { maxLength: 4096 });
  ask({
    title: t("job.cancel_job"),
    heading: t("job.cancel_heading", { id: titled(record) }),
    words: t(isPending(record) ? "job.cancel_pending" : "job.cancel_running"),
    fields: [effects([record["id"]], record["state"] === "RUN" && record["uri"] ? [record["id"]] : []), field(t("job.why"), note)],
    isDanger: true,
    again: true,
    run: async () => {
      await send(record, "cancel", note.value ? { note: note.value } : {});
      said.tell(t("job.canceling"), ({ state }) => state === "CLEANUP" || state === "INACTIVE");
    },
  });
}

/** @param {Record_} record @param {Said} said */
function signal(record, said) {
  const chosen = element("select", {});
  chosen.append(...SIGNALS.map((name) => element("option", { value: name, textContent: `SIG${name}` })));
  ask({
    title: t("job.send_signal"),
    heading: t("job.signal_heading", { id: titled(record) }),
    words: t("job.signal_about"),
    fields: [field(t("job.signal_name"), chosen)],
    again: true,
    run: async () => {
      await send(record, "signal", { signal: chosen.value });
      said.pass(t("job.signal_sent", { signal: `SIG${chosen.value}` }));
    },
  });
}

/** @param {Record_} record @param {Said} said */
function urgency(record, said) {
  const number = element("input", { type: "number", min: "0", max: "31", step: "1", required: true });
  number.value = String(record["urgency"] ?? 16);
  const group = element("p", { className: "presets" });
  for (const [title, value] of /** @type {const} */ ([["job.hold", "0"], ["job.default", "16"], ["job.expedite", "31"]])) {
    const button = element("button", { type: "button", textContent: t(title, { urgency: value }) });
    button.addEventListener("click", () => {
      number.value = value;
    });
    group.append(button);
  }
  ask({
    title: t("job.set_urgency"),
    heading: t("job.urgency_heading", { id: titled(record) }),
    words: t("job.urgency_about"),
    fields: [field(t("job.urgency_range"), number), group],
    again: true,
    run: async () => {
      await send(record, "urgency", { urgency: number.valueAsNumber });
      said.pass(t("job.urgency_set", { urgency: number.value }));
    },
  });
}
