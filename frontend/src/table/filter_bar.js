/**
 * The one field of the filters: each filter is a chip, words are searched for as they are written, and what is written
 * is completed by what the jobs have. All of it can be done with the keyboard.
 */

import { element } from "../ui/element.js";
import { painted } from "../ui/painted.js";
import { number, t } from "../ui/words.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { start, suggestions } from "./completion.js";
import { joined, KEYS, keyed, meantKey, problem, tokens, written } from "./filter_query.js";

/** @typedef {import("./filter_query.js").Filters} Filters */
/** @typedef {import("./filter_query.js").Token} Token */
/** @typedef {import("./completion.js").Suggestion} Suggestion */
/** @typedef {import("../ui/words.js").Key} Key */

/** Milliseconds after which words are taken for what is meant. */
const TYPED_MS = 120;

/** Keys that are about the suggestions. */
const ANSWERING = new Set(["ArrowDown", "ArrowUp", "Enter", "Escape"]);

/** The descriptions of the keys. */
const ABOUT = /** @type {Record<string, Key>} */ ({
  state: "jobs.key_state",
  name: "jobs.key_name",
  user: "jobs.key_user",
  queue: "jobs.key_queue",
  group: "jobs.key_group",
  node: "jobs.key_node",
  since: "jobs.key_since",
  until: "jobs.key_until",
  ended: "jobs.key_ended",
  held: "jobs.key_held",
});
const PROBLEMS = /** @type {Record<string, Key>} */ ({
  state: "jobs.problem_state",
  result: "jobs.problem_result",
  time: "jobs.problem_time",
  held: "jobs.problem_held",
  tooLong: "jobs.problem_long",
  empty: "jobs.problem_empty",
});

/** Say what is wrong with a filter. @param {import("./filter_query.js").Token} token */
export function problemText(token) {
  const about = t(ABOUT[token.key] ?? "jobs.key_state");
  return t(PROBLEMS[problem(token)] ?? "jobs.problem_long", { filter: visible(written(token), { most: MEDIUM }), about });
}

export class FilterBar extends EventTarget {
  /** @type {Filters} */
  #filters = {};
  /** @type {Suggestion[]} */
  #offered = [];
  /** Index of the suggestion that Enter takes; -1: none. */
  #active = -1;
  /** The suggestions are still to follow what is written. */
  #isDue = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {HTMLFormElement} form with a field for words, in the element that becomes the bar
   * @param {import("./completion.js").Values} values
   */
  constructor(form, values) {
    super();
    this.form = form;
    this.values = values;
    this.input = /** @type {HTMLInputElement} */ (form.elements.namedItem("text"));
    this.box = /** @type {HTMLElement} */ (this.input.parentElement);
    this.chips = element("ul", { className: "chips", ariaLabel: t("jobs.filters") });
    this.list = element("ul", { className: "completion", id: "completion", hidden: true, role: "listbox", ariaLabel: t("jobs.suggestions") });
    this.clear = element("button", { type: "button", className: "quiet", textContent: t("jobs.clear"), title: t("jobs.clear_title") });
    this.said = element("p", { className: "wrong", role: "status" });
    this.hint = element("p", { className: "soft filter-hint", role: "status" });
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "completion" })) {
      this.input.setAttribute(name, value);
    }
    this.input.autocomplete = "off";
    this.input.spellcheck = false;
    this.input.before(this.chips);
    this.input.after(this.clear, this.list);
    this.box.after(this.said, this.hint);
    this.#listen();
  }

  #listen() {
    const { input, list, form } = this;
    form.addEventListener("submit", (event) => event.preventDefault());
    input.addEventListener("input", () => this.#written());
    input.addEventListener("keydown", (event) => this.#key(event));
    for (const kind of ["focus", "click"]) input.addEventListener(kind, () => this.#offer());
    input.addEventListener("blur", () => {
      this.#close();
      this.#commit(true);
    });
    // The field keeps the focus while something is chosen.
    list.addEventListener("pointerdown", (event) => event.preventDefault());
    list.addEventListener("click", ({ target }) => {
      const option = /** @type {HTMLElement} */ (target).closest("li");
      if (option) this.#take(this.#offered[Number(option.dataset["index"])]);
    });
    this.clear.addEventListener("click", () => {
      this.#set({}, "push");
      input.focus();
    });
    this.box.addEventListener("click", ({ target }) => {
      if (target === this.box || target === this.chips) input.focus();
    });
    this.chips.addEventListener("keydown", (event) => this.#chipKey(event));
  }

  get filters() {
    return this.#filters;
  }

  /** Show the filters of a view. @param {Filters} filters */
  show(filters) {
    this.#filters = filters;
    this.#draw();
    const words = filters["text"] ?? "";
    if (document.activeElement !== this.input && this.input.value !== words) this.input.value = words;
    this.#tidy();
  }

  /** Let the reader go on in the field, after what is in it. */
  resume() {
    this.input.focus({ preventScroll: true });
    this.input.setSelectionRange(this.input.value.length, this.input.value.length);
    // Suggestions would cover the rows that were just asked for.
    this.#close();
  }

  /** Add a filter, as a press of a button does, or take it away. @param {string} key @param {string} value */
  put(key, value) {
    const { [key]: _before, ...rest } = this.#filters;
    this.#set(value ? { ...rest, [key]: value } : rest, "push");
  }

  /** @param {Filters} filters @param {"push" | "replace" | "type"} how type: words that are being written */
  #set(filters, how) {
    this.#filters = filters;
    if (how !== "type") {
      this.input.value = filters["text"] ?? "";
      this.#draw();
    }
    this.#tidy();
    this.dispatchEvent(new CustomEvent("change", { detail: how }));
  }

  #tidy() {
    this.clear.hidden = !Object.keys(this.#filters).length && !this.input.value;
    const word = tokens(this.input.value).find((token) => !token.key && meantKey(token.value))?.value ?? "";
    const key = meantKey(word);
    this.hint.textContent = key ? t("jobs.key_meant", { typed: word.slice(0, word.indexOf(":") + 1), key: `${key}:` }) : "";
  }

  #draw() {
    const { chips } = this;
    const focused = [...chips.children].findIndex((it) => it.contains(document.activeElement));
    chips.replaceChildren(...keyed(this.#filters).map((token) => this.#chip(token)));
    chips.hidden = !chips.children.length;
    if (focused < 0) return;
    const next = chips.children[Math.min(focused, chips.children.length - 1)];
    /** @type {HTMLElement} */ (next?.querySelector(".remove") ?? this.input).focus();
  }

  /** @param {Token} token */
  #chip(token) {
    const { key, value } = token;
    const shown = key === "group" ? this.values.groupName(value) : value.replaceAll(",", ", ");
    const words = visible(shown, { most: MEDIUM });
    const wrong = problem(token) && problemText(token);
    const edit = element("button", { type: "button", className: "edit", title: wrong || t("jobs.change_filter") });
    if (wrong) edit.dataset["icon"] = "warning";
    edit.append(element("span", { className: "key", textContent: `${key}:` }), words);
    edit.addEventListener("click", () => this.#edit(token));
    const remove = element("button", { type: "button", className: "remove", ariaLabel: t("jobs.remove_filter", { filter: `${key}: ${words}` }), title: t("jobs.remove_title") });
    remove.dataset["icon"] = "close";
    remove.addEventListener("click", () => this.put(key, ""));
    const chip = element("li", { className: wrong ? "chip wrong" : "chip" });
    chip.dataset["key"] = key;
    chip.append(edit, remove);
    return chip;
  }

  /** Write a filter again. @param {Token} token */
  #edit(token) {
    const { [token.key]: _gone, ...rest } = this.#filters;
    this.#set(rest, "push");
    this.input.value = [this.input.value.trim(), written(token)].filter(Boolean).join(" ");
    this.input.focus();
    this.#offer();
    this.#tidy();
  }

  /** @param {KeyboardEvent} event */
  #chipKey(event) {
    const chip = /** @type {HTMLElement} */ (event.target).closest("li");
    if (!chip) return;
    const remove = (/** @type {Element | null} */ it) => /** @type {HTMLElement | null | undefined} */ (it?.querySelector(".remove"));
    if (event.key === "Delete" || event.key === "Backspace") this.put(chip.dataset["key"] ?? "", "");
    else if (event.key === "ArrowLeft") remove(chip.previousElementSibling)?.focus();
    else if (event.key === "ArrowRight") (remove(chip.nextElementSibling) ?? this.input).focus();
    else return;
    event.preventDefault();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const { input } = this;
    if (this.#isDue && ANSWERING.has(event.key)) this.#offer();
    const isAtStart = input.selectionStart === 0 && input.selectionEnd === 0;
    const last = keyed(this.#filters).at(-1);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") this.#move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter") this.#enter();
    else if (event.key === "Escape" && !this.list.hidden) this.#close();
    // The arrow down leads on to the rows.
    else if (event.key === "Escape" && !input.value) input.blur();
    else if (event.key === "Backspace" && isAtStart && last) this.#edit(last);
    else if (event.key === "ArrowLeft" && isAtStart && last) /** @type {HTMLElement | null} */ (this.chips.lastElementChild?.querySelector(".remove"))?.focus();
    else return;
    event.preventDefault();
  }

  /** @param {number} step */
  #move(step) {
    if (this.list.hidden) this.#offer();
    const count = this.#offered.length;
    if (!count) return;
    // One place is that of what is written.
    this.#mark(((this.#active + 1 + step + count + 1) % (count + 1)) - 1);
  }

  #enter() {
    const word = this.#word();
    const [token] = tokens(word);
    const isWrong = token !== undefined && (token.key ? problem(token) !== "" : /^[A-Za-z]+:"?$/.test(word));
    const chosen = this.#offered[this.#active] ?? (isWrong && !this.list.hidden ? this.#offered[0] : undefined);
    if (chosen) return this.#take(chosen);
    this.#commit(true);
    this.#close();
  }

  /** Return the part before the caret of the word that the caret is in. */
  #word() {
    const text = this.input.value.slice(0, this.input.selectionStart ?? undefined);
    return text.slice(start(text));
  }

  /** @param {Suggestion | undefined} chosen */
  #take(chosen) {
    if (!chosen) return;
    const { input } = this;
    const caret = input.selectionStart ?? input.value.length;
    const begin = start(input.value.slice(0, caret));
    const after = input.value.slice(caret);
    input.value = `${input.value.slice(0, begin)}${chosen.text}${chosen.value ? " " : ""}${after}`;
    const place = begin + chosen.text.length + (chosen.value ? 1 : 0);
    input.setSelectionRange(place, place);
    this.#written();
    // Suggestions for a complete word would cover the rows.
    if (chosen.value) this.#close();
  }

  #written() {
    this.#commit(false);
    this.#offerSoon();
    this.#tidy();
  }

  /** Offer suggestions once the page shows what is written: it takes a while to count the values of many jobs. */
  async #offerSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    await painted();
    await this.values.prepare(this.#word(), () => !this.#isDue);
    if (this.#isDue) this.#offer();
  }

  /** Take what is complete of what is written: filters become chips. @param {boolean} isDone also what the caret is in */
  #commit(isDone) {
    const { input } = this;
    const text = input.value;
    const begin = isDone ? text.length : start(text);
    const found = tokens(text.slice(0, begin));
    const complete = found.filter((token) => token.key && !problem(token));
    const wrong = found.find((token) => token.key && problem(token));
    this.said.textContent = wrong ? problemText(wrong) : "";
    input.setAttribute("aria-invalid", String(Boolean(wrong)));
    const rest = found.filter((token) => !token.key).map(({ value }) => value);
    const open = text.slice(begin);
    // A key without a value, or its beginning, is not meant to be searched for yet.
    const isKey = tokens(open).some(({ key }) => key) || /^[A-Za-z]+:"?$/.test(open) || (open.length > 1 && KEYS.some((key) => key.startsWith(open.toLowerCase())));
    const words = [...rest, ...(isKey ? [] : [open.trim()])].filter(Boolean).join(" ");
    let filters = this.#filters;
    for (const token of complete) filters = joined(filters, token);
    const { text: before = "", ...others } = filters;
    const next = words ? { ...others, text: words } : others;
    clearTimeout(this.#timer);
    if (complete.length) {
      const left = [...rest, ...(wrong ? [written(wrong)] : []), open.trim()].filter(Boolean).join(" ");
      this.#set(next, "push");
      input.value = left;
    } else if (words !== before) {
      if (isDone) this.#set(next, "type");
      else this.#timer = setTimeout(() => this.#set({ ...this.#filters, ...next, ...(words ? {} : { text: "" }) }, "type"), TYPED_MS);
    }
  }

  #offer() {
    this.#isDue = false;
    if (document.activeElement !== this.input) return;
    // Errors are shown in the place of suggestions.
    if (this.said.textContent && !this.#word()) return this.#close();
    this.#offered = suggestions(this.#word(), this.values, this.#filters);
    this.list.replaceChildren(...this.#offered.map((it, index) => option(it, index)));
    this.list.hidden = !this.#offered.length;
    const [token] = tokens(this.#word());
    // Nothing can be offered for a key, such as that of groups where there are none.
    if (!this.#offered.length && token?.key && !token.value) this.said.textContent = problemText(token);
    this.input.setAttribute("aria-expanded", String(!this.list.hidden));
    this.#mark(-1);
  }

  #close() {
    this.#isDue = false;
    this.list.hidden = true;
    this.#offered = [];
    this.input.setAttribute("aria-expanded", "false");
    this.#mark(-1);
  }

  /** @param {number} index */
  #mark(index) {
    this.#active = index;
    for (const [at, it] of [...this.list.children].entries()) it.setAttribute("aria-selected", String(at === index));
    const chosen = this.list.children[index];
    if (!chosen) this.input.removeAttribute("aria-activedescendant");
    else {
      this.input.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    }
  }
}

/** @param {Suggestion} suggestion @param {number} index */
function option({ key, value, count }, index) {
  const item = element("li", { id: `completion-${index}`, role: "option" });
  item.dataset["index"] = String(index);
  item.append(element("span", { className: "key", textContent: `${key}:` }));
  if (value) item.append(visible(value, { most: MEDIUM }));
  else if (ABOUT[key]) item.append(element("span", { className: "soft", textContent: t(ABOUT[key]) }));
  if (count !== undefined) item.append(element("span", { className: "count", textContent: number(count) }));
  return item;
}
