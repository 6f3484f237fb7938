/** The times of a page, in the reader's zone: short to read at a glance, or whole with the date. */

import { absolute, moment } from "../ui/format.js";
import { element } from "../ui/element.js";
import { moments, zone } from "../ui/times.js";
import { t } from "../ui/words.js";

const dated = moments({ dateStyle: "medium", timeStyle: "long" });

let isWhole = false;

/** Write a moment into its element; the other form of it is its title.
 * @param {HTMLTimeElement} time
 * @param {number} at seconds since 1970
 */
function write(time, at) {
  const short = moment(at, Date.now() / 1000);
  const text = isWhole && short ? dated.format(at * 1000) : short;
  if (time.textContent === text && time.dateTime) return;
  time.textContent = text;
  time.title = isWhole ? iso(at) : absolute(at);
  time.dateTime = iso(at);
  time.dataset["at"] = String(at);
}

/** @param {number} at */
function iso(at) {
  const date = new Date(at * 1000);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString();
}

/** Rewrite every time in the page, or in a new part of it. @param {Document} where */
export function rewrite(where = document) {
  for (const time of where.querySelectorAll("time[data-at]")) {
    const it = /** @type {HTMLTimeElement} */ (time);
    write(it, Number(it.dataset["at"]));
  }
}

/** Return the button that shows all times in full, and the name of their zone. */
export function choice() {
  const button = element("button", { type: "button", textContent: t("job.full_timestamps") });
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    isWhole = !isWhole;
    button.setAttribute("aria-pressed", String(isWhole));
    rewrite();
  });
  const where = element("p", { className: "soft moments", textContent: `${t("job.zone", { zone: zone() })} ` });
  where.append(button);
  return where;
}
