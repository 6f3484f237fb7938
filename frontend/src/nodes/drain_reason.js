/** Why a node is drained: as much as has room, and all of it when asked for. */

import { absolute, moment } from "../ui/format.js";
import { element } from "../ui/element.js";
import { states } from "./nodes.js";
import { visible } from "../ui/visible.js";

/** Characters that a cell has room for. */
const ROOM = 40;

/** @typedef {import("./nodes.js").Node} Node */

/** @param {Node} node @param {number} now seconds since 1970 */
export function reason(node, now) {
  const cell = element("td", { role: "cell", className: "why" });
  const { reason: text = "", drained_at: at } = node;
  if (!text && !at) return cell;
  const since = at ? ` (since ${moment(at, now)})` : "";
  const said = `${visible(text, { most: ROOM })}${since}`;
  const button = element("button", { type: "button", textContent: said, title: "Show the full reason" });
  button.addEventListener("click", () => tell(node));
  cell.append(button);
  return cell;
}

/** @param {Node} node */
function tell(node) {
  const { name, rank, reason: text = "", drained_at: at } = node;
  const dialog = element("dialog", {});
  dialog.setAttribute("aria-labelledby", "told");
  const close = element("button", { type: "button", textContent: "Close" });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  const buttons = element("p", { className: "buttons" });
  buttons.append(close);
  dialog.append(
    element("h2", { id: "told", textContent: `${visible(name, { most: ROOM })}, rank ${rank}, is ${states(node).join(", ")}` }),
    element("p", { className: "said", textContent: visible(text, { lines: true }) || "No reason was given." }),
    element("p", { textContent: at ? `Drained ${absolute(at)}` : "" }),
    buttons,
  );
  document.body.append(dialog);
  dialog.showModal();
}
