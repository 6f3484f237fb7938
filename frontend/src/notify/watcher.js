/** Follows what the reader watches, on the channel that the page has anyway, and has its end told. */

import { detailOf, endOf } from "../ui/problem.js";
import { outcome } from "../table/failure.js";
import { test } from "../table/filters.js";
import { Rows } from "../table/rows.js";
import { list, t } from "../ui/words.js";

/** @typedef {import("./watches.js").Watch} Watch */
/** @typedef {import("./watches.js").Watches} Watches */
/** @typedef {import("../channel/channel.js").Channel} Channel */
/** @typedef {import("../channel/channel.js").Message} Message */
/** @typedef {(method: string, path: string, body?: unknown) => Promise<any>} Call */
/** @typedef {(watch: Watch, body: string) => void} Tell */

/** Milliseconds after a change until it is looked at with those that came meanwhile. */
const DELAY_MS = 1000;
/** Ids of active jobs that outlive the page. */
const MAX_KEPT = 1000;
const JOBS = "watched jobs";
const RESULTS = /** @type {const} */ ({
  COMPLETED: "common.count_completed",
  FAILED: "common.count_failed",
  CANCELED: "common.count_canceled",
  TIMEOUT: "common.count_timed_out",
  UNKNOWN: "common.count_unknown",
});

/** Return how many jobs ended in which way; empty if none has. @param {Record<string, number>} counts */
export function counted(counts) {
  return list(Object.entries(RESULTS).flatMap(([result, key]) => (counts[result] ? [t(key, { count: counts[result] })] : [])));
}

/** A call of a function some time after it was asked for, once for all that ask meanwhile. */
class Soon {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #isBusy = false;
  #isWanted = false;

  /** @param {() => Promise<void>} act fails if it has to be tried again */
  constructor(act) {
    this.act = act;
  }

  /** @param {number} [delay] milliseconds */
  want(delay = DELAY_MS) {
    this.#isWanted = true;
    if (!this.#isBusy) this.#timer ??= setTimeout(() => this.#run(), delay);
  }

  /** Try again what has failed. */
  retry() {
    if (this.#isWanted) this.want();
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isWanted = false;
  }

  async #run() {
    this.#timer = undefined;
    this.#isBusy = true;
    this.#isWanted = false;
    const hasFailed = await this.act().then(() => false, () => true);
    this.#isBusy = false;
    if (hasFailed) this.#isWanted = true;
    else if (this.#isWanted) this.want();
  }
}

/** The watches of one page, of which one window of the browser takes care at a time. */
export class Watcher extends EventTarget {
  /** @type {Map<string, { name: string, stop: () => void }>} what is followed, by the keys of groups and filters */
  #followed = new Map();
  #ids = "";
  #count = 0;
  #isLeader = false;
  #release = () => {};
  #isAsked = false;

  /**
   * @param {Channel} channel
   * @param {Watches} watches
   * @param {Tell} tell
   * @param {Call} call
   * @param {{ request: (name: string, hold: () => Promise<void>) => Promise<unknown> } | undefined} locks
   */
  constructor(channel, watches, tell, call, locks) {
    super();
    this.channel = channel;
    this.watches = watches;
    this.tell = tell;
    this.call = call;
    this.locks = locks;
    watches.addEventListener("change", () => this.#arrange());
    this.#arrange();
  }

  /** True if the channel is needed although nobody looks at the page. */
  get isNeeded() {
    return this.#isLeader && this.watches.all.length > 0;
  }

  /** Become the window that tells while there is something to tell, and follow what is watched. */
  #arrange() {
    const { all } = this.watches;
    if (all.length && !this.#isAsked) this.#ask();
    else if (!all.length && this.#isAsked) this.#release();
    if (this.#isLeader) this.#follow(all);
    this.dispatchEvent(new Event("change"));
  }

  #ask() {
    this.#isAsked = true;
    if (!this.locks) {
      this.#isLeader = true;
      return;
    }
    this.locks
      .request(this.watches.key, () => {
        this.#isLeader = true;
        const held = new Promise((/** @type {(value?: undefined) => void} */ release) => {
          this.#release = release;
        });
        this.#arrange();
        return held;
      })
      .catch(() => undefined)
      .then(() => {
        this.#isLeader = this.#isAsked = false;
        this.#release = () => {};
        this.#follow([]);
        // A watch may have come meanwhile.
        if (this.watches.all.length) this.#arrange();
      });
  }

  /** @param {Watch[]} all */
  #follow(all) {
    const jobs = all.filter(({ kind }) => kind === "job");
    const ids = jobs.map(({ id }) => id ?? "").sort();
    if (ids.join(" ") !== this.#ids) {
      this.#ids = ids.join(" ");
      this.channel.leave(JOBS);
      if (ids.length) this.#followJobs(ids);
    }
    const others = new Map(all.filter(({ kind }) => kind !== "job").map((watch) => [watch.key, watch]));
    for (const [key, { name, stop }] of [...this.#followed]) {
      if (others.has(key)) continue;
      stop();
      this.channel.leave(name);
      this.#followed.delete(key);
    }
    for (const [key, watch] of others) {
      if (this.#followed.has(key)) continue;
      const name = `watched ${++this.#count}`;
      const stop = this.#followOne(watch, name);
      this.#followed.set(key, { name, stop });
    }
  }

  /** @param {Watch} watch @param {string} name @returns {() => void} */
  #followOne(watch, name) {
    if (watch.kind === "group") return this.#followGroup(watch, name);
    return watch.kind === "view" ? this.#followView(watch, name) : this.#followFilter(watch, name);
  }

  /** @param {string} key @param {string} body */
  #end(key, body) {
    const watch = this.watches.all.find((it) => it.key === key);
    // The first window that takes a watch away tells of it.
    if (watch && this.watches.take(key)) this.tell(watch, body);
  }

  /** Tell that nothing more will come. @param {Message} message @param {string[]} keys */
  #hasEnded(message, keys) {
    if (message.type !== "error" && message.type !== "end") return false;
    for (const key of keys) this.#end(key, (message.type === "end" ? endOf(message) : detailOf({ ...message, type: message["problem"] })) || t("notify.instance_ended"));
    return true;
  }

  /** @param {string[]} ids */
  #followJobs(ids) {
    const missing = new Set(ids);
    this.channel.follow(JOBS, () => ({ stream: "jobs", filter: { id: ids } }), (message) => {
      if (this.#hasEnded(message, ids.map((id) => `job ${id}`))) return;
      for (const record of message["jobs"] ?? (message.type === "job" ? [message] : [])) {
        missing.delete(record["id"]);
        if (record["state"] === "INACTIVE") this.#end(`job ${record["id"]}`, outcome(record));
      }
      const purged = message.type === "gone" ? [message["id"]] : message.type === "bookmark" ? missing : [];
      for (const id of purged) this.#end(`job ${id}`, t("notify.job_purged"));
    });
  }

  /** @param {Watch} watch @param {string} name @returns {() => void} */
  #followGroup({ key, id }, name) {
    const look = new Soon(async () => {
      const group = await this.call("GET", `/v1/groups/${id}`).catch((problem) => {
        if (problem.document?.status === 404) return undefined;
        throw problem;
      });
      if (!group) return this.#end(key, t("notify.group_purged"));
      const { FAILED = 0, TIMEOUT = 0 } = group["results"];
      if (!group["active"]) {
        const counts = counted(group["results"]);
        return this.#end(key, counts ? t("notify.group_ended_counts", { counts }) : t("notify.group_ended"));
      }
      const watch = this.watches.all.find((it) => it.key === key);
      if (!watch || watch.hasFailed || !(FAILED + TIMEOUT)) return;
      const page = await this.call("GET", `/v1/jobs?group=${id}&result=FAILED,TIMEOUT&limit=1`);
      const job = page["jobs"][0];
      this.watches.update(key, { hasFailed: true });
      if (!job) return;
      this.tell(watch, t("notify.failures", { count: FAILED + TIMEOUT, job: named(job), outcome: outcome(job) }));
    });
    let isFirst = true;
    this.channel.follow(name, () => ({ stream: "events", filter: { group: id, event: ["clean"] } }), (message) => {
      if (this.#hasEnded(message, [key])) return;
      // Once the stream is open, the end of each job that is active now will be in it.
      if (message.type === "event" || message.type === "reset" || (message.type === "bookmark" && isFirst)) look.want();
      if (message.type !== "bookmark") return;
      isFirst = false;
      look.retry();
    });
    return () => look.stop();
  }

  /** @param {Watch} watch @param {string} name @returns {() => void} */
  #followFilter({ key, filters = {}, active = [], until = Infinity }, name) {
    const rows = new Rows();
    const matches = test(filters) ?? (() => true);
    const passes = (/** @type {import("../table/rows.js").Row} */ row) => !(row.t_submit > until) && matches(row);
    let known = new Set(active);
    let isWhole = false;
    const look = new Soon(async () => {
      const now = new Set([...rows.all.values()].filter((row) => passes(row)).map((row) => row.id));
      rows.settle();
      const ended = [...known].filter((id) => !now.has(id));
      const counts = { ...this.watches.all.find((it) => it.key === key)?.counts };
      for (let at = 0; at < ended.length; at += MAX_KEPT) {
        const found = await this.call("POST", "/v1/jobs/query", { ids: ended.slice(at, at + MAX_KEPT) });
        const results = found["jobs"].filter((/** @type {any} */ job) => job["state"] === "INACTIVE").map((/** @type {any} */ job) => job["result"]);
        for (const result of [...results, ...found["unknown"].map(() => "UNKNOWN")]) counts[result] = (counts[result] ?? 0) + 1;
      }
      const hasChanged = ended.length || now.size !== known.size;
      known = now;
      if (hasChanged) this.watches.update(key, { counts, active: [...now].slice(0, MAX_KEPT), left: now.size });
      if (now.size) return;
      const ends = counted(counts);
      this.#end(key, ends ? t("notify.filter_ended_counts", { counts: ends }) : t("notify.filter_ended"));
    });
    this.channel.follow(name, () => ({ stream: "jobs", filter: { state: ["ACTIVE"], ...exact(filters) } }), (message) => {
      if (this.#hasEnded(message, [key])) return;
      if (message.type === "snapshot" && message["first"]) isWhole = false;
      rows.take(message);
      if (message.type === "bookmark") {
        if (!isWhole) look.want();
        isWhole = true;
        look.retry();
      } else if (isWhole) look.want();
    });
    return () => look.stop();
  }

  /** Tell of each job that ends so that it matches, until the reader has had enough. @param {Watch} watch @param {string} name @returns {() => void} */
  #followView({ key, filters = {}, cursor }, name) {
    /** @type {Set<string>} */
    const ended = new Set();
    let last = cursor;
    const look = new Soon(async () => {
      const ids = [...ended].slice(0, MAX_KEPT);
      const { jobs } = ids.length ? await this.call("POST", "/v1/jobs/query", { ids }) : { jobs: [] };
      for (const id of ids) ended.delete(id);
      const rows = new Rows();
      for (const job of jobs) rows.take({ ...job, type: "job" });
      const passes = test(filters) ?? (() => true);
      const [job, ...more] = jobs.filter((/** @type {any} */ it) => [rows.all.get(it["id"])].some((row) => row && passes(row)));
      const watch = this.watches.all.find((it) => it.key === key);
      if (watch && job) this.tell(watch, t("notify.joined", { count: 1 + more.length, job: named(job), outcome: outcome(job) }));
      if (ended.size) look.want();
      // The next page goes on here.
      else if (last !== watch?.cursor) this.watches.update(key, last ? { cursor: last } : {});
    });
    const states = (filters["state"] ?? "").toUpperCase().split(",");
    this.channel.follow(name, () => ({ stream: "events", filter: { event: ["clean"], state: states, ...exact(filters) } }), (message) => {
      if (this.#hasEnded(message, [key])) return;
      if (message.cursor) last = message.cursor;
      if (message.type === "event") ended.add(message["id"]);
      look.want();
    }, cursor);
    return () => look.stop();
  }
}

/** Return the filters that the service applies as the page does; the page applies the others. @param {Record<string, string>} filters */
function exact(filters) {
  return Object.fromEntries(["user", "queue", "group"].flatMap((it) => (filters[it] && !filters[it].includes(",") ? [[it, filters[it]]] : [])));
}

/** @param {Record<string, any>} job */
const named = (job) => (job["name"] ? t("notify.named_job", { id: job["id"], name: job["name"] }) : job["id"]);
