/** The button that tells of the end of what was submitted last. */

import { watchButton } from "../notify/notify.js";
import { t } from "../ui/words.js";

/** @typedef {import("../notify/watches.js").Watch} Watch */

/**
 * Return what is to be watched, unless it is several jobs without a group.
 * @param {Record<string, any>} answer of the service
 * @param {string} name of the job, if it has one
 * @returns {Watch | undefined}
 */
export function watchOf(answer, name) {
  const { group } = answer;
  if (group) return { kind: "group", key: `group ${group}`, id: group, title: t("group.title", { name: name || group }) };
  const ids = answer["jobs"] ? answer["jobs"].flatMap((/** @type {{ id?: string }} */ it) => it.id ?? []) : [answer["id"]];
  const [id] = ids;
  if (ids.length !== 1) return undefined;
  return { kind: "job", key: `job ${id}`, id, title: name ? t("job.title_named", { id, name }) : t("job.title", { id }) };
}

export class TellMade {
  /** @type {Watch | undefined} */
  #made;

  /** @param {import("../notify/watches.js").Watches} watches @param {HTMLElement} where @param {HTMLElement} said */
  constructor(watches, where, said) {
    const make = () => /** @type {Watch} */ (this.#made);
    const { element, draw } = watchButton(watches, { off: t("group.watch"), on: t("group.watched") }, { key: () => this.#made?.key ?? "", make }, (text) => {
      said.textContent = text;
    });
    element.dataset["icon"] = "bell";
    this.where = where;
    this.said = said;
    this.draw = draw;
    where.append(element);
  }

  /** @param {Watch | undefined} made */
  offer(made) {
    this.#made = made;
    this.said.textContent = "";
    this.where.hidden = !made;
    this.draw();
  }
}
