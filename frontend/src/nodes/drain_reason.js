/** Why a node is drained: as much as has room, and all of it when asked for. */

import { absolute, moment } from "../ui/format.js";
import { element } from "../ui/element.js";
import { t } from "../ui/words.js";
import { STATE_WORDS, states } from "./nodes.js";
import { visible } from "../ui/visible.js";

/** Characters that a cell has room for in a wide window; the sheet cuts what has none. */
const ROOM = 240;

/** @typedef {import("./nodes.js").Node} Node */

/** @param {Node} node @param {number} now seconds since 1970 */
export function reason(node, now) {
  const cell = element("td", { role: "cell", className: "why" });
  const { reason: text = "", drained_at: at } = node;
  if (!text && !at) return cell;
  const said = text ? visible(text, { most: ROOM }) : t("nodes.no_reason");
  const button = element("button", { type: "button", className: "quiet", title: t("nodes.whole_reason") });
  button.append(element("span", { className: "said", textContent: said }));
  if (at) button.append(" ", element("span", { className: "soft", textContent: t("nodes.since", { time: moment(at, now) }) }));
  // It opens, which a touch cannot learn from a title.
  const sign = element("span", { className: "icon" });
  sign.dataset["icon"] = "right";
  button.append(sign);
  button.addEventListener("click", () => tell(node));
  cell.append(button);
  return cell;
}

/** @param {Node} node */
function tell(node) {
  const { name, rank, reason: text = "", drained_at: at } = node;
  const dialog = element("dialog", {});
  dialog.setAttribute("aria-labelledby", "told");
  const close = element("button", { type: "button", textContent: t("nodes.close") });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  const buttons = element("p", { className: "buttons" });
  buttons.append(close);
  const words = states(node).map((it) => t(STATE_WORDS[it])).join(", ");
  dialog.append(
    element("h2", { id: "told", textContent: t("nodes.told", { name: visible(name, { most: ROOM }), rank: String(rank), states: words }) }),
    element("p", { className: "said", textContent: visible(text, { lines: true }) || t("nodes.no_reason") }),
    element("p", { textContent: at ? t("nodes.drained_at", { time: absolute(at) }) : "" }),
    buttons,
  );
  document.body.append(dialog);
  dialog.showModal();
}
