/** The part of the menu View with the views that the reader has saved. */

import { ask, field } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { addressOf, deleteView, MAX_NAME_CHARS, savedViews, saveView } from "../ui/saved_views.js";
import { tell } from "../ui/tell.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @param {import("../ui/saved_views.js").SavedView} view @param {() => void} changed */
function row(view, changed) {
  const name = visible(view.name, { most: SHORT });
  const link = element("a", { href: addressOf(view), textContent: name });
  if (view.query === location.search.slice(1)) link.setAttribute("aria-current", "true");
  const remove = element("button", { type: "button", className: "quiet icon-button", ariaLabel: t("jobs.view_delete", { name }), title: t("jobs.view_delete", { name }) });
  remove.dataset["icon"] = "close";
  remove.addEventListener("click", () => {
    deleteView(view.name);
    changed();
  });
  const item = element("div", { className: "menu-row" });
  item.append(link, remove);
  return item;
}

/** @param {string} name that is offered @param {() => void} saved */
function save(name, saved) {
  const input = element("input", { required: true, maxLength: MAX_NAME_CHARS, value: name.slice(0, MAX_NAME_CHARS) });
  ask({
    title: t("jobs.view_save_go"),
    heading: t("jobs.view_save_heading"),
    words: t("jobs.view_save_about"),
    fields: [field(t("jobs.view_name"), input)],
    again: true,
    run: async () => {
      const view = { name: input.value.trim(), query: location.search.slice(1) };
      if (!saveView(view)) throw new Error(t("jobs.view_not_saved"));
      tell(t("jobs.view_saved", { name: visible(view.name, { most: SHORT }) }));
      saved();
    },
  });
}

/** @param {() => string} title of the view that is shown @returns {{ parts: HTMLElement[], draw: () => void }} */
export function savedViewsMenu(title) {
  const where = element("div", { className: "saved-views" });
  const button = element("button", { type: "button", textContent: t("jobs.view_save") });
  button.dataset["icon"] = "plus";
  button.addEventListener("click", () => save(title(), draw));
  const draw = () => {
    const views = savedViews();
    const heading = element("p", { className: "title", textContent: t("jobs.views_saved") });
    where.replaceChildren(heading, ...views.map((view) => row(view, draw)));
    where.hidden = !views.length;
    button.disabled = !location.search;
    button.title = location.search ? "" : t("jobs.view_save_none");
  };
  draw();
  return { parts: [where, button], draw };
}
