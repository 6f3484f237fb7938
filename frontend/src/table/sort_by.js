/** The control that sorts the table where its headings have no room: a list of the columns, and the direction. */

import { element } from "../ui/element.js";
import { t } from "../ui/words.js";

/** @typedef {{ key: string, down: boolean }} SortOrder */

export class SortBy {
  /** @type {SortOrder} */
  #order = { key: "id", down: true };

  /** @param {(order: SortOrder) => void} sort */
  constructor(sort) {
    this.element = element("div", { className: "sort-by" });
    this.list = element("select", { ariaLabel: t("jobs.sort_by") });
    this.turn = element("button", { type: "button", className: "quiet" });
    this.list.addEventListener("change", () => sort({ ...this.#order, key: this.list.value }));
    this.turn.addEventListener("click", () => sort({ ...this.#order, down: !this.#order.down }));
    this.element.append(this.list, this.turn);
  }

  /** Offer these columns, of which the table is sorted by one. @param {import("./columns.js").Column[]} columns @param {SortOrder} order */
  show(columns, order) {
    this.#order = order;
    this.list.replaceChildren(...columns.map(({ key, title }) => new Option(title, key, false, key === order.key)));
    this.turn.title = this.turn.ariaLabel = t(order.down ? "jobs.sort_down" : "jobs.sort_up");
    this.turn.dataset["icon"] = order.down ? "sort-down" : "sort-up";
  }
}
