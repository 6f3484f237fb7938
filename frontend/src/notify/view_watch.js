/**
 * "Tell me" over the table of jobs: the reader is told when the jobs that match the filters and are active now have ended, or,
 * in a view of jobs that have ended in some way, such as `state:failed`, of each that comes to it.
 */

import { print } from "../table/filter_query.js";
import { write } from "../table/filters.js";
import { RESULTS } from "../ui/states.js";
import { tell } from "../ui/tell.js";
import { MEDIUM, SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { watchButton } from "./notify.js";

/** @typedef {import("../table/filter_query.js").Filters} Filters */

/** States of jobs that have ended. */
const ENDED = new Set([...RESULTS, "INACTIVE"].map((word) => word.toLowerCase()));

/** Return what is watched of a view. @param {Filters} filters */
function watched({ state = "", result = "", held: _held, ...more }) {
  const { since: _since, until: _until, ended: _ended, ...rest } = more;
  const ended = [...state.split(","), ...result.split(",")].filter((word) => ENDED.has(word.trim().toLowerCase())).join(",");
  if (ended) return { ...more, state: ended };
  // The state changes until the jobs end, and a job counts whenever it was submitted.
  return rest;
}

/** Return whether the reader is told of each job that joins, instead of the end of the active ones. @param {Filters} rest */
const joins = (rest) => Boolean(rest["state"]);

/** @param {Filters} rest */
const keyOf = (rest) => `${joins(rest) ? "view" : "filter"} ${write(rest, { key: "id", down: true })}`;

/** @param {Filters} rest */
const titleOf = (rest) => (print(rest) ? t("jobs.watch_title", { filter: print(rest) }) : t("common.all_jobs"));

/** The titles of the button, while it is off and on: for all jobs, for a number of jobs, and for those with a filter. */
const TELL = /** @type {const} */ (["jobs.tell_me_title", "jobs.tell_me_count", "jobs.tell_me_filter"]);
const TOLD = /** @type {const} */ (["jobs.told_title", "jobs.told_count", "jobs.told_filter"]);
/** Follow from here: a job may end before the service knows that its end is watched. @param {string | undefined} cursor */
const since = (cursor) => (cursor ? { cursor } : {});

/** @type {Blocked} */
const NONE_BLOCKED = { count: 0, queues: [] };
/** Ids that are kept with a watch. */
const MAX_KEPT = 1000;

/** Stopped queues that are named. */
const MAX_QUEUES = 3;

/** @typedef {import("../ui/situation.js").Blocked} Blocked */
/** @typedef {{ ids: string[], until: number, blocked: Blocked }} Active jobs that match, when the last was submitted, and how many do not start as things are */

/** Say what may keep a promise from coming true. @param {number} count of jobs @param {Blocked} blocked those that do not start as things are */
export function warning(count, { count: blocked, queues }) {
  if (!blocked) return "";
  const said = queues.slice(0, MAX_QUEUES).map((queue) => t("jobs.told_queue", { said: visible(queue, { most: MEDIUM }) }));
  return [count === 1 ? t("jobs.told_blocked_only") : t("jobs.told_blocked", { count: blocked }), ...said].join(" ");
}

export class ViewWatch {
  /** @type {Filters} */
  #rest;
  /** The filter of the reader, as a text. */
  #filter = "";
  /** Active jobs that match; 0 as long as that is not known. */
  #count = 0;
  #hasNone = false;
  /** The words about what may keep the promise from coming true. */
  #warning = "";
  /** The text of the page, and the part of it that changes with the remaining jobs. */
  #said = { text: "", told: "" };
  #hasEnded = false;

  /**
   * @param {import("./watches.js").Watches} watches
   * @param {Filters} filters of the view
   * @param {(rest: Filters, before?: number) => Active | undefined} active gives the active jobs that match, unless there are none
   * @param {(text: string) => void} say
   * @param {() => string | undefined} cursor gives the cursor of the events up to which the reader sees the jobs
   */
  constructor(watches, filters, active, say, cursor) {
    this.watches = watches;
    this.active = active;
    this.say = say;
    this.#rest = watched(filters);
    const make = () => {
      const rest = this.#rest;
      this.#warning = "";
      if (joins(rest)) return { kind: /** @type {const} */ ("view"), key: keyOf(rest), title: titleOf(rest), filters: rest, ...since(cursor()) };
      const found = active(rest);
      if (!found) return t("jobs.none_active");
      const { ids, until, blocked } = found;
      this.#warning = warning(ids.length, blocked);
      return { kind: /** @type {const} */ ("filter"), key: keyOf(rest), title: titleOf(rest), filters: rest, active: ids.slice(0, MAX_KEPT), left: ids.length, until };
    };
    const told = () => this.#told();
    const keep = (/** @type {string} */ text) => {
      this.#said = { text, told: button.ariaPressed === "true" ? told() : "" };
      say(text);
    };
    const { element: button, draw } = watchButton(watches, { off: t("jobs.tell_me"), on: t("jobs.told") }, { key: () => keyOf(this.#rest), make }, keep, told);
    this.element = button;
    this.draw = draw;
    watches.addEventListener("change", () => this.#name());
    button.dataset["icon"] = "bell";
    button.classList.add("quiet");
    this.turn(filters);
  }

  /** Take other filters: say so if the reader waits for the jobs of the former ones. @param {Filters} filters */
  turn(filters) {
    const before = this.#rest;
    // The page says nothing of other filters.
    this.#said = { text: "", told: "" };
    this.#rest = watched(filters);
    this.#filter = visible(print(this.#rest), { most: SHORT });
    this.draw();
    this.#name();
    if (this.watches.has(keyOf(before)) && !this.watches.has(keyOf(this.#rest))) {
      tell(t("jobs.tell_me_off", { title: visible(titleOf(before), { most: SHORT }) }));
    }
  }

  /**
   * Offer to tell when jobs end, if there are some that have not.
   * @param {number | undefined} count active jobs that match, as far as that is known
   * @param {boolean} hasNone
   * @param {boolean} hasEnded whether the instance has, so that no job comes
   */
  offer(count, hasNone, hasEnded) {
    this.#hasEnded = hasEnded;
    this.#count = hasNone ? 0 : count ?? 0;
    this.#hasNone = hasNone;
    this.#name();
  }

  /** Say which jobs the reader can be told of, or will be. */
  #name() {
    const isOn = this.element.ariaPressed === "true";
    const isOfEach = joins(this.#rest);
    const isIdle = (isOfEach ? this.#hasEnded : this.#hasNone) && !isOn;
    const filter = this.#filter;
    // Jobs that came after the click are not meant.
    const count = (isOn ? this.watches.all.find(({ key }) => key === keyOf(this.#rest))?.left : undefined) ?? this.#count;
    const [plain, counted, filtered] = isOn ? TOLD : TELL;
    const each = isOn ? "jobs.told_joins" : "jobs.tell_me_joins";
    const label = isOfEach ? t(each, { filter }) : count ? t(filter ? filtered : counted, { count, filter }) : t(plain);
    if (this.element.disabled !== isIdle) this.element.disabled = isIdle;
    if (this.element.ariaLabel !== label) this.element.ariaLabel = label;
    const title = isIdle ? t("jobs.none_active") : label;
    if (this.element.title !== title) this.element.title = title;
    this.#renew(isOn);
  }

  /** Return the promise, and what may keep it from coming true. */
  #told() {
    return [t("jobs.told_sentence", { told: this.element.ariaLabel ?? "" }), this.#warning].filter(Boolean).join(" ");
  }

  /** Keep what the page says of the promise up to date: fewer jobs are left, or none. @param {boolean} isOn */
  #renew(isOn) {
    const { text, told } = this.#said;
    if (!told || (isOn && told.startsWith(t("jobs.told_sentence", { told: this.element.ariaLabel ?? "" })))) return;
    const { until, left = 0 } = (isOn && this.watches.all.find(({ key }) => key === keyOf(this.#rest))) || {};
    this.#warning = until ? warning(left, this.active(this.#rest, until)?.blocked ?? NONE_BLOCKED) : "";
    const now = isOn ? this.#told() : "";
    this.#said = { text: now && text.replace(told, () => now), told: now };
    this.say(this.#said.text);
  }
}
