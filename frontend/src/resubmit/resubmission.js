/** Jobs that are submitted again: what each asked for is read first, then each is sent once, however often it is tried. */

import { call as ask, Problem } from "../ui/api.js";
import { stranger } from "../ui/rights.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { dependsOn, limitOf, requestFor, withDependencies, withLimit } from "./request.js";

/** @typedef {import("./request.js").Fields} Fields */
/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} [name]
 * @property {string} [cc]
 * @property {string} [username]
 * @property {string} [result]
 * @property {string} [group]
 * @property {string} [group_name]
 * @property {number} [t_submit]
 */
/**
 * @typedef {object} Outcome
 * @property {Job} job
 * @property {string} made the new job; empty if there is none
 * @property {string} why there is none
 * @property {boolean} isOpen it is not known if the job was submitted
 * @property {{ id: string, at?: number }} [before] it was resubmitted before, maybe by another browser: as which job, and when
 */

/** Requests on their way at a time: a browser opens no more connections. */
const AT_ONCE = 6;
/** Random bytes of a key. */
const KEY_BYTES = 16;
/** Answers from here on leave open whether a request was taken; so does one that says that there were too many requests. */
const FIRST_SERVER_ERROR = 500;
const TOO_MANY = 429;

const randomKey = () => [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((it) => it.toString(16).padStart(2, "0")).join("");

/** A request under a key that was used for another one. */
const KEY_REUSED = /#idempotency-key-reused$/;

/**
 * Return the key of the first request for a job. It is the same in all browsers, so that a job is
 * not resubmitted twice by mistake.
 * @param {Job} job
 */
const firstKey = ({ id, t_submit: at = 0 }) => `resubmit-${id}-${at}`;

/** @param {unknown} problem */
const saying = (problem) => (problem instanceof Error ? problem.message : String(problem));

/** @param {unknown} problem */
function leavesOpen(problem) {
  const { status = FIRST_SERVER_ERROR } = problem instanceof Problem ? problem.document : {};
  return status >= FIRST_SERVER_ERROR || status === TOO_MANY;
}

export class Resubmission {
  /** The requests, by the IDs of the jobs. @type {Map<string, Fields>} */
  #fields = new Map();
  /** The outcomes of the jobs that were sent. @type {Map<string, Outcome>} */
  #outcomes = new Map();
  /** Jobs that cannot be resubmitted, and why. @type {{ job: Job, why: string }[]} */
  wrong = [];

  /**
   * @param {Job[]} jobs each after those that it may depend on
   * @param {import("./sent.js").Sent} sent
   * @param {typeof ask} call
   * @param {(username?: string) => string} strangerOf gives the user of a job, if it is not one of the owner's
   */
  constructor(jobs, sent, call = ask, strangerOf = stranger) {
    this.jobs = jobs;
    this.sent = sent;
    this.call = call;
    this.strangerOf = strangerOf;
  }

  /** Read what the jobs asked for. @param {(done: number) => void} tell @param {AbortSignal} signal */
  async read(tell, signal) {
    for (let at = 0; at < this.jobs.length && !signal.aborted; at += AT_ONCE) {
      await Promise.all(this.jobs.slice(at, at + AT_ONCE).map((job) => this.#readOne(job)));
      tell(Math.min(at + AT_ONCE, this.jobs.length));
    }
  }

  /** @param {Job} job */
  async #readOne(job) {
    const user = this.strangerOf(job.username);
    if (user) {
      // Its command would run with the rights of the owner, whatever name it has.
      this.wrong.push({ job, why: t("resubmit.of_other", { user: visible(user, { most: SHORT }) }) });
      return;
    }
    const place = `/v1/jobs/${encodeURIComponent(job.id)}`;
    try {
      const [jobspec, events] = await Promise.all([this.call("GET", `${place}/jobspec`), this.call("GET", `${place}/eventlog`)]);
      this.#fields.set(job.id, requestFor(job, jobspec, events));
    } catch (problem) {
      this.wrong.push({ job, why: saying(problem) });
    }
  }

  /** The jobs that can be resubmitted. */
  get ready() {
    return this.jobs.filter(({ id }) => this.#fields.has(id));
  }

  /** Those that this browser has resubmitted before. */
  get repeated() {
    return this.ready.filter((job) => this.sent.of(job)?.made);
  }

  /** Return the time limit of a job in seconds; 0 is none. @param {Job} job */
  limit({ id }) {
    return limitOf(this.#fields.get(id) ?? {});
  }

  /** Return whether a job was sent before without an answer, so that it is sent again as it was. @param {Job} job */
  isUnanswered(job) {
    return this.sent.of(job)?.made === "";
  }

  /** The outcomes of the jobs that were sent. */
  get outcomes() {
    return [...this.#outcomes.values()];
  }

  /**
   * Submit the jobs that no earlier call has submitted, until the signal says stop or the service is gone.
   * @param {Job[]} jobs
   * @param {number | null} limit in seconds, for all of them but those that were sent before without an answer
   * @param {(done: number) => void} tell
   * @param {AbortSignal} signal
   * @returns {Promise<number>} jobs that were not asked for
   */
  async submit(jobs, limit, tell, signal) {
    const open = jobs.filter(({ id }) => this.#outcomes.get(id)?.isOpen !== false);
    const waiting = new Map(open.map((job) => [job.id, job]));
    const ids = new Set(jobs.map(({ id }) => id));
    while (waiting.size && !signal.aborted) {
      const isFree = (/** @type {Job} */ { id }) => !this.#needs(id).some((it) => waiting.has(it));
      const free = [...waiting.values()].filter(isFree);
      // No job depends on itself, unless somebody has forged it.
      const some = (free.length ? free : [...waiting.values()]).slice(0, AT_ONCE);
      const blocked = some.flatMap((job) => this.#blocked(job, ids) ?? []);
      const sent = some.filter((job) => !blocked.some((it) => it.job === job));
      // The service may have taken a request without an answer: the same request leads to the same job.
      const unanswered = new Set(sent.filter((job) => this.isUnanswered(job)));
      this.sent.begin(sent, (job) => (this.sent.of(job) ? randomKey() : firstKey(job)), limit);
      const answers = await Promise.all(sent.map((job) => this.#send(job, ids, unanswered.has(job))));
      const outcomes = [...answers, ...blocked];
      this.sent.end(answers.filter(({ isOpen }) => !isOpen).map(({ job, made, before }) => [job, made || (before?.id ?? "")]));
      for (const outcome of outcomes) {
        this.#outcomes.set(outcome.job.id, outcome);
        waiting.delete(outcome.job.id);
      }
      tell(jobs.length - waiting.size);
      // A service that answers none of these will not answer for the others.
      if (outcomes.every(({ isOpen }) => isOpen)) break;
    }
    return waiting.size;
  }

  /** @param {string} id */
  #needs(id) {
    return dependsOn(this.#fields.get(id) ?? {});
  }

  /** Return why a job is not sent: it depends on one that was not submitted. @param {Job} job @param {Set<string>} ids @returns {Outcome | undefined} */
  #blocked(job, ids) {
    const missing = this.#needs(job.id).find((id) => ids.has(id) && !this.#outcomes.get(id)?.made);
    if (!missing) return undefined;
    // It may be sent once the other one has been.
    const isOpen = this.#outcomes.get(missing)?.isOpen !== false;
    return { job, made: "", why: t("resubmit.needs", { id: missing }), isOpen };
  }

  /** @param {Job} job @param {Set<string>} ids of all that are resubmitted @param {boolean} isRepeated whether its request was sent before @returns {Promise<Outcome>} */
  async #send(job, ids, isRepeated) {
    const { key, limit } = this.sent.of(job) ?? { key: firstKey(job), limit: null };
    const made = (/** @type {string} */ id) => {
      const other = this.jobs.find((it) => it.id === id);
      return ids.has(id) ? this.#outcomes.get(id)?.made : other && this.sent.of(other)?.made;
    };
    const fields = withDependencies(withLimit(this.#fields.get(job.id) ?? {}, limit), made);
    try {
      let isReplayed = false;
      const { id } = await this.call("POST", "/v1/jobs", fields, { "Idempotency-Key": key }, (/** @type {Headers} */ told) => {
        isReplayed = told.get("Idempotent-Replayed") === "true";
      });
      return isReplayed && !isRepeated ? this.#before(job, id) : { job, made: id, why: "", isOpen: false };
    } catch (problem) {
      const { type, job: other } = problem instanceof Problem ? problem.document : {};
      if (KEY_REUSED.test(String(type)) && typeof other === "string") return this.#before(job, other);
      return { job, made: "", why: saying(problem), isOpen: leavesOpen(problem) };
    }
  }

  /** Say of a job that it was resubmitted before. @param {Job} job @param {string} id of the job that it became @returns {Promise<Outcome>} */
  async #before(job, id) {
    const found = await this.call("GET", `/v1/jobs/${encodeURIComponent(id)}`).catch(() => undefined);
    return { job, made: "", why: "", isOpen: false, before: { id, at: found?.["t_submit"] } };
  }
}
