/** "Tell me" over the table of jobs: the reader is told when the active jobs that match the filters have ended. */

import { print } from "../table/filter_query.js";
import { write } from "../table/filters.js";
import { element } from "../ui/element.js";
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

export class ViewWatch {
  /** @type {Filters} */
  #rest;
  /** What the reader has typed, as it is said. */
  #filter = "";

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
    const { element: button, draw } = watchButton(watches, t("jobs.tell_me"), { key: () => keyOf(this.#rest), make }, say);
    this.element = button;
    this.draw = draw;
    button.ariaLabel = button.title = t("jobs.tell_me_title");
    // Where there is little room, the button has no words.
    button.replaceChildren(element("span", { className: "words", textContent: t("jobs.tell_me") }));
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
    const isIdle = hasNone && this.element.ariaPressed !== "true";
    const filter = this.#filter;
    const label = count && !hasNone ? t(filter ? "jobs.tell_me_filter" : "jobs.tell_me_count", { count, filter }) : t("jobs.tell_me_title");
    if (this.element.disabled !== isIdle) this.element.disabled = isIdle;
    if (this.element.ariaLabel !== label) this.element.ariaLabel = label;
    const title = isIdle ? t("jobs.none_active") : label;
    if (this.element.title !== title) this.element.title = title;
  }
}
