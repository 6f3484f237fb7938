/** The notice above the form: what it was filled with, and how to go back. */

import { element } from "../ui/element.js";
import { stranger } from "../ui/rights.js";
import { at } from "../ui/root.js";
import { moments } from "../ui/times.js";
import { SHORT, visible } from "../ui/visible.js";
import { rich, t } from "../ui/words.js";
import { shortest, spelled } from "./duration.js";
import { CC } from "./resubmit.js";

/** The factor of the time limit that is offered first: twice the one that was too short. */
const FACTOR = 2;

const moment = moments({ month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });

export class Origin {
  constructor() {
    this.where = /** @type {HTMLElement} */ (document.getElementById("origin"));
  }

  hide() {
    this.where.hidden = true;
    this.where.replaceChildren();
  }

  /** @param {string} text @param {() => void} [restore] fills the form again as it was, if it held anything */
  tell(text, restore) {
    this.#show(element("p", { textContent: text }));
    this.offer(restore);
  }

  /** Tell that the form was filled with what was typed before. @param {number} when milliseconds since 1970 @param {() => void} startOver */
  draft(when, startOver) {
    const words = element("p", { textContent: t("submit.draft", { when: moment.format(when) }) });
    if (this.where.hidden) this.#show(words);
    else this.where.append(words);
    const button = element("button", { type: "button", textContent: t("submit.clear") });
    button.addEventListener("click", startOver);
    this.where.append(button);
  }

  /** Offer to go back, beside what is told. @param {(() => void) | undefined} restore */
  offer(restore) {
    if (!restore) return;
    const undo = element("button", { type: "button", textContent: t("submit.undo") });
    undo.addEventListener("click", () => {
      this.hide();
      restore();
    });
    this.where.append(undo);
  }

  /**
   * @param {string} id @param {import("./form.js").Values} values what the form was filled with
   * @param {Record<string, any>} [record] @param {(limit: string) => void} [extend] sets a longer time limit
   */
  resubmit(id, values, record, extend) {
    const link = element("a", { href: at(`/ui/jobs/${encodeURIComponent(id)}`), textContent: id });
    const name = visible(String(record?.["name"] ?? ""), { most: SHORT });
    const job = element("span", {});
    job.append(...(name ? [`${name} (`, link, ")"] : [link]));
    const words = element("p", {});
    const hasNumber = String(values["environment"] ?? "").startsWith(`${CC}=`);
    words.append(rich(values["jobspec"] ? "submit.same_as_whole" : hasNumber ? "submit.same_as_number" : "submit.same_as", { job }));
    const group = String(values["group"] ?? "");
    if (group) words.append(" ", t("submit.same_group", { group: visible(group, { most: SHORT }) }));
    const user = stranger(record?.["username"]);
    // The job runs the command of that user, so this comes first.
    if (user) words.prepend(t("submit.of_other", { user: visible(user, { most: SHORT }) }), " ");
    this.#show(words, user ? "bad" : "info");
    const limit = record?.["duration"];
    if (!extend || record?.["result"] !== "TIMEOUT" || !(limit > 0)) return;
    const more = Math.ceil(limit * FACTOR);
    const button = element("button", { type: "button", textContent: t("submit.more_time", { duration: spelled(more) }) });
    button.addEventListener("click", () => {
      button.remove();
      extend(shortest(more));
    });
    words.append(" ", t("submit.ran_out", { duration: spelled(Math.round(limit)) }));
    this.where.append(button);
  }

  /** @param {string} id @param {string} why */
  failed(id, why) {
    this.#show(element("p", { textContent: t("submit.not_filled", { id, why }) }), "bad");
  }

  /** @param {HTMLElement} words @param {"info" | "bad"} [tone] */
  #show(words, tone = "info") {
    this.where.hidden = false;
    this.where.className = `notice ${tone}`;
    this.where.replaceChildren(words);
  }
}
