/**
 * The resubmissions of this browser: the new job of each job, and the requests that have had no
 * answer. So nobody submits a job twice by mistake, and a request that may have been taken is sent
 * again under the same Idempotency-Key.
 */

/** Jobs that are remembered; the oldest are forgotten. */
const MAX_JOBS = 2000;

/** @typedef {{ id: string, t_submit?: number }} Job its ID alone does not tell it from a job of an instance before */
/**
 * @typedef {object} Entry
 * @property {string} key of the request
 * @property {number | null} limit the time limit in seconds that was asked for, if it was another than before
 * @property {string} made the ID of the new job; empty while no answer has come
 * @property {number} at when the job was submitted that was resubmitted
 */

export class Sent {
  /** @type {Map<string, Entry>} */
  #all = new Map();

  /** @param {string} name under which the browser keeps it @param {Pick<Storage, "getItem" | "setItem"> | undefined} storage */
  constructor(name, storage) {
    this.name = name;
    this.storage = storage;
    this.#read();
  }

  /** @param {Job} job @returns {Entry | undefined} */
  of({ id, t_submit: at = 0 }) {
    const known = this.#all.get(id);
    return known?.at === at ? known : undefined;
  }

  /** Note requests before they are sent. @param {Job[]} jobs @param {(job: Job) => string} key @param {number | null} limit */
  begin(jobs, key, limit) {
    // Another window may have sent some meanwhile.
    this.#read();
    for (const job of jobs) if (this.of(job)?.made !== "") this.#all.set(job.id, { key: key(job), limit, made: "", at: job.t_submit ?? 0 });
    this.#keep();
  }

  /** Note answers: the ID of the new job, or an empty text for one that was refused. @param {[Job, string][]} answers */
  end(answers) {
    this.#read();
    for (const [job, made] of answers) {
      const entry = this.of(job);
      if (made && entry) this.#all.set(job.id, { ...entry, made });
      else if (!made) this.#all.delete(job.id);
    }
    this.#keep();
  }

  #read() {
    try {
      const kept = JSON.parse(this.storage?.getItem(this.name) ?? "[]");
      for (const [id, key, limit, made, at] of kept) this.#all.set(id, { key, limit, made, at });
    } catch {
      // Another program wrote this entry; begin without it.
    }
  }

  #keep() {
    for (const id of [...this.#all.keys()].slice(0, Math.max(0, this.#all.size - MAX_JOBS))) this.#all.delete(id);
    try {
      this.storage?.setItem(this.name, JSON.stringify([...this.#all].map(([id, { key, limit, made, at }]) => [id, key, limit, made, at])));
    } catch {
      // Without room, it is known until the page is left.
    }
  }
}
