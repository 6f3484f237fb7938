/** The actions for the jobs that are selected, after a word on what will happen. */

import { canChange } from "../channel/as_of.js";
import { effects } from "../job/cancel_effects.js";
import { namedJobs } from "../job/named_jobs.js";
import { call, Problem } from "../ui/api.js";
import { detailOf } from "../ui/problem.js";
import { ask, field, Told } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { may } from "../ui/rights.js";
import { PENDING, RUNNING } from "../ui/states.js";
import { tell as notice } from "../ui/tell.js";
import { list, t } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {import("../ui/words.js").Key} Key */
/** @typedef {{ id: string, detail: string }} Failure */
/**
 * @typedef {object} Action
 * @property {Key} none its button while it fits no job
 * @property {Key} some its button while it fits some
 * @property {Key} title of its question
 * @property {Key} about what it does, and whether that can be undone
 * @property {(rows: Row[]) => string} [effect] what becomes of these jobs
 * @property {Key} [ended] the message once all are done, after which none is selected
 * @property {boolean} [isFinal] it ends jobs
 * @property {(row: Row) => boolean} fits
 * @property {() => Input} input what else is asked
 */
/**
 * @typedef {object} Ended an action that has its own dialog
 * @property {Key} some its button
 * @property {(row: Row) => boolean} fits
 * @property {(rows: Row[], clear: () => void) => void} open asks about jobs; clear selects none
 * @property {number} [exactly] as many jobs as it shows, which it does not change
 */
/**
 * @typedef {object} Input
 * @property {HTMLElement[]} fields
 * @property {() => (ids: string[]) => Promise<Failure[]>} runner what asks the service for some jobs
 * @property {number} some of how many at a time
 */

const SIGNALS = ["TERM", "INT", "KILL", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT", "ABRT", "ALRM", "WINCH"];
/** Jobs of one request to cancel: the service takes ten times as many, but tells nothing meanwhile. */
const MANY = 1000;
/** Requests on their way at a time: a browser opens no more connections. */
const AT_ONCE = 6;
/** Failures that are listed. */
const LISTED = 100;
/** Jobs that are named for one reason. */
const NAMED = 5;

/** @param {Row} row */
const isPending = ({ state }) => ["NEW", "DEPEND", "PRIORITY", "SCHED"].includes(state);

/** @type {Action[]} */
const ACTIONS = [
  {
    none: "actions.cancel",
    some: "actions.cancel_some",
    title: "actions.cancel_jobs",
    about: "actions.cancel_about",
    effect: ending,
    ended: "actions.canceled",
    isFinal: true,
    fits: (row) => row.state !== "INACTIVE",
    input: () => {
      const note = element("input", { maxLength: 4096 });
      return {
        fields: [field(t("job.why"), note)],
        runner: () => cancel(note.value),
        some: MANY,
      };
    },
  },
  {
    none: "actions.signal",
    some: "actions.signal_some",
    title: "actions.signal_jobs",
    about: "actions.signal_about",
    fits: (row) => row.state === "RUN",
    input: () => {
      const chosen = element("select", {});
      chosen.append(...SIGNALS.map((name) => element("option", { value: name, textContent: `SIG${name}` })));
      return { fields: [field(t("job.signal_name"), chosen)], runner: () => each("signal", { signal: chosen.value }), some: AT_ONCE };
    },
  },
  {
    none: "actions.hold",
    some: "actions.hold_some",
    title: "actions.hold_jobs",
    about: "actions.hold_about",
    fits: (row) => isPending(row) && row.urgency !== 0,
    input: () => ({ fields: [], runner: () => each("urgency", { urgency: "hold" }), some: AT_ONCE }),
  },
  {
    none: "actions.release",
    some: "actions.release_some",
    title: "actions.release_jobs",
    about: "actions.release_about",
    fits: (row) => isPending(row) && row.urgency === 0,
    input: () => ({ fields: [], runner: () => each("urgency", { urgency: "default" }), some: AT_ONCE }),
  },
  {
    none: "actions.urgency",
    some: "actions.urgency_some",
    title: "actions.urgency_jobs",
    about: "actions.urgency_about",
    fits: isPending,
    input: () => {
      const number = element("input", { type: "number", min: "0", max: "31", step: "1", required: true, value: "16" });
      return { fields: [field(t("job.urgency_range"), number)], runner: () => each("urgency", { urgency: number.valueAsNumber }), some: AT_ONCE };
    },
  },
];

/** The bar with what can be done with what is selected. */
export class Actions {
  /**
   * @param {HTMLElement} where
   * @param {import("./grid.js").Grid} grid
   * @param {import("./rows.js").Rows} rows
   * @param {Ended[]} [ended]
   */
  constructor(where, grid, rows, ended = []) {
    this.where = where;
    this.grid = grid;
    this.rows = rows;
    this.said = element("span", { role: "status" });
    this.buttons = ACTIONS.map((action) => {
      const button = element("button", { type: "button", className: action.isFinal ? "danger" : "" });
      button.addEventListener("click", () => confirm(action, this.#chosen().filter(action.fits), () => this.#clear()));
      return button;
    });
    this.ended = ended.map((action) => {
      const button = element("button", { type: "button", hidden: true });
      button.addEventListener("click", () => action.open(this.#chosen().filter(action.fits), () => this.#clear()));
      return { button, ...action };
    });
    const clear = element("button", { type: "button", className: "quiet", textContent: t("actions.select_none") });
    clear.addEventListener("click", () => this.#clear());
    where.replaceChildren(this.said, ...this.buttons, ...this.ended.map(({ button }) => button), clear);
    grid.addEventListener("selection", () => this.offer());
  }

  #clear() {
    this.grid.selected.clear();
    this.grid.soon();
    this.offer();
  }

  /** Return the selected jobs that still exist. */
  #chosen() {
    return [...this.grid.selected].flatMap((id) => this.rows.all.get(id) ?? []);
  }

  /** Show what fits the selected jobs as they are now. */
  offer() {
    const { selected } = this.grid;
    if (!may("operate") || (this.where.hidden && !selected.size)) return;
    for (const id of selected) if (!this.rows.all.has(id)) selected.delete(id);
    const chosen = this.#chosen();
    const had = this.where.contains(document.activeElement);
    this.where.hidden = chosen.length === 0;
    if (this.where.hidden && had) this.grid.frame.focus();
    const away = chosen.length - this.grid.selectedInView;
    let isFitting = false;
    for (const { button, some, fits, exactly } of this.ended) {
      const count = chosen.filter(fits).length;
      text(button, t(some, { count }));
      button.hidden = exactly ? chosen.length !== exactly : count === 0;
      button.disabled = !exactly && !canChange();
      isFitting ||= !exactly && count > 0;
    }
    // Nothing else fits a job that has ended, and a row of dead buttons does not say so.
    const isOver = chosen.every(({ state }) => state === "INACTIVE");
    const said = t(away > 0 ? "actions.selected_away" : "actions.selected", { count: chosen.length, away });
    text(this.said, isOver && !isFitting ? `${said}. ${t("actions.none_active", { count: chosen.length })}` : said);
    for (const [at, button] of this.buttons.entries()) {
      const { none, some, fits } = /** @type {Action} */ (ACTIONS[at]);
      const fitting = chosen.filter(fits).length;
      text(button, fitting ? t(some, { count: fitting }) : t(none));
      button.hidden = isOver;
      button.disabled = fitting === 0 || !canChange();
    }
  }
}

/** @param {HTMLElement} where @param {string} words */
function text(where, words) {
  if (where.textContent !== words) where.textContent = words;
}

/** Say how many jobs run, wait and have ended: 3 running, 12 pending. @param {Row[]} rows */
export function census(rows) {
  const running = rows.filter(({ state }) => RUNNING.includes(state)).length;
  const pending = rows.filter(({ state }) => PENDING.includes(state)).length;
  const ended = rows.length - running - pending;
  return list([
    ...(running ? [t("common.count_running", { count: running })] : []),
    ...(pending ? [t("common.count_pending", { count: pending })] : []),
    ...(ended ? [t("actions.count_ended", { count: ended })] : []),
  ]);
}

/** Say what a cancellation does to the jobs that there are, and nothing of others. @param {Row[]} rows */
export function ending(rows) {
  const running = rows.filter(({ state }) => state === "RUN").length;
  const pending = rows.filter(isPending).length;
  if (running && pending) return t("actions.cancel_both");
  if (running) return t("actions.cancel_running", { count: running });
  return pending ? t("actions.cancel_pending", { count: pending }) : "";
}

/** @param {Action} action @param {Row[]} chosen @param {() => void} clear selects none */
function confirm({ title, about, effect, ended, isFinal = false, input }, chosen, clear) {
  const ids = chosen.map((row) => row.id);
  const action = t(title, { count: ids.length });
  const { fields, runner, some } = input();
  ask({
    title: action,
    heading: t("actions.question", { action }),
    words: t(about, { count: ids.length, states: census(chosen), effect: effect?.(chosen) ?? "" }).replace("  ", " "),
    fields: [namedJobs(chosen, { label: t("actions.named") }), ...(isFinal ? [effects(ids, chosen.filter((row) => row.isInstance).map((row) => row.id))] : []), ...fields],
    isDanger: isFinal,
    run: async (tell, signal) => {
      const { done, failed } = await all(ids, runner(), some, signal, (count) => tell(t("actions.progress", { done: count, total: ids.length })));
      if (failed.length || done < ids.length) throw report(done, ids.length, failed);
      if (!ended) return;
      notice(t(ended, { count: done }));
      clear();
    },
  });
}

/** Ask whether jobs are to be canceled, and do it. @param {Row[]} rows @param {() => void} done is called once all are */
export function askToCancel(rows, done) {
  const [cancel] = ACTIONS;
  if (cancel) confirm(cancel, rows, done);
}

/** Return the failures: a reason that several jobs have is shown once, with the first of them. @param {Failure[]} failed */
export function reasons(failed) {
  /** @type {Map<string, string[]>} */
  const ids = new Map();
  for (const { id, detail } of failed) {
    const known = ids.get(detail);
    if (known) known.push(id);
    else ids.set(detail, [id]);
  }
  return [...ids].map(([detail, all]) => {
    const named = all.slice(0, NAMED).join(", ");
    return all.length > NAMED ? t("actions.same", { ids: named, count: all.length - NAMED, detail }) : `${named}: ${detail}`;
  });
}

/** Report the failures, job by job. @param {number} done @param {number} total @param {Failure[]} failed */
function report(done, total, failed) {
  const counts = { done: done - failed.length, total, failed: failed.length, left: total - done };
  const message = t(done < total ? "actions.stopped" : "actions.done", counts);
  const node = element("div", { className: "notice bad" });
  node.append(element("p", { textContent: message }));
  const list = element("ul", { tabIndex: 0 });
  list.setAttribute("aria-label", t("actions.failures"));
  const lines = reasons(failed);
  list.append(...lines.slice(0, LISTED).map((line) => element("li", { textContent: line })));
  if (lines.length > LISTED) list.append(element("li", { textContent: t("actions.more", { count: lines.length - LISTED }) }));
  if (failed.length) node.append(list);
  return new Told(message, node);
}

/**
 * Ask the service for all, some at a time, until the signal says stop or the service is gone.
 * @param {string[]} ids
 * @param {(ids: string[]) => Promise<Failure[]>} run
 * @param {number} some
 * @param {AbortSignal} signal
 * @param {(done: number) => void} tell
 */
export async function all(ids, run, some, signal, tell) {
  /** @type {Failure[]} */
  const failed = [];
  const unreachable = t("common.unreachable");
  let done = 0;
  for (let at = 0; at < ids.length && !signal.aborted; at += some) {
    const piece = ids.slice(at, at + some);
    const wrong = await run(piece);
    done += piece.length;
    failed.push(...wrong);
    tell(done);
    // A service that does not answer for one job will not answer for the others.
    if (wrong.length === piece.length && wrong.every(({ detail }) => detail === unreachable)) break;
  }
  return { done, failed };
}

/** @param {string} note */
function cancel(note) {
  return async (/** @type {string[]} */ ids) => {
    try {
      const { errors } = await call("POST", "/v1/jobs/cancel", note ? { ids, note } : { ids });
      return errors.map((/** @type {any} */ { id, error }) => ({ id, detail: detailOf(error) }));
    } catch (problem) {
      return ids.map((id) => ({ id, detail: saying(problem) }));
    }
  };
}

/** Send one request per job. @param {string} what @param {object} body */
function each(what, body) {
  return async (/** @type {string[]} */ ids) => {
    const answers = ids.map(async (id) => {
      try {
        await call("POST", `/v1/jobs/${id}/${what}`, body);
        return [];
      } catch (problem) {
        return [{ id, detail: saying(problem) }];
      }
    });
    return (await Promise.all(answers)).flat();
  };
}

/** @param {unknown} problem */
const saying = (problem) => (problem instanceof Problem ? problem.message : String(problem));
