/** The bar that stays in sight: what the button will do, what stands against it, and what came of it. */

import { detailOf } from "../ui/problem.js";
import { element } from "../ui/element.js";
import { warningsOf } from "../ui/message.js";
import { at } from "../ui/root.js";
import { MEDIUM, SHORT, visible } from "../ui/visible.js";
import { rich, t } from "../ui/words.js";
import { spelled } from "./duration.js";

/** @typedef {import("./live_check.js").Report} Report */

/** Links to new jobs that are shown; the page of jobs has all. */
const MAX_LINKS = 6;
/** Different reasons of refusals that are shown. */
const MAX_REASONS = 5;

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Return the label of a field, as the form shows it. @param {string} name */
export function labelOf(name) {
  return document.querySelector(`#field-${CSS.escape(name)} .label`)?.textContent?.trim() ?? name;
}

/** Describe the request of a job in a few words. @param {Report["size"]} size @param {number} jobs */
export function sizeInWords(size, jobs) {
  const { nodes, cores, gpus, whole_nodes: isWhole, duration, queue } = size;
  return [
    ...(nodes !== undefined ? [t(isWhole ? "submit.size_whole_nodes" : "submit.size_nodes", { count: nodes * jobs })] : []),
    ...(cores !== undefined ? [t("submit.size_cores", { count: cores * jobs })] : []),
    ...(gpus ? [t("submit.size_gpus", { count: gpus * jobs })] : []),
    duration ? t("submit.size_limit", { duration: spelled(Math.round(duration)) }) : t("submit.size_no_limit"),
    ...(queue ? [t("submit.size_queue", { queue: visible(queue, { most: SHORT }) })] : []),
  ];
}

/** Return a button that leads to a field. @param {string} name @param {string} text @param {(name: string) => void} go */
function toField(name, text, go) {
  const button = element("button", { type: "button", className: "link", textContent: text });
  button.addEventListener("click", () => go(name));
  return button;
}

/** Return links to fields, each with the comma that follows it. @param {string[]} names @param {(name: string) => void} go */
function enumerated(names, go) {
  return names.flatMap((name, index) => {
    const part = element("span", { className: "unbroken" });
    part.append(toField(name, labelOf(name), go), index < names.length - 1 ? "," : "");
    return index ? [" ", part] : [part];
  });
}

export class Answer {
  /** True if all of the request was refused, and no field of it. */
  #isWhole = false;

  /** @param {(name: string) => void} go leads to a field */
  constructor(go) {
    this.go = go;
    new ResizeObserver(() => this.makeRoom()).observe($("answer"));
    $("done").addEventListener("click", (event) => {
      if (/** @type {HTMLElement} */ (event.target).closest("[data-close]")) this.clear();
    });
  }

  /** Keep the field that has the focus above the bar, with the sentence below it: the bar only names a field that is refused. */
  makeRoom() {
    const bar = $("answer");
    document.documentElement.style.scrollPaddingBottom = `${bar.offsetHeight + 16}px`;
    const focused = document.activeElement;
    if (!focused || !$("form").contains(focused) || !(focused instanceof HTMLInputElement || focused instanceof HTMLTextAreaElement)) return;
    const { top } = bar.getBoundingClientRect();
    // With what stands below it, such as its error.
    const field = focused.closest(".field");
    const part = field && field.clientHeight < top ? field : focused;
    const { bottom, height } = part.getBoundingClientRect();
    // A long text is seen where its caret is.
    if (bottom > top && height < top) part.scrollIntoView({ block: "nearest" });
  }

  /** Say what the button will do. @param {string | Node} words @param {boolean} isSure @param {string[]} [size] of the job, each part on one line */
  plan(words, isSure, size = []) {
    $("plan").replaceChildren(words, ...size.flatMap((part) => [" · ", element("span", { className: "whole", textContent: part })]));
    $("plan").classList.toggle("soft", !isSure);
  }

  /**
   * Say what stands against it, with links to the fields.
   * @param {{ name: string, outcome: string, detail: string }[]} findings
   */
  findings(findings) {
    const shown = JSON.stringify(findings);
    if ($("findings").dataset["shown"] === shown) return;
    $("findings").dataset["shown"] = shown;
    // A refused field has the whole sentence beside it.
    const beside = findings.filter(({ name, outcome }) => name && outcome === "refused");
    const names = [...new Set(beside.map(({ name }) => name))];
    const links = element("li", { className: "refused" });
    links.append(...enumerated(names, this.go));
    $("findings").replaceChildren(
      ...(names.length ? [links] : []),
      ...findings.filter((it) => !beside.includes(it)).map(({ name, outcome, detail }) => {
        const item = element("li", { className: outcome });
        item.append(...(name ? [toField(name, labelOf(name), this.go), ": "] : []), visible(detail, { most: MEDIUM }));
        return item;
      }),
    );
  }

  clear() {
    this.#isWhole = false;
    $("summary").hidden = $("tell").hidden = true;
    $("tell-said").textContent = "";
    $("done").replaceChildren();
    $("answer").classList.remove("good", "bad", "sending");
  }

  /** Note that the form asks for something else than the answer was about. */
  changed() {
    $("tell").hidden = true;
    $("tell-said").textContent = "";
    $("answer").classList.remove("good");
  }

  /** Note that the form asks for something else than what was sent. */
  outdated() {
    if (this.#isWhole) this.clear();
  }

  sending() {
    this.clear();
    $("answer").classList.add("sending");
    $("done").textContent = t("submit.sending");
  }

  /**
   * Say what was refused.
   * @param {string[]} names the fields that are wrong
   * @param {string[]} rest sentences about no field
   * @param {string} detail
   */
  refused(names, rest, detail) {
    this.clear();
    const where = $("summary");
    const head = element("p", { textContent: names.length && !rest.length ? t("submit.fix", { count: names.length }) : t("submit.not_submitted", { detail }) });
    if (names.length) head.append(" ", ...enumerated(names, this.go));
    where.replaceChildren(head);
    if (rest.length) {
      const list = element("ul", {});
      list.append(...rest.map((text) => element("li", { textContent: visible(text, { most: MEDIUM }) })));
      where.append(list);
    }
    where.hidden = false;
    this.#isWhole = !names.length && !rest.length;
    $("answer").classList.add("bad");
  }

  /** Note that a field was changed, so that it no longer counts as invalid. @param {string[]} names those that still are */
  mended(names) {
    if ($("summary").hidden || $("summary").querySelector("ul")) return;
    if (names.length) this.refused(names, [], "");
    else this.clear();
  }

  /** Say which jobs were made, and return them. @param {Record<string, any>} answer */
  submitted(answer) {
    this.clear();
    /** @type {{ id?: string, error?: { detail?: string } }[]} */
    const jobs = answer["jobs"] ?? [{ id: answer["id"] }];
    const ids = jobs.flatMap((it) => it.id ?? []);
    const failed = jobs.flatMap((it) => (it.error ? [detailOf(it.error) ?? t("submit.refused")] : []));
    const done = $("done");
    if (ids.length) {
      const links = element("span", { className: "links" });
      for (const id of ids.slice(0, MAX_LINKS)) links.append(element("a", { href: at(`/ui/jobs/${encodeURIComponent(id)}`), textContent: id }), " ");
      if (ids.length > MAX_LINKS) links.append(...(answer["group"] ? ["… "] : [element("a", { className: "all", href: at("/"), textContent: t("common.all_jobs") })]));
      if (answer["group"]) links.append(element("a", { className: "all", href: at(`/ui/groups/${encodeURIComponent(answer["group"])}`), textContent: t("submit.see_group") }));
      const said = element("p", {});
      said.append(rich("submit.submitted", { count: ids.length, jobs: links }));
      done.append(said);
      done.append(element("p", { className: "soft size", hidden: true }));
    }
    for (const warning of warningsOf(answer)) done.append(element("p", { className: "soft", textContent: warning }));
    if (failed.length) {
      const reasons = [...new Set(failed)].slice(0, MAX_REASONS).join(" ");
      done.append(element("p", { className: "wrong", textContent: t("submit.some_refused", { count: failed.length, reasons }) }));
    }
    $("answer").classList.add(failed.length ? "bad" : "good");
    return { ids, isWhole: !failed.length };
  }

  /** Say beside the new jobs what they ask for, once the check has told. @param {string[]} size of them */
  sized(size) {
    const line = $("done").querySelector("p.size");
    if (!(line instanceof HTMLElement)) return;
    line.textContent = size.join(" · ");
    line.hidden = !size.length;
  }
}
