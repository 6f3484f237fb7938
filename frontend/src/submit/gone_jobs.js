/** The dependencies on jobs that the instance does not have: told beside the field, and taken out on demand. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** Time without a key before the service is asked. */
const PAUSE_MS = 350;
const MAX_JOBS = 64;
const MAX_ID_CHARS = 64;
/** Jobs that are named. */
const MAX_NAMED = 4;

/** The forms of a job ID: F58, decimal, hexadecimal, with dots, a path of the KVS, words, emoji. */
const ID = /^(?:[fƒ][1-9A-HJ-NP-Za-km-z]{1,12}|[0-9]{1,20}|0x[0-9a-f]{1,16}|(?:job\.)?[0-9a-f]{4}(?:\.[0-9a-f]{4}){3}|[a-z]+(?:-+[a-z]+){5}|[^\0-\x7f]+)$/iu;

/** Return the ID in a line such as afterok:f2QK3Zz. @param {string} line */
const idOf = (line) => /^\s*after\w*:([^\s?]+)/.exec(line)?.[1] ?? "";

/** Return the IDs in the lines of the field. @param {string} text */
export function idsIn(text) {
  const ids = text.split("\n").map(idOf).filter((id) => id && id.length <= MAX_ID_CHARS);
  return [...new Set(ids)].slice(0, MAX_JOBS);
}

/** Return the lines without those that name one of the jobs. @param {string} text @param {string[]} ids */
export function without(text, ids) {
  return text.split("\n").filter((line) => !ids.includes(idOf(line))).join("\n");
}

/** Explain why dependencies on these would be refused: no job has such an ID, or the instance has no such job. @param {string[]} ids */
export function refusal(ids) {
  const said = (/** @type {string[]} */ some) => {
    const named = some.slice(0, MAX_NAMED).map((id) => visible(id, { most: SHORT }));
    return some.length > named.length ? `${named.join(", ")} …` : named.join(", ");
  };
  const wrong = ids.filter((id) => !ID.test(id));
  const gone = ids.filter((id) => ID.test(id));
  return [
    ...(wrong.length ? [t("submit.no_job_ids", { names: said(wrong), count: wrong.length })] : []),
    ...(gone.length ? [t("submit.gone_jobs", { names: said(gone), count: gone.length })] : []),
  ].join(" ");
}

export class GoneJobs {
  /** Why the dependencies would be refused; empty when none would. */
  refused = "";
  #timer = 0;
  /** The IDs that were asked for last. */
  #asked = "";
  #where = element("p", { className: "wrong hint gone-jobs", role: "status" });

  /** @param {HTMLTextAreaElement} dependencies @param {HTMLElement} below what stands above the sentence @param {() => void} changed called when others would be refused */
  constructor(dependencies, below, changed) {
    this.dependencies = dependencies;
    this.changed = changed;
    below.after(this.#where);
    const soon = () => {
      clearTimeout(this.#timer);
      this.#timer = window.setTimeout(() => void this.#look(), PAUSE_MS);
    };
    dependencies.addEventListener("input", soon);
    // A template, a link or a past submission may name jobs of another day.
    dependencies.form?.addEventListener("filled", soon);
  }

  async #look() {
    const ids = idsIn(this.dependencies.value);
    const asked = ids.join(" ");
    if (asked === this.#asked) return;
    this.#asked = asked;
    /** @type {string[]} */
    let gone = [];
    if (ids.length) {
      try {
        gone = (await call("POST", "/v1/jobs/query", { ids }))["unknown"];
      } catch {
        // The check of the job tells that the service does not answer.
        this.#asked = "";
      }
    }
    // An answer that comes late is about other jobs.
    if (asked === idsIn(this.dependencies.value).join(" ")) this.#tell(gone);
  }

  /** @param {string[]} gone */
  #tell(gone) {
    const refused = refusal(gone);
    if (refused === this.refused) return;
    this.refused = refused;
    this.changed();
    if (!gone.length) return this.#where.replaceChildren();
    const remove = element("button", { type: "button", className: "quiet", textContent: t("submit.gone_remove", { count: gone.length }) });
    remove.addEventListener("click", () => {
      this.dependencies.value = without(this.dependencies.value, gone);
      this.#asked = "";
      this.dependencies.focus();
      this.#tell([]);
      this.dependencies.dispatchEvent(new Event("input", { bubbles: true }));
    });
    this.#where.replaceChildren(refused, " ", remove);
  }
}
