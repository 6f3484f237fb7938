/** What can be done with one job: cancel, signal, urgency; each after a question. */

import { canChange } from "../channel/as_of.js";
import { call } from "../ui/api.js";
import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { may } from "../ui/rights.js";
import { t } from "../ui/words.js";

/** @typedef {Record<string, any>} Record_ a job's record */

const SIGNALS = ["TERM", "INT", "KILL", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "ABRT", "ALRM", "WINCH"];

/** @param {Record_} record */
export const isPending = ({ state }) => ["NEW", "DEPEND", "PRIORITY", "SCHED"].includes(state);

const DEEDS = /** @type {const} */ ([
  { title: "job.release", fits: (/** @type {Record_} */ record) => may("operate") && isPending(record) && record["urgency"] === 0, open: release },
  { title: "job.cancel", fits: (/** @type {Record_} */ { state }) => may("operate") && state !== "INACTIVE", open: cancel },
  { title: "job.signal", fits: (/** @type {Record_} */ { state }) => may("operate") && state === "RUN", open: signal },
  { title: "job.urgency", fits: (/** @type {Record_} */ record) => may("operate") && isPending(record), open: urgency },
]);

export class Deeds {
  /** @type {HTMLButtonElement[]} */
  #buttons;
  /** @type {Record_} */
  #record = {};

  /** @param {HTMLElement} where @param {(text: string) => void} tell what came of it */
  constructor(where, tell) {
    this.#buttons = DEEDS.map(({ title, open }) => {
      const button = element("button", { type: "button", textContent: t(title) });
      if (open === cancel) button.className = "danger";
      button.addEventListener("click", () => open(this.#record, tell));
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

/** @param {Record_} record @param {string} what @param {object} body @param {(text: string) => void} tell */
async function send(record, what, body, tell) {
  const answer = await call("POST", `/v1/jobs/${record["id"]}/${what}`, body);
  tell(answer["Message"] ?? "");
}

/** Give a held job the urgency that jobs have. @param {Record_} record @param {(text: string) => void} tell */
async function release(record, tell) {
  try {
    await send(record, "urgency", { urgency: 16 }, tell);
  } catch (problem) {
    tell(problem instanceof Error ? problem.message : String(problem));
  }
}

/** @param {Record_} record @param {(text: string) => void} tell */
function cancel(record, tell) {
  const note = element("input", { maxLength: 4096 });
  ask({
    title: t("job.cancel_job"),
    heading: t("job.cancel_heading", { id: record["id"] }),
    words: t(isPending(record) ? "job.cancel_pending" : "job.cancel_running"),
    fields: [field(t("job.why"), note)],
    again: true,
    run: () => send(record, "cancel", note.value ? { note: note.value } : {}, tell),
  });
}

/** @param {Record_} record @param {(text: string) => void} tell */
function signal(record, tell) {
  const chosen = element("select", {});
  chosen.append(...SIGNALS.map((name) => element("option", { value: name, textContent: `SIG${name}` })));
  ask({
    title: t("job.send_signal"),
    heading: t("job.signal_heading", { id: record["id"] }),
    words: t("job.signal_about"),
    fields: [field(t("job.signal_name"), chosen)],
    again: true,
    run: () => send(record, "signal", { signal: chosen.value }, tell),
  });
}

/** @param {Record_} record @param {(text: string) => void} tell */
function urgency(record, tell) {
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
    heading: t("job.urgency_heading", { id: record["id"] }),
    words: t("job.urgency_about"),
    fields: [field(t("job.urgency_range"), number), group],
    again: true,
    run: () => send(record, "urgency", { urgency: number.valueAsNumber }, tell),
  });
}
