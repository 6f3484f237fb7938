/** The controls of the output. Above it: what part is shown, the search, and how the lines are shown; below it: whether it follows. */

import { element } from "../ui/element.js";
import { MAX_HITS } from "./search.js";
import { t } from "../ui/words.js";

/** Tasks that are offered by name; of more, the number is typed. */
const MAX_OFFERED = 64;

/**
 * @typedef {object} Acts
 * @property {(stream: string) => void} choose show one stream, or both
 * @property {(task: number | undefined) => void} task show one task, or all
 * @property {(query: string) => void} search
 * @property {(by: number) => void} step go to another match
 * @property {() => void} error go to the first error, or the next one
 * @property {(line: number) => void} line go to a line
 * @property {(wraps: boolean) => void} wrap
 * @property {(isTimed: boolean) => void} time show when each line was written
 * @property {(isFull: boolean) => void} full fill the window
 * @property {() => void} toggle pause, or follow again
 */

export class OutputTools {
  #count = element("span", { className: "soft", role: "status" });
  #error = element("p", { className: "soft told", role: "status" });
  #findError = element("button", { type: "button", className: "quiet", textContent: t("output.first_error"), title: t("output.marked_errors") });
  #follow = element("button", { type: "button" });
  #previous;
  #next;
  #full;

  /** @param {{ tools: HTMLElement, foot: HTMLElement }} parts @param {Acts} acts @param {number} ntasks tasks of the job */
  constructor({ tools: bar, foot }, acts, ntasks) {
    this.#previous = arrow("up", t("output.previous_match"), "Shift+Enter", () => acts.step(-1));
    this.#next = arrow("down", t("output.next_match"), "Enter", () => acts.step(1));
    this.#follow.addEventListener("click", () => acts.toggle());
    const find = element("div", { className: "find", role: "search" });
    find.append(input(acts), this.#previous, this.#next, this.#count);
    this.#findError.addEventListener("click", () => acts.error());
    this.#full = pressed("full", "full", t("output.full_screen"), acts.full);
    const end = element("div", { className: "end" });
    end.append(this.#findError, pressed("timed", "clock", t("output.timestamps"), acts.time), pressed("wrap", "wrap", t("output.wrap"), acts.wrap, true), this.#full);
    bar.replaceChildren(streams(acts), ...(ntasks > 1 ? [tasks(acts, ntasks)] : []), find, line(acts), end, this.#error);
    foot.prepend(this.#follow);
  }

  /** Leave the full window. @returns whether it was full */
  leaveFull() {
    if (this.#full.getAttribute("aria-pressed") !== "true") return false;
    this.#full.click();
    return true;
  }

  /** @param {string} text @param {boolean} hidden */
  labelFollow(text, hidden) {
    if (this.#follow.textContent !== text) this.#follow.textContent = text;
    this.#follow.hidden = hidden;
  }

  /** Name the button by what it finds. @param {boolean} isNext an error was found already */
  nameError(isNext) {
    this.#findError.textContent = t(isNext ? "output.next_error" : "output.first_error");
  }

  /** Say beside the button that no line reports an error. @param {string} text */
  tellError(text) {
    this.#error.textContent = text;
  }

  /**
   * @param {number} count matches
   * @param {number} current the one that is gone to, or -1
   * @param {string} none what to say of no match
   * @param {boolean} isWhole the page shows all of the output
   * @param {boolean} isElsewhere the whole output has a match
   */
  tellHits(count, current, none, isWhole, isElsewhere) {
    const many = count >= MAX_HITS ? `${MAX_HITS}+` : String(count);
    const place = { current: String(current + 1), many };
    // Beside this count stands that of the whole output.
    const found = isWhole
      ? current < 0 ? t("output.matches", { many }) : t("output.match_of", place)
      : current < 0 ? t("output.matches_shown", { many }) : t("output.match_of_shown", place);
    const text = count ? found : none;
    if (this.#count.textContent !== text) this.#count.textContent = text;
    this.#previous.disabled = this.#next.disabled = count === 0 && (isWhole || !isElsewhere);
  }
}

/** @param {Acts} acts */
function streams(acts) {
  const set = element("fieldset", { className: "streams segmented" });
  set.append(element("legend", { className: "hidden-title", textContent: t("output.stream") }));
  for (const [value, title] of /** @type {const} */ ([["", t("output.both")], ["stdout", "stdout"], ["stderr", "stderr"]])) {
    const label = element("label", {});
    const radio = element("input", { type: "radio", name: "stream", value, checked: value === "" });
    radio.addEventListener("change", () => acts.choose(value));
    label.append(radio, title);
    set.append(label);
  }
  return set;
}

/** @param {Acts} acts @param {number} ntasks */
function tasks(acts, ntasks) {
  const isFew = ntasks <= MAX_OFFERED;
  const field = isFew ? element("select", {}) : element("input", { type: "number", min: "0", max: String(ntasks - 1), placeholder: t("output.task") });
  field.className = "task";
  field.setAttribute("aria-label", t("output.task"));
  if (isFew) {
    field.append(element("option", { value: "", textContent: t("output.all_tasks") }));
    for (let task = 0; task < ntasks; task++) field.append(element("option", { value: String(task), textContent: t("output.task_of", { task: String(task) }) }));
  }
  field.addEventListener("change", () => acts.task(field.value === "" ? undefined : Number(field.value)));
  return field;
}

/** @param {Acts} acts */
function input(acts) {
  const field = element("input", { type: "search", placeholder: t("output.find") });
  field.setAttribute("aria-label", t("output.find_label"));
  field.addEventListener("input", () => acts.search(field.value));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") acts.step(event.shiftKey ? -1 : 1);
    if (event.key === "Escape" && field.value) {
      event.stopPropagation();
      acts.search((field.value = ""));
    }
  });
  return field;
}

/** @param {Acts} acts */
function line(acts) {
  const field = element("input", { type: "number", min: "1", step: "1", placeholder: t("output.line"), className: "line-number" });
  field.setAttribute("aria-label", t("output.go_to_line"));
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && field.valueAsNumber >= 1) acts.line(Math.floor(field.valueAsNumber));
  });
  return field;
}

/** @param {"up" | "down"} sign @param {string} name @param {string} keys @param {() => void} act */
function arrow(sign, name, keys, act) {
  const button = element("button", { type: "button", className: "quiet icon-button", disabled: true, title: `${name} (${keys})` });
  button.dataset["icon"] = sign;
  button.setAttribute("aria-label", name);
  button.addEventListener("click", act);
  return button;
}

/** Return a button that stays pressed. @param {string} name @param {string} sign @param {string} title @param {(isOn: boolean) => void} act @param {boolean} [isOn] */
function pressed(name, sign, title, act, isOn = false) {
  const button = element("button", { type: "button", className: `quiet icon-button ${name}`, title });
  button.dataset["icon"] = sign;
  button.setAttribute("aria-label", title);
  button.setAttribute("aria-pressed", String(isOn));
  button.addEventListener("click", () => {
    const next = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(next));
    act(next);
  });
  return button;
}
