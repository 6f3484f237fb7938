/** The question before jobs are resubmitted: which ones, which cannot be, with which time limit; then what came of each. */

import { named, namedJobs } from "../job/named_jobs.js";
import { compact, seconds, spelled } from "../submit/duration.js";
import { ask, field, Told } from "../ui/dialog.js";
import { element } from "../ui/element.js";
import { moment } from "../ui/format.js";
import { at } from "../ui/root.js";
import { t } from "../ui/words.js";
import { readNewer } from "./newer.js";
import { Resubmission } from "./resubmission.js";
import { Sent } from "./sent.js";

/** @typedef {import("./resubmission.js").Job} Job */

/** The factor of the time limit that is offered first: twice the one that was too short. */
const FACTOR = 2;
/** Jobs that are listed one by one. */
const MAX_LISTED = 1000;

/** @returns {Storage | undefined} */
function storage() {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

/** Return what this browser has resubmitted of the instance. */
export const sentBefore = () => new Sent(`fluxapi.resubmitted ${new URL(at("/")).pathname}`, storage());

/** @param {string} textContent */
const paragraph = (textContent) => element("p", { textContent });

/** @param {string} label @param {HTMLElement[]} items */
function listed(label, items) {
  const made = element("ul", { className: "outcomes", tabIndex: 0, ariaLabel: label });
  made.append(...items.slice(0, MAX_LISTED));
  if (items.length > MAX_LISTED) made.append(element("li", { textContent: t("actions.more", { count: items.length - MAX_LISTED }) }));
  return made;
}

/** Return the entry of a job, with words about it. @param {Job} job @param {(string | Node)[]} said */
function entry(job, ...said) {
  const made = element("li", {});
  made.append(...named(job, true).childNodes, ...said);
  return made;
}

/** @param {string} href @param {string} textContent */
const link = (href, textContent) => element("a", { href: at(href), target: "_blank", textContent });

/** @param {string} id of a new job */
function linked(id) {
  const made = link(`/ui/jobs/${id}`, "");
  made.append(element("code", { textContent: id }));
  return made;
}

/** Return the link to the form of one job, which says more and takes changes. @param {string} id */
const toForm = (id) => link(`/ui/submit?from=${encodeURIComponent(id)}`, t("resubmit.open_form"));

/** The question that is open. */
class Question {
  #limit = element("input", { maxLength: 64, autocomplete: "off", placeholder: t("resubmit.limit_before") });
  #limitSaid = element("p", { id: "resubmit-limit", className: "hint soft", role: "status" });
  #more = element("p", { className: "presets", hidden: true });
  #again = element("input", { type: "checkbox" });
  #againText = element("span", {});
  #againLine = element("label", { className: "check", hidden: true });
  #which = element("div", { className: "which" });
  #about = element("span", { textContent: t("resubmit.about") });
  #reading = element("p", { role: "status" });
  #stop = new AbortController();
  /** True if something was sent: a repeated request is the same. */
  #wasSent = false;
  /** True if this browser has resubmitted all of them before, so that the question is about doing it again. */
  #isAnew = false;
  #left = 0;
  /** The newer jobs of the group, by the older jobs with their number. @type {Map<string, string>} */
  #newer = new Map();

  /**
   * @param {Job[]} jobs each after those that it may depend on
   * @param {{ total: number, changed: () => void }} how total: jobs that could be asked for, of which these are the newest;
   *   changed: is called once jobs have been submitted
   */
  constructor(jobs, { total, changed }) {
    this.changed = changed;
    this.total = total;
    this.resubmission = new Resubmission(jobs, sentBefore());
    this.#againLine.append(this.#again, this.#againText);
    const limit = field(t("resubmit.limit"), this.#limit);
    this.#limit.setAttribute("aria-describedby", this.#limitSaid.id);
    for (const input of [this.#limit, this.#again]) input.addEventListener("input", () => this.#draw());
    this.#isAnew = jobs.length > 0 && jobs.every((job) => this.resubmission.sent.of(job)?.made);
    const { title, heading } = this.#words(jobs);
    this.asked = ask({
      title,
      heading,
      done: () => t("resubmit.done", { made: this.#made, count: this.#chosen.length }),
      words: this.#about,
      fields: [this.#reading, this.#which, this.#againLine, limit, this.#limitSaid, this.#more],
      again: true,
      run: (tell, signal) => this.#run(tell, signal),
      left: () => this.#stop.abort(),
    });
    this.asked.become(heading, title, false);
    void this.#read(jobs.length);
  }

  /** Return the title, the heading and the word on the button. @param {Job[]} jobs */
  #words(jobs) {
    const count = jobs.length;
    if (!count) return { title: t("resubmit.go_none"), heading: t("resubmit.nothing") };
    const title = t(this.#isAnew ? "resubmit.go_again" : "resubmit.go", { count });
    if (this.#isAnew) return { title, heading: t("resubmit.heading_again", { count }) };
    const isFailed = jobs.every(({ result }) => result === "FAILED");
    return { title, heading: t(isFailed ? "resubmit.heading_failed" : "resubmit.heading", { count }) };
  }

  /** @param {number} count */
  async #read(count) {
    const tell = (/** @type {number} */ done) => {
      this.#reading.textContent = t("resubmit.reading", { done, count });
    };
    tell(0);
    const newer = readNewer(this.resubmission.jobs);
    await this.resubmission.read(tell, this.#stop.signal);
    this.#newer = await newer;
    if (this.#stop.signal.aborted) return;
    this.#reading.hidden = true;
    const { ready, repeated } = this.resubmission;
    this.#isAnew = ready.length > 0 && repeated.length === ready.length;
    this.#offerMore();
    this.#draw();
  }

  /** Offer a longer limit where jobs have run out of time. */
  #offerMore() {
    const late = this.resubmission.ready.filter((job) => job.result === "TIMEOUT");
    const longest = Math.max(0, ...late.map((job) => this.resubmission.limit(job)));
    if (!longest) return;
    const limit = Math.ceil(longest * FACTOR);
    const button = element("button", { type: "button", textContent: t("submit.more_time", { duration: spelled(limit) }) });
    button.addEventListener("click", () => {
      this.#limit.value = compact(limit);
      this.#limit.focus();
      this.#draw();
    });
    this.#more.append(t("resubmit.late", { count: late.length }), " ", button);
    this.#more.hidden = false;
  }

  /** The jobs that are meant. */
  get #chosen() {
    const { ready } = this.resubmission;
    if (this.#wasSent) return this.#meant;
    if (this.#again.checked || this.#isAnew) return ready;
    const repeated = new Set(this.resubmission.repeated);
    return ready.filter((job) => !repeated.has(job));
  }

  /** Those that were meant when the first was sent. @type {Job[]} */
  #meant = [];

  get #made() {
    return this.resubmission.outcomes.filter(({ made }) => made).length;
  }

  /** The limit that was typed, in seconds; nothing if none was, or if it cannot be read. */
  get #typed() {
    return seconds(this.#limit.value) || null;
  }

  #draw() {
    const { wrong, repeated } = this.resubmission;
    const chosen = this.#chosen;
    const parts = [];
    if (this.#isAnew) parts.push(paragraph(t("resubmit.all_before", { count: chosen.length })));
    if (chosen.length) parts.push(namedJobs(chosen, { label: t("actions.named") }));
    const again = chosen.filter(({ id }) => this.#newer.has(id));
    if (again.length) {
      parts.push(paragraph(t("resubmit.newer", { count: again.length })));
      parts.push(listed(t("resubmit.newer_list"), again.map((job) => entry(job, " → ", linked(this.#newer.get(job.id) ?? "")))));
    }
    const rest = this.total - this.resubmission.jobs.length;
    if (rest > 0) parts.push(paragraph(t("resubmit.rest", { count: rest })));
    const open = chosen.filter((job) => this.resubmission.isUnanswered(job)).length;
    if (open) parts.push(paragraph(t("resubmit.unanswered", { count: open })));
    if (wrong.length) {
      parts.push(paragraph(t("resubmit.cannot", { count: wrong.length })));
      parts.push(listed(t("resubmit.cannot_list"), wrong.map(({ job, why }) => entry(job, `: ${why} `, toForm(job.id)))));
    }
    this.#which.replaceChildren(...parts);
    this.#againLine.hidden = !repeated.length || this.#isAnew;
    this.#againText.textContent = t("resubmit.repeated", { count: repeated.length });
    this.#judge(chosen);
    const { title, heading } = this.#words(chosen);
    this.asked.become(heading, title, chosen.length > 0);
  }

  /** Say which time limits the jobs have, and which the new ones get. @param {Job[]} chosen */
  #judge(chosen) {
    const isTyped = this.#limit.value.trim() !== "";
    const limit = this.#typed;
    const wrong = isTyped && limit === null ? t("submit.misread_duration") : "";
    this.#limit.setCustomValidity(wrong);
    const kept = chosen.filter((job) => this.resubmission.isUnanswered(job)).length;
    const said = [this.#limitsOf(chosen)];
    if (limit !== null && chosen.length > kept) said.push(t("resubmit.limit_for", { count: chosen.length - kept, limit: spelled(limit) }));
    if (limit !== null && kept) said.push(t("resubmit.limit_kept", { count: kept }));
    this.#limitSaid.textContent = wrong || said.join(" ");
  }

  /** Say which time limits jobs have. @param {Job[]} chosen */
  #limitsOf(chosen) {
    if (!chosen.length) return "";
    const own = chosen.map((job) => this.resubmission.limit(job));
    const limits = own.filter(Boolean);
    if (!limits.length) return t("resubmit.limit_none");
    const [least, most] = [Math.min(...limits), Math.max(...limits)];
    const count = limits.length;
    const said = least === most ? t("resubmit.limit_was", { count, limit: spelled(most) }) : t("resubmit.limit_range", { shortest: spelled(least), longest: spelled(most) });
    const without = own.length - count;
    return without ? `${said} ${t("resubmit.limit_without", { count: without })}` : said;
  }

  /** @param {(...said: (string | Node)[]) => void} tell @param {AbortSignal} signal */
  async #run(tell, signal) {
    if (!this.#wasSent) {
      this.#meant = this.#chosen;
      this.#wasSent = true;
      // Whatever is sent again must be the same request.
      this.#limit.disabled = this.#again.disabled = true;
      this.#more.hidden = true;
    }
    const total = this.#meant.length;
    this.#left = await this.resubmission.submit(this.#meant, this.#typed, (done) => tell(t("actions.progress", { done, total })), signal);
    if (this.#made) this.changed();
    this.#about.remove();
    const result = this.#result(signal.aborted);
    const isOpen = this.#left > 0 || this.resubmission.outcomes.some((it) => it.isOpen);
    if (!isOpen) return result;
    this.#which.hidden = true;
    this.asked.become(t("resubmit.done", { made: this.#made, count: total }), t("resubmit.try_again"), true);
    throw new Told(t("resubmit.done", { made: this.#made, count: total }), result);
  }

  /** Return the outcome of each job, failures first. @param {boolean} isStopped */
  #result(isStopped) {
    const { outcomes } = this.resubmission;
    const before = outcomes.filter((it) => it.before);
    const failed = outcomes.filter((it) => !it.made && !it.before);
    const made = outcomes.filter((it) => it.made);
    const node = element("div", {});
    if (failed.some(({ isOpen }) => isOpen)) node.append(paragraph(t("resubmit.open")));
    if (this.#left) node.append(paragraph(t(isStopped ? "resubmit.stopped" : "resubmit.not_asked", { count: this.#left })));
    if (before.length) {
      const items = before.map(({ job, before: it }) => {
        const { id = "", at: when } = it ?? {};
        return entry(job, " → ", linked(id), ...(when === undefined ? [] : [" ", element("span", { className: "soft", textContent: moment(when, Date.now() / 1000) })]));
      });
      const note = element("div", { className: "notice" });
      note.append(paragraph(t("resubmit.before", { count: before.length })), listed(t("resubmit.before_list"), items), paragraph(t("resubmit.before_again")));
      node.append(note);
    }
    if (failed.length) {
      const items = failed.map(({ job, why }) => entry(job, `: ${why} `, toForm(job.id)));
      const bad = element("div", { className: "notice bad" });
      bad.append(paragraph(t("resubmit.failed", { count: failed.length })), listed(t("actions.failures"), items));
      node.append(bad);
    }
    const limit = this.#typed;
    const limited = limit === null ? 0 : made.filter(({ job }) => this.resubmission.sent.of(job)?.limit === limit).length;
    if (limit !== null && limited) node.append(paragraph(t("resubmit.limit_is", { count: limited, limit: spelled(limit) })));
    if (made.length) node.append(listed(t("resubmit.new_jobs"), made.map(({ job, made: id }) => entry(job, " → ", linked(id)))));
    return node;
  }
}

/**
 * Ask whether jobs are to be resubmitted, and do it.
 * @param {Job[]} jobs in any order
 * @param {{ total?: number, changed?: () => void }} [how] as for {@link Question}
 */
export function askToResubmit(jobs, { total = jobs.length, changed = () => undefined } = {}) {
  // A job depends only on jobs that were submitted before it.
  const inOrder = [...jobs].sort((one, other) => (one.t_submit ?? 0) - (other.t_submit ?? 0));
  new Question(inOrder, { total, changed });
}
