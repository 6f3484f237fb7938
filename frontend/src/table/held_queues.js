/** A banner while jobs of the reader wait in a queue that is stopped or disabled. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { PENDING } from "../ui/states.js";
import { rich, t } from "../ui/words.js";
import { MEDIUM, visible } from "../ui/visible.js";

/** Milliseconds after which the service is asked again, while a queue is stopped or disabled. */
const EVERY_MS = 30_000;
/** Milliseconds between two requests while jobs start to wait, or cease to. */
const PAUSE_MS = 2000;
/** Queues that are told. */
const MOST = 3;

export class HeldQueues {
  #seen = "";
  #askedAt = -Infinity;
  #isOver = false;
  /** How many jobs are pending. */
  #pending = "";
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #soon;

  /** @param {HTMLElement} where */
  constructor(where) {
    this.where = where;
  }

  /** Take a message of the stream of figures. @param {Record<string, any>} message */
  take({ type, queues, states = {} }) {
    if (type !== "stats") return;
    const closed = (queues ?? []).filter((/** @type {any} */ queue) => !queue.started || !queue.enabled);
    const seen = JSON.stringify(closed.map((/** @type {any} */ it) => [it.name, it.started, it.enabled, it.stop_reason, it.disable_reason]));
    const pending = JSON.stringify(PENDING.map((state) => states[state] ?? 0));
    const isOther = seen !== this.#seen;
    const isMoved = pending !== this.#pending;
    this.#seen = seen;
    this.#pending = pending;
    if (!closed.length) return this.#show([]);
    if (isOther || performance.now() - this.#askedAt > EVERY_MS) this.#ask();
    // The counts of the service may be a second old, so they may lack a job that waits.
    if (isOther || isMoved) this.#soon ??= setTimeout(() => this.#ask(), Math.max(PAUSE_MS - (performance.now() - this.#askedAt), 0));
  }

  /** Note that the instance has ended: no queue starts anymore, and no job waits for one. */
  end() {
    this.#isOver = true;
    this.#show([]);
  }

  async #ask() {
    clearTimeout(this.#soon);
    this.#soon = undefined;
    this.#askedAt = performance.now();
    const mine = this.#askedAt;
    const answer = await call("GET", "/v1/queues/held").catch(() => undefined);
    if (mine !== this.#askedAt || this.#isOver) return;
    if (answer) this.#show(answer.queues);
    // Without an answer, such as while the service restarts, the banner stays, and the next figures ask again.
    else this.#askedAt = performance.now() - EVERY_MS + PAUSE_MS;
  }

  /** @param {any[]} queues */
  #show(queues) {
    this.where.hidden = !queues.length;
    this.where.replaceChildren(...queues.slice(0, MOST).map(told));
  }
}

/** The keys of the sentence, without and with a reason: of a queue that has a name, and of one that has none. */
const HELD = /** @type {const} */ ({ named: ["jobs.queue_held", "jobs.queue_held_reason"], unnamed: ["jobs.the_queue_held", "jobs.the_queue_held_reason"] });
const DISABLED = /** @type {const} */ ({ named: ["jobs.queue_disabled", "jobs.queue_disabled_reason"], unnamed: ["jobs.the_queue_disabled", "jobs.the_queue_disabled_reason"] });

/** @param {any} queue */
function told({ name, started, stop_reason: stopped, disable_reason: disabled, jobs }) {
  const queue = element("b", { textContent: visible(name, { most: MEDIUM }) });
  const query = new URLSearchParams({ state: "pending", ...(name ? { queue: name } : {}) });
  const link = element("a", { href: at(`/?${query}`), textContent: t("jobs.your_jobs_wait", { count: jobs.mine }) });
  const reason = started ? disabled : stopped;
  const said = { queue, jobs: link, reason: visible(reason ?? "", { most: MEDIUM }) };
  const line = element("p", {});
  line.append(rich((started ? DISABLED : HELD)[name ? "named" : "unnamed"][reason ? 1 : 0], said));
  return line;
}
