/** The palette: one field that finds jobs, nodes, groups, queues, pages and actions, and opens what is chosen. */

import { element } from "../ui/element.js";
import { t } from "../ui/words.js";
import { words, score } from "./matches.js";
import { MAX_QUERY_CHARACTERS, sources } from "./sources.js";

/** @typedef {import("./sources.js").Entry} Entry */
/** @typedef {import("./sources.js").Source} Source */

/** Milliseconds without another key until the service is asked. */
const DELAY_MS = 120;

/** @param {Entry} entry */
const exact = ({ isExact }) => Boolean(isExact);

/** @param {string} name */
const icon = (name) => {
  const made = element("span", { className: "icon" });
  made.dataset["icon"] = name;
  return made;
};

class Palette {
  #sources = sources();
  /** @type {Entry[][]} what each source has found */
  #found = this.#sources.map(() => []);
  /** @type {Map<string, { entry: Entry, option: HTMLElement }>} */
  #options = new Map();
  #active = "";
  /** True if the reader has moved to the active option; else it is the first. */
  #isChosen = false;
  /** Number of the query; answers to one before are ignored. */
  #query = 0;
  /** Sources that have not answered yet. */
  #open = 0;
  /** True if Enter was pressed before all answers had arrived. */
  #isEntered = false;
  /** Why a source found nothing. */
  #wrong = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  constructor() {
    this.input = element("input", { type: "search", placeholder: t("palette.hint"), autocomplete: "off", spellcheck: false, maxLength: MAX_QUERY_CHARACTERS });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-label": t("palette.search"), "aria-autocomplete": "list", "aria-expanded": "true", "aria-controls": "palette-list", autocapitalize: "none" })) {
      this.input.setAttribute(name, value);
    }
    this.list = element("div", { id: "palette-list", role: "listbox", className: "palette-list" });
    this.list.setAttribute("aria-label", t("palette.found"));
    this.said = element("p", { className: "palette-said", role: "status" });
    const close = element("button", { type: "button", className: "quiet icon-button", title: t("palette.close") });
    close.setAttribute("aria-label", t("palette.close"));
    close.dataset["icon"] = "close";
    close.addEventListener("click", () => this.dialog.close());
    const line = element("div", { className: "palette-line" });
    line.append(icon("search"), this.input, close);
    const foot = element("p", { className: "palette-foot" });
    for (const [keys, text] of [[["↑", "↓"], t("palette.key_move")], [["↵"], t("palette.key_open")], [[/Mac|iP/.test(navigator.platform) ? "⌘" : "Ctrl", "↵"], t("palette.key_tab")], [["Esc"], t("palette.key_close")]]) {
      const hint = element("span", {});
      hint.append(...[...(keys ?? [])].flatMap((key) => [element("kbd", { textContent: key }), " "]), String(text));
      foot.append(hint);
    }
    this.dialog = element("dialog", { className: "palette" });
    this.dialog.setAttribute("aria-label", t("palette.search"));
    this.dialog.append(line, this.list, this.said, foot);
    this.#listen();
  }

  #listen() {
    this.input.addEventListener("input", () => this.#ask());
    this.dialog.addEventListener("keydown", (event) => this.#key(event));
    this.list.addEventListener("click", (event) => {
      const key = /** @type {HTMLElement} */ (event.target).closest("[role=option]")?.id;
      const found = [...this.#options.values()].find(({ option }) => option.id === key);
      if (!found) return;
      // A click with Ctrl or the middle button opens a tab by itself.
      if (found.entry.href) return void (event.ctrlKey || event.metaKey || event.shiftKey || setTimeout(() => this.dialog.close()));
      event.preventDefault();
      this.#act(found.entry, false);
    });
    // A click beside the dialog meets the dialog itself.
    this.dialog.addEventListener("click", ({ target }) => target === this.dialog && this.dialog.close());
    this.dialog.addEventListener("close", () => {
      clearTimeout(this.#timer);
      this.#query += 1;
      this.dialog.remove();
    });
  }

  open() {
    document.body.append(this.dialog);
    this.dialog.showModal();
    this.input.focus();
    this.#ask();
  }

  /** Find what matches now, and a moment later what the service knows. */
  #ask() {
    const query = this.input.value;
    const wanted = words(query);
    const number = ++this.#query;
    this.#isChosen = this.#isEntered = false;
    this.#wrong = "";
    this.#open = 0;
    this.#found = this.#sources.map(({ now }, index) =>
      // Results for the beginning of a word stay while they match, so that nothing flickers.
      now ? now(query) : wanted.length ? (this.#found[index] ?? []).filter((it) => score([it.title, it.id, it.detail].join(" "), wanted)) : [],
    );
    clearTimeout(this.#timer);
    if (wanted.length) {
      this.#open = this.#sources.filter(({ later }) => later).length;
      this.#timer = setTimeout(() => this.#askService(query, number), DELAY_MS);
    }
    this.#draw();
  }

  /** @param {string} query @param {number} number */
  #askService(query, number) {
    for (const [index, { later }] of this.#sources.entries()) {
      later?.(query).catch((problem) => {
        if (number === this.#query) this.#wrong ||= problem instanceof Error ? problem.message : String(problem);
        return /** @type {Entry[]} */ ([]);
      }).then((entries) => {
        if (number !== this.#query) return;
        this.#open -= 1;
        this.#found[index] = entries;
        this.#draw();
        const active = this.#options.get(this.#active);
        if (!this.#open && this.#isEntered && active) this.#act(active.entry, false);
      });
    }
  }

  #draw() {
    this.#options.clear();
    // The section with what is named exactly so comes first; sections that are equal keep their order.
    const sorted = this.#sources
      .map(({ title }, index) => ({ title, index, entries: this.#found[index] ?? [] }))
      .sort((one, other) => Number(other.entries.some(exact)) - Number(one.entries.some(exact)));
    const sections = sorted.flatMap(({ title, index, entries }) => {
      if (!entries.length) return [];
      const section = element("div", { role: "group" });
      const name = `palette-section-${index}`;
      section.setAttribute("aria-labelledby", name);
      section.append(element("p", { id: name, className: "palette-title", textContent: t(title), role: "presentation" }), ...entries.filter(exact).concat(entries.filter((it) => !exact(it))).map((entry) => this.#option(entry)));
      return [section];
    });
    this.list.replaceChildren(...sections);
    if (!this.#isChosen || !this.#options.has(this.#active)) this.#active = this.#options.keys().next().value ?? "";
    this.#mark();
    this.#tell();
  }

  /** @param {Entry} entry */
  #option(entry) {
    const option = entry.href ? element("a", { href: entry.href }) : element("div", {});
    Object.assign(option, { className: "palette-option", role: "option", id: `palette-option-${this.#options.size}`, tabIndex: -1 });
    option.append(icon(entry.icon), element("span", { className: "palette-what", textContent: entry.title }));
    if (entry.id && entry.id !== entry.title) option.append(element("code", { textContent: entry.id }));
    if (entry.detail) option.append(element("span", { className: "soft", textContent: entry.detail }));
    if (entry.status) {
      const status = element("span", { className: "status", textContent: entry.status });
      status.dataset["status"] = entry.status;
      option.append(status);
    }
    this.#options.set(entry.key, { entry, option });
    return option;
  }

  #mark() {
    for (const [key, { option }] of this.#options) option.setAttribute("aria-selected", String(key === this.#active));
    const active = this.#options.get(this.#active)?.option;
    if (active) this.input.setAttribute("aria-activedescendant", active.id);
    else this.input.removeAttribute("aria-activedescendant");
    active?.scrollIntoView({ block: "nearest" });
  }

  #tell() {
    const count = this.#options.size;
    const found = count ? t("palette.results", { count }) : t("palette.nothing");
    this.said.textContent = this.#wrong || (this.#open ? t("palette.searching") : found);
    this.said.classList.toggle("wrong", Boolean(this.#wrong));
    this.said.classList.toggle("hidden-title", !this.#wrong && (count > 0 || this.#open > 0));
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = /** @type {Record<string, number>} */ ({ ArrowDown: 1, ArrowUp: -1, PageDown: 6, PageUp: -6 })[event.key];
    if (step && !event.altKey) {
      event.preventDefault();
      this.#move(step);
    } else if (event.key === "Escape" && !event.isComposing) {
      // The field would take the first press to empty itself.
      event.preventDefault();
      this.dialog.close();
    } else if (event.key === "Enter" && event.target === this.input && !event.isComposing) {
      event.preventDefault();
      const active = this.#options.get(this.#active);
      if (this.#open && !this.#isChosen) this.#isEntered = true;
      else if (active) this.#act(active.entry, event.ctrlKey || event.metaKey);
    }
  }

  /** @param {number} step of one, which leads around the ends, or more */
  #move(step) {
    const keys = [...this.#options.keys()];
    if (!keys.length) return;
    const place = keys.indexOf(this.#active) + step;
    const index = Math.abs(step) === 1 ? (place + keys.length) % keys.length : Math.min(Math.max(place, 0), keys.length - 1);
    this.#active = keys[index] ?? "";
    this.#isChosen = true;
    this.#isEntered = false;
    this.#mark();
  }

  /** @param {Entry} entry @param {boolean} isApart whether in a new tab */
  #act({ href, run }, isApart) {
    if (href && isApart) return void window.open(href, "_blank", "noopener");
    this.dialog.close();
    if (href) location.assign(href);
    else run?.();
  }
}

/** Open the palette. */
export function openPalette(text = "") {
  const palette = new Palette();
  palette.input.value = text.slice(0, MAX_QUERY_CHARACTERS);
  palette.open();
}
