/** "Tell me" over the table of jobs: the reader is told when the active jobs that match the filters have ended. */

import { print } from "../table/filter_query.js";
import { write } from "../table/filters.js";
import { tell } from "../ui/tell.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { watchButton } from "./notify.js";

/** @typedef {import("../table/filter_query.js").Filters} Filters */

/** Return the filters but those of the state, which changes until the jobs end, and of the time. @param {Filters} filters */
const watched = ({ state: _state, result: _result, since: _since, until: _until, ...rest }) => rest;

/** @param {Filters} rest */
const keyOf = (rest) => `filter ${write(rest, { key: "id", down: true })}`;

/** @param {Filters} rest */
const titleOf = (rest) => (print(rest) ? t("jobs.watch_title", { filter: print(rest) }) : t("common.all_jobs"));

/** What the button offers, and what it has been pressed for: of all jobs, of so many, and of those with a filter. */
const TELL = /** @type {const} */ (["jobs.tell_me_title", "jobs.tell_me_count", "jobs.tell_me_filter"]);
const TOLD = /** @type {const} */ (["jobs.told_title", "jobs.told_count", "jobs.told_filter"]);

export class ViewWatch {
  /** @type {Filters} */
  #rest;
  /** What the reader has typed, as it is said. */
  #filter = "";
  /** Active jobs that match; 0 as long as that is not known. */
  #count = 0;
  #hasNone = false;

  /**
   * @param {import("./watches.js").Watches} watches
   * @param {Filters} filters of the view
   * @param {(rest: Filters) => string[] | undefined} active gives the IDs of the active jobs that match, unless there are none
   * @param {(text: string) => void} say
   */
  constructor(watches, filters, active, say) {
    this.watches = watches;
    this.#rest = watched(filters);
    const make = () => {
      const rest = this.#rest;
      const ids = active(rest);
      return ids ? { kind: /** @type {const} */ ("filter"), key: keyOf(rest), title: titleOf(rest), filters: rest, active: ids } : t("jobs.none_active");
    };
    const { element: button, draw } = watchButton(watches, { off: t("jobs.tell_me"), on: t("jobs.told") }, { key: () => keyOf(this.#rest), make }, say);
    this.element = button;
    this.draw = draw;
    watches.addEventListener("change", () => this.#name());
    button.dataset["icon"] = "bell";
    button.classList.add("quiet");
    this.turn(filters);
  }

  /** The filters are others: say so if the reader waits for the jobs of those before, and not of these. @param {Filters} filters */
  turn(filters) {
    const before = this.#rest;
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
   */
  offer(count, hasNone) {
    this.#count = hasNone ? 0 : count ?? 0;
    this.#hasNone = hasNone;
    this.#name();
  }

  /** Say which jobs the reader can be told of, or will be. */
  #name() {
    const isOn = this.element.ariaPressed === "true";
    const isIdle = this.#hasNone && !isOn;
    const filter = this.#filter;
    const count = this.#count;
    const [plain, counted, filtered] = isOn ? TOLD : TELL;
    const label = count ? t(filter ? filtered : counted, { count, filter }) : t(plain);
    if (this.element.disabled !== isIdle) this.element.disabled = isIdle;
    if (this.element.ariaLabel !== label) this.element.ariaLabel = label;
    const title = isIdle ? t("jobs.none_active") : label;
    if (this.element.title !== title) this.element.title = title;
  }
}
