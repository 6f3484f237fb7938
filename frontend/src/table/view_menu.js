/** The menus at the end of the line of filters: how the table looks, and its download. */

import { offerLink } from "../ui/clipboard.js";
import { element } from "../ui/element.js";
import { prefer, preference } from "../ui/preferences.js";
import { tell } from "../ui/tell.js";
import { t } from "../ui/words.js";
import { choose } from "./column_settings.js";
import * as download from "./download.js";
import { isCut } from "./grid_parts.js";
import { savedViewsMenu } from "./saved_views_menu.js";

/**
 * Return a choice of the density of rows.
 * @param {() => void} changed
 */
function density(changed) {
  const set = element("fieldset", { className: "segmented", ariaLabel: t("jobs.density") });
  for (const [value, title] of [["", t("jobs.comfortable")], ["compact", t("jobs.compact")]]) {
    const label = element("label", {});
    const radio = element("input", { type: "radio", name: "density", value, checked: preference("density") === value });
    radio.addEventListener("change", () => {
      prefer("density", value ?? "");
      document.documentElement.dataset["density"] = value ?? "";
      changed();
    });
    label.append(radio, title ?? "");
    set.append(label);
  }
  return set;
}

/**
 * @param {HTMLElement} where
 * @param {import("./columns.js").Column[]} all
 * @param {import("./column_settings.js").Choice} choice
 * @param {import("./grid.js").Grid} grid
 * @param {{ columns: () => void, rows: () => void, groups: () => void }} changed
 * @param {() => string} title of the view that is shown
 */
export function viewMenu(where, all, choice, grid, changed, title) {
  const groups = element("input", { type: "checkbox", checked: choice.isGrouped });
  groups.addEventListener("change", () => {
    choice.group(groups.checked);
    changed.groups();
  });
  const label = element("label", { title: t("jobs.groups_title") });
  label.append(groups, t("jobs.groups"));
  const columns = element("div", { className: "choices", role: "group", ariaLabel: t("jobs.columns") });
  const explain = choose(columns, all, choice, changed.columns, (key) => isCut(grid, choice, key));
  where.closest("details")?.addEventListener("toggle", explain);
  addEventListener("resize", explain);
  const link = element("button", { type: "button", textContent: t("job.copy_link") });
  link.dataset["icon"] = "copy";
  offerLink(link, () => location.href, { pass: tell, tell });
  const saved = savedViewsMenu(title);
  where.closest("details")?.addEventListener("toggle", saved.draw);
  where.replaceChildren(...saved.parts, element("hr", {}), density(changed.rows), element("hr", {}), label, link, element("hr", {}), element("p", { className: "title", textContent: t("jobs.columns") }), columns);
}

/**
 * Have the buttons of the menu download the jobs of the view.
 * @param {(id: string) => HTMLElement} $
 * @param {{ jobs: () => import("./rows.js").Row[], choice: import("./column_settings.js").Choice, now: () => number }} view
 */
export function downloads($, { jobs, choice, now }) {
  for (const kind of /** @type {const} */ (["csv", "json"])) {
    $(kind).addEventListener("click", async (event) => {
      const button = /** @type {HTMLButtonElement} */ (event.currentTarget);
      if (button.getAttribute("aria-busy") === "true") return;
      button.setAttribute("aria-busy", "true");
      const rows = jobs();
      const form = kind === "csv" ? download.csv(download.columnsOf(choice, rows, now()), now()) : download.json(now());
      download.save(`jobs.${kind}`, kind === "csv" ? "text/csv" : "application/json", await download.write(rows, form));
      button.removeAttribute("aria-busy");
    });
  }
}
