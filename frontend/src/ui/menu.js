/** What concerns the service itself, at the end of the top line of every page. */

import { call } from "./api.js";
import { ask } from "./dialog.js";
import { element } from "./element.js";
import { may } from "./rights.js";
import { at } from "./root.js";

/** A menu that opens on a click. */
export function menu() {
  const box = element("details", { className: "menu" });
  const inside = element("div", {});
  const stop = element("button", { type: "button", textContent: "Stop the service …" });
  stop.addEventListener("click", () => {
    box.open = false;
    ask({
      title: "Stop the service",
      heading: "Stop the service?",
      words:
        "This page and every program that uses the service lose it, and nobody can start it from here again. " +
        "Jobs of an embedded instance end with it; under flux start the Flux instance and its jobs end, too.",
      run: () => call("POST", "/v1/service/stop", {}),
    });
  });
  const user = document.body.dataset["user"];
  if (user && may("admin")) inside.append(element("a", { href: at("/ui/tokens"), textContent: "Tokens" }));
  if (may("admin")) inside.append(element("a", { href: at("/ui/webhooks"), textContent: "Webhooks" }));
  if (user) inside.append(leaving(user));
  if (may("admin")) inside.append(stop);
  box.append(element("summary", { textContent: "Service" }), inside);
  closing();
  return box;
}

/** What logs out: a login by cookie ends at once, HTTP Basic on a page of its own. @param {string} user */
function leaving(user) {
  const textContent = `Log out ${user}`;
  const page = at("/ui/logout");
  if (document.body.dataset["signedIn"] === undefined) return element("a", { href: page, textContent });
  const form = element("form", { method: "post", action: page });
  form.append(element("button", { textContent }));
  return form;
}

let isListening = false;

/** Menus close by Escape, and when something else is clicked. */
function closing() {
  if (isListening) return;
  isListening = true;
  const open = () => /** @type {NodeListOf<HTMLDetailsElement>} */ (document.querySelectorAll("details.menu[open]"));
  document.addEventListener("click", ({ target }) => {
    for (const it of open()) if (!it.contains(/** @type {Node} */ (target))) it.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    for (const it of open()) {
      if (it.contains(document.activeElement)) it.querySelector("summary")?.focus();
      it.open = false;
    }
  });
}
