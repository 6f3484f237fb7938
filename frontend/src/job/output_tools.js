/** The controls above the output: its streams, the search, the wrap of lines, and following. */

import { element } from "../ui/element.js";
import { MAX_HITS } from "./search.js";

/** @type {[string, string][]} */
const STREAMS = [["", "Both"], ["stdout", "stdout"], ["stderr", "stderr"]];

/**
 * @typedef {object} Acts
 * @property {(stream: string) => void} choose show one stream, or both
 * @property {(query: string) => void} search
 * @property {(by: number) => void} step go to another match
 * @property {(wraps: boolean) => void} wrap
 * @property {() => void} toggle pause, or follow again
 */

export class OutputTools {
  #count = element("span", { className: "soft", role: "status" });
  #follow = element("button", { type: "button" });
  #previous;
  #next;

  /** @param {HTMLElement} bar @param {Acts} acts */
  constructor(bar, acts) {
    this.#previous = arrow("↑", "Previous match", "Shift+Enter", () => acts.step(-1));
    this.#next = arrow("↓", "Next match", "Enter", () => acts.step(1));
    this.#follow.addEventListener("click", () => acts.toggle());
    const find = element("div", { className: "find", role: "search" });
    find.append(input(acts), this.#previous, this.#next, this.#count);
    const end = element("div", { className: "end" });
    end.append(wrap(acts), this.#follow);
    bar.replaceChildren(streams(acts), find, end);
  }

  /** @param {string} text @param {boolean} hidden */
  labelFollow(text, hidden) {
    if (this.#follow.textContent !== text) this.#follow.textContent = text;
    this.#follow.hidden = hidden;
  }

  /**
   * @param {number} count matches
   * @param {number} current the one that is gone to, or -1
   * @param {string} none what to say of no match
   */
  tellHits(count, current, none) {
    const many = count >= MAX_HITS ? `${MAX_HITS}+` : String(count);
    const found = current < 0 ? `${many} found` : `${current + 1} of ${many}`;
    const text = count ? found : none;
    if (this.#count.textContent !== text) this.#count.textContent = text;
    this.#previous.disabled = this.#next.disabled = count === 0;
  }
}

/** @param {Acts} acts */
function streams(acts) {
  const set = element("fieldset", { className: "streams" });
  set.append(element("legend", { className: "hidden-title", textContent: "Stream" }));
  for (const [value, title] of STREAMS) {
    const label = element("label", {});
    const radio = element("input", { type: "radio", name: "stream", value, checked: value === "" });
    radio.addEventListener("change", () => acts.choose(value));
    label.append(radio, ` ${title}`);
    set.append(label);
  }
  return set;
}

/** @param {Acts} acts */
function input(acts) {
  const field = element("input", { type: "search", placeholder: "Find in output" });
  field.setAttribute("aria-label", "Find in the output");
  field.addEventListener("input", () => acts.search(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") acts.step(event.shiftKey ? -1 : 1);
    if (event.key === "Escape") acts.search((field.value = ""));
  });
  return field;
}

/** @param {string} sign @param {string} name @param {string} keys @param {() => void} act */
function arrow(sign, name, keys, act) {
  const button = element("button", { type: "button", textContent: sign, disabled: true, title: `${name} (${keys})` });
  button.setAttribute("aria-label", name);
  button.addEventListener("click", act);
  return button;
}

/** @param {Acts} acts */
function wrap(acts) {
  const label = element("label", {});
  const box = element("input", { type: "checkbox", checked: true });
  box.addEventListener("change", () => acts.wrap(box.checked));
  label.append(box, " Wrap");
  return label;
}
