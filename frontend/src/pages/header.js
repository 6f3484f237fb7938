/** The header of every page: search, the reader's choices, and what stops the service. */

import { rewrite } from "../job/timestamps.js";
import { call } from "../ui/api.js";
import { offerCommands } from "../ui/copy_command.js";
import { ask } from "../ui/dialog.js";
import { searchDocsWhileTyping } from "../ui/docs_search.js";
import { element } from "../ui/element.js";
import { SEARCH_KEYS, hearKeys } from "../ui/keys.js";
import { closeMenus } from "../ui/menu.js";
import { prefer, preference } from "../ui/preferences.js";
import { resolved } from "../ui/root.js";
import { t } from "../ui/words.js";
import { typedAhead } from "../ui/typed_ahead.js";

closeMenus();
offerCommands();
rewrite();

// On a phone, the pages are a line that scrolls.
const here = /** @type {HTMLElement | null} */ (document.querySelector(".top nav [aria-current]"));
if (here?.parentElement) here.parentElement.scrollLeft = here.offsetLeft + here.offsetWidth / 2 - here.parentElement.clientWidth / 2;
// Beside a guide, the list of guides scrolls by itself: show the part with this one.
const shelf = document.getElementById("shelf");
/** @type {HTMLElement | null | undefined} */
const current = shelf?.querySelector("[aria-current]");
if (shelf && current) shelf.scrollTop += current.getBoundingClientRect().top - shelf.getBoundingClientRect().top - shelf.clientHeight / 2;
/** @type {HTMLElement | null} */
const pages = document.querySelector(".top nav");
if (pages) {
  const mark = () => {
    pages.classList.toggle("more-before", pages.scrollLeft > 1);
    pages.classList.toggle("more-after", pages.scrollLeft + pages.clientWidth < pages.scrollWidth - 1);
  };
  pages.addEventListener("scroll", mark, { passive: true });
  new ResizeObserver(mark).observe(pages);
}

const menu = /** @type {HTMLDetailsElement | null} */ (document.getElementById("menu"));

/**
 * Show the choice of a preference, and keep what is chosen.
 * @param {import("../ui/preferences.js").Preference} name
 * @param {(value: string) => void} apply
 */
function choose(name, apply) {
  const box = document.getElementById(name);
  if (!box) return;
  box.hidden = false;
  for (const input of box.querySelectorAll("input")) {
    input.checked = input.value === preference(name);
    input.addEventListener("change", () => {
      prefer(name, input.value);
      apply(input.value);
    });
  }
}

choose("theme", (value) => {
  if (value) document.documentElement.dataset["theme"] = value;
  else delete document.documentElement.dataset["theme"];
});
// Each time on the page was formatted when it was drawn.
choose("times", () => location.reload());

const stop = document.getElementById("stop-service");
if (stop) {
  stop.hidden = false;
  stop.addEventListener("click", () => {
    if (menu) menu.open = false;
    ask({
      title: t("stop.button"),
      heading: t("stop.heading"),
      words: t("stop.about"),
      isDanger: true,
      run: async () => {
        await call("POST", "/v1/service/stop", {});
        const told = element("p", { className: "notice bar", role: "status", textContent: t("stop.done") });
        told.dataset["icon"] = "info";
        document.querySelector(".top")?.after(told);
      },
    });
  });
}

/** @type {Promise<typeof import("./palette.js")> | undefined} */
let loading;

/** Load the palette, once it is wanted. @param {(palette: typeof import("./palette.js")) => void} open */
async function withPalette(open) {
  loading ??= import(resolved(document.body.dataset["palette"] ?? ""));
  try {
    open(await loading);
  } catch {
    loading = undefined;
    const notice = element("p", { className: "notice bad", role: "alert", textContent: t("header.search_failed") });
    document.getElementById("content")?.prepend(notice);
    setTimeout(() => notice.remove(), 8000);
  }
}

let isOpening = false;

/** Open the palette with what is typed until it is there. */
async function search() {
  if (isOpening) return;
  isOpening = true;
  const stop = typedAhead();
  await withPalette(({ openPalette }) => {
    const { text, isCanceled } = stop();
    if (!isCanceled) openPalette(text);
  });
  stop();
  isOpening = false;
}
const shortcuts = () => withPalette(({ openShortcuts }) => openShortcuts());
const searchButton = document.getElementById("open-search");
if (searchButton) {
  searchButton.hidden = false;
  searchButton.addEventListener("click", search);
  const keys = searchButton.querySelector("kbd");
  if (keys) keys.textContent = SEARCH_KEYS;
}
const list = document.getElementById("open-shortcuts");
if (list) {
  list.hidden = false;
  list.addEventListener("click", () => {
    if (menu) menu.open = false;
    shortcuts();
  });
}
hearKeys({ search, shortcuts });
const docsForm = /** @type {HTMLFormElement | null} */ (document.querySelector(".docs-bar form"));
if (docsForm) searchDocsWhileTyping(docsForm);
