/** The list of keyboard shortcuts. */

import { element } from "../ui/element.js";
import { prefer, preference } from "../ui/preferences.js";
import { t } from "../ui/words.js";

/** @typedef {import("../ui/words.js").Key} Key */

const COMMAND = /Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl";

/** @type {[Key, [string[], Key][]][]} */
const SHORTCUTS = [
  ["shortcuts.everywhere", [
    [[COMMAND, "K"], "shortcuts.search"],
    [["/"], "shortcuts.filter"],
    [["?"], "shortcuts.list"],
    [["Esc"], "shortcuts.close"],
  ]],
  ["shortcuts.table", [
    [["↑", "↓"], "shortcuts.rows"],
    [["Page ↑", "Page ↓"], "shortcuts.pages"],
    [["Home", "End"], "shortcuts.edges"],
    [["→", "←"], "shortcuts.unfold"],
    [["↵"], "shortcuts.open_job"],
    [["Space"], "shortcuts.select"],
    [["Shift", "←", "→"], "shortcuts.width"],
  ]],
  ["shortcuts.filters", [
    [["↓", "↑"], "shortcuts.suggestions"],
    [["↵"], "shortcuts.take"],
    [["⌫"], "shortcuts.edit_last"],
  ]],
  ["shortcuts.output", [
    [["↵"], "shortcuts.match_next"],
    [["Shift", "↵"], "shortcuts.match_before"],
    [["Shift"], "shortcuts.lines"],
    [["Esc"], "shortcuts.leave_full"],
  ]],
  ["shortcuts.submit", [
    [[COMMAND, "↵"], "shortcuts.submit_job"],
    [["Tab"], "shortcuts.indent"],
  ]],
];

/** Open the list. */
export function openShortcuts() {
  const dialog = element("dialog", { className: "shortcuts" });
  dialog.setAttribute("aria-labelledby", "shortcuts-title");
  const close = element("button", { type: "button", className: "quiet icon-button", ariaLabel: t("palette.close"), title: t("palette.close"), autofocus: true });
  close.dataset["icon"] = "close";
  close.addEventListener("click", () => dialog.close());
  const head = element("header", {});
  head.append(element("h2", { id: "shortcuts-title", textContent: t("header.shortcuts") }), close);
  const sections = SHORTCUTS.flatMap(([title, lines]) => {
    const list = element("dl", {});
    for (const [keys, text] of lines) {
      const line = element("div", {});
      const term = element("dt", {});
      term.append(...keys.flatMap((key, index) => [index ? " " : "", element("kbd", { textContent: key })]));
      line.append(term, element("dd", { textContent: t(text) }));
      list.append(line);
    }
    const section = element("section", {});
    section.append(element("h3", { textContent: t(title) }), list);
    return [section];
  });
  const columns = element("div", { className: "columns" });
  columns.append(...sections);
  // People who use speech input may press single keys without meaning to (WCAG 2.1.4).
  const box = element("input", { type: "checkbox", checked: preference("keys") !== "off" });
  box.addEventListener("change", () => prefer("keys", box.checked ? "" : "off"));
  const label = element("label", { className: "check" });
  label.append(box, ` ${t("shortcuts.single")}`);
  dialog.append(head, columns, label);
  dialog.addEventListener("click", ({ target }) => target === dialog && dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
