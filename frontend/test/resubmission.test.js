import assert from "node:assert/strict";
import { test } from "node:test";

import { requestFor, withDependencies, withLimit } from "../src/resubmit/request.js";
import { Resubmission } from "../src/resubmit/resubmission.js";
import { Sent } from "../src/resubmit/sent.js";
import { groupOf } from "../src/submit/group_of.js";
import { Problem } from "../src/ui/api.js";

/** @typedef {import("../src/resubmit/resubmission.js").Job} Job */
/** @typedef {Record<string, any>} Tree */

/** @param {Tree} [system] @param {Tree} [user] */
const jobspec = (system, user) => ({
  resources: [{ type: "slot", count: 1, with: [{ type: "core", count: 1 }], label: "task" }],
  tasks: [{ command: ["work"], slot: "task", count: { per_slot: 1 } }],
  attributes: { system: { duration: 0, ...system }, ...(user ? { user } : {}) },
  version: 1,
});
/** Return a jobspec that only a whole one can express. @param {Tree} [system] @param {Tree} [user] */
const odd = (system, user) => ({ ...jobspec(system, user), resources: [{ type: "slot", count: 1, with: [{ type: "storage", count: 1 }], label: "task" }] });

/** Return the storage of a browser. */
function storage() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return { getItem: (/** @type {string} */ name) => kept.get(name) ?? null, setItem: (/** @type {string} */ name, /** @type {string} */ text) => void kept.set(name, text) };
}

/**
 * Return a service that has jobs, and submits those whose names *answer* has nothing against.
 * @param {Record<string, Tree>} jobspecs by ID
 * @param {(body: Tree, count: number) => unknown} [answer]
 */
function service(jobspecs, answer = () => undefined) {
  /** @type {{ body: Tree, key: string }[]} */
  const asked = [];
  /** @type {Map<string, string>} */
  const made = new Map();
  const call = async (/** @type {string} */ method, /** @type {string} */ path, /** @type {any} */ body, /** @type {Record<string, string>} */ headers = {}, /** @type {(headers: Headers) => void} */ told = () => undefined) => {
    const [, id = "", what] = /^\/v1\/jobs\/([^/]+)(?:\/(\w+))?$/.exec(path) ?? [];
    if (method === "GET") {
      if (!what) return { id, t_submit: 77 };
      const found = jobspecs[id];
      if (!found) throw new Problem({ status: 404, detail: "The jobspec cannot be read." });
      return what === "jobspec" ? found : [{ name: "submit", context: { urgency: 16, flags: 0 } }];
    }
    const key = headers["Idempotency-Key"] ?? "";
    told(new Headers(made.has(key) ? { "Idempotent-Replayed": "true" } : {}));
    asked.push({ body, key });
    const wrong = answer(body, asked.length);
    if (wrong) throw wrong;
    if (!made.has(key)) made.set(key, `fNew${made.size + 1}`);
    return { id: made.get(key) };
  };
  return { call: /** @type {any} */ (call), asked, made };
}

const quiet = () => undefined;
const { signal } = new AbortController();
const lost = () => new Problem({ detail: "The service cannot be reached." });

/** @param {Job[]} jobs @param {any} call @param {Sent} [sent] */
async function ready(jobs, call, sent = new Sent("sent", storage())) {
  const made = new Resubmission(jobs, sent, call, (user) => (user === "eve" ? user : ""));
  await made.read(quiet, signal);
  return made;
}

test("a job is asked for again with what its submit event says, in its group", () => {
  const events = [{ name: "submit", context: { urgency: 5, flags: 4 } }];
  const job = { id: "f1", group: "g0123456789abcde", group_name: "sweep" };
  assert.deepEqual(requestFor(job, jobspec({ duration: 90 }), events), { command: "work", duration: "90s", urgency: 5, waitable: true, group: "sweep" });
  const user = { mine: 1, fluxapi: { group: "sweep", key: "k" } };
  assert.deepEqual(requestFor(job, odd({}, user), []).jobspec.attributes.user, { mine: 1 });
});

test("the group is that of the job: its name, or the ID of one that has none", () => {
  assert.equal(groupOf({ group: "g0123456789abcde", group_name: "sweep" }), "sweep");
  assert.equal(groupOf({ group: "g0123456789abcde" }), "g0123456789abcde");
  assert.equal(groupOf({ group: "g0123456789abcde.1001" }), "");
  assert.equal(groupOf({}), "");
});

test("a job whose number a whole jobspec would lose is not asked for", () => {
  const user = { fluxapi: { cc: "7" } };
  assert.equal(requestFor({ id: "f1" }, jobspec({}, user), [])["environment"].FLUX_JOB_CC, "7");
  assert.throws(() => requestFor({ id: "f1" }, odd({}, user), []), /FLUX_JOB_CC/);
});

test("a time limit takes the place of any other, of a longer one and of none, too", () => {
  for (const make of [jobspec, odd]) {
    const of = (/** @type {number} */ duration) => requestFor({ id: "f1" }, make({ duration }), []);
    const limit = (/** @type {Tree} */ fields) => fields["duration"] ?? fields["jobspec"]?.attributes.system.duration;
    for (const own of [0, 60, 10_800]) assert.equal(limit(withLimit(of(own), 7200)), make === odd ? 7200 : "2h");
    assert.equal(limit(withLimit(of(60), null)), make === odd ? 60 : "1m");
    assert.ok(!limit(withLimit(of(0), null)));
  }
});

test("dependencies lead to the new jobs", () => {
  const system = { dependencies: [{ scheme: "afterok", value: "ƒ1" }, { scheme: "afterany", value: "f2" }, { scheme: "singleton", value: "f1" }] };
  for (const make of [jobspec, odd]) {
    const changed = withDependencies(requestFor({ id: "f3" }, make(system), []), (id) => (id === "f1" ? "fNew" : undefined));
    const found = changed["dependencies"] ?? changed["jobspec"].attributes.system.dependencies;
    assert.deepEqual(found.map((/** @type {Tree} */ { value }) => value), ["fNew", "f2", "f1"]);
  }
});

test("each job is submitted once, and those that cannot be read are told", async () => {
  const { call, asked } = service({ f1: jobspec(), f3: jobspec({ duration: 60 }) });
  const jobs = [{ id: "f1" }, { id: "f2", name: "two" }, { id: "f3", group: "g0123456789abcde" }];
  const made = await ready(jobs, call);
  assert.deepEqual(made.ready.map(({ id }) => id), ["f1", "f3"]);
  assert.deepEqual(made.wrong, [{ job: jobs[1], why: "The jobspec cannot be read." }]);
  assert.equal(await made.submit(made.ready, 120, quiet, signal), 0);
  assert.deepEqual(asked.map(({ body }) => body), [{ command: "work", duration: "2m" }, { command: "work", duration: "2m", group: "g0123456789abcde" }]);
  assert.deepEqual(made.outcomes.map(({ job, made: id }) => [job.id, id]), [["f1", "fNew1"], ["f3", "fNew2"]]);
  assert.notEqual(asked[0]?.key, asked[1]?.key);
});

test("a job of another user is not resubmitted together with those of the owner", async () => {
  const { call, asked } = service({ f1: jobspec(), f2: jobspec() });
  const made = await ready([{ id: "f1", username: "alice" }, { id: "f2", username: "eve" }], call);
  assert.deepEqual(made.ready.map(({ id }) => id), ["f1"]);
  assert.match(made.wrong[0]?.why ?? "", /job of eve/);
  await made.submit(made.ready, null, quiet, signal);
  assert.equal(asked.length, 1);
});

test("a refusal of one is no refusal of the others", async () => {
  const refused = new Problem({ status: 422, detail: "No such queue." });
  const { call } = service({ f1: jobspec({ queue: "gone" }), f2: jobspec() }, ({ queue }) => queue && refused);
  const made = await ready([{ id: "f1" }, { id: "f2" }], call);
  assert.equal(await made.submit(made.ready, null, quiet, signal), 0);
  assert.deepEqual(made.outcomes.map(({ made: id, why, isOpen }) => [id, why, isOpen]), [["", "No such queue.", false], ["fNew1", "", false]]);
});

test("a request without an answer is sent again under its key, unchanged, also by another page", async () => {
  const kept = storage();
  const jobspecs = { f1: jobspec({ duration: 60 }), f2: jobspec({ duration: 60 }) };
  // The first request arrives, but its answer does not.
  const { call, asked, made } = service(jobspecs);
  let isLost = true;
  const flaky = async (/** @type {string} */ method, /** @type {any[]} */ ...rest) => {
    const answer = await call(method, ...rest);
    if (method === "POST" && isLost) throw lost();
    return answer;
  };
  const first = await ready([{ id: "f1" }], flaky, new Sent("sent", kept));
  await first.submit(first.ready, 120, quiet, signal);
  assert.deepEqual(first.outcomes.map(({ made: id, isOpen }) => [id, isOpen]), [["", true]]);
  isLost = false;
  const second = await ready([{ id: "f1" }, { id: "f2" }], flaky, new Sent("sent", kept));
  assert.deepEqual(second.repeated, []);
  await second.submit(second.ready, 240, quiet, signal);
  assert.deepEqual(asked.map(({ body }) => body["duration"]), ["2m", "2m", "4m"]);
  assert.equal(asked[0]?.key, asked[1]?.key);
  assert.equal(made.size, 2);
  assert.deepEqual(second.repeated.map(({ id }) => id), ["f1", "f2"]);
});

test("jobs that were resubmitted before are known by their ID and time, and can be resubmitted anew", async () => {
  const kept = storage();
  const { call, made } = service({ f1: jobspec() });
  const job = { id: "f1", t_submit: 5 };
  for (const count of [1, 2]) {
    const turn = await ready([job], call, new Sent("sent", kept));
    assert.equal(turn.repeated.length, count - 1);
    await turn.submit([job], null, quiet, signal);
    assert.equal(made.size, count);
  }
  // After a restart of Flux, another job may have the ID.
  assert.equal(new Sent("sent", kept).of({ id: "f1", t_submit: 6 }), undefined);
  assert.equal(new Sent("sent", kept).of(job)?.made, "fNew2");
});

test("a resubmission by another browser is reported, and creates no further job", async () => {
  const { call, made } = service({ f1: jobspec(), f2: jobspec() });
  const one = await ready([{ id: "f1", t_submit: 5 }], call);
  await one.submit(one.ready, null, quiet, signal);
  const other = await ready([{ id: "f1", t_submit: 5 }, { id: "f2", t_submit: 6 }], call);
  await other.submit(other.ready, null, quiet, signal);
  assert.deepEqual(other.outcomes.map(({ made: id, before }) => [id, before]), [["", { id: "fNew1", at: 77 }], ["fNew2", undefined]]);
  assert.equal(made.size, 2);
  // Asked for once more, another one is made.
  assert.deepEqual(other.repeated.map(({ id }) => id), ["f1", "f2"]);
  const again = await ready([{ id: "f1", t_submit: 5 }], call, other.sent);
  await again.submit(again.ready, null, quiet, signal);
  assert.equal(made.size, 3);
});

test("a request with another limit is told of the job that there is", async () => {
  const reused = new Problem({ status: 422, type: "/docs/errors#idempotency-key-reused", job: "fOld" });
  const { call } = service({ f1: jobspec() }, () => reused);
  const turn = await ready([{ id: "f1" }], call);
  await turn.submit(turn.ready, 60, quiet, signal);
  assert.deepEqual(turn.outcomes.map(({ before, why }) => [before, why]), [[{ id: "fOld", at: 77 }, ""]]);
});

test("a job waits for the new one of that on which it depends, and is not sent without it", async () => {
  const after = (/** @type {string} */ id) => jobspec({ job: { name: `after-${id}` }, dependencies: [{ scheme: "afterok", value: id }] });
  const jobspecs = { f1: jobspec({ job: { name: "first" } }), f2: after("f1"), f3: after("f2"), f4: after("f0") };
  const jobs = Object.keys(jobspecs).map((id) => ({ id }));
  const well = service(jobspecs);
  const made = await ready(jobs, well.call);
  await made.submit(made.ready, null, quiet, signal);
  const needs = Object.fromEntries(well.asked.map(({ body }) => [body["name"], body["dependencies"]?.[0].value]));
  assert.deepEqual(needs, { first: undefined, "after-f1": "fNew1", "after-f0": "f0", "after-f2": "fNew3" });

  const ill = service(jobspecs, ({ name }) => name === "first" && new Problem({ status: 403, detail: "No." }));
  const other = await ready(jobs, ill.call);
  await other.submit(other.ready, null, quiet, signal);
  assert.deepEqual(ill.asked.map(({ body }) => body["name"]), ["first", "after-f0"]);
  const why = Object.fromEntries(other.outcomes.map((it) => [it.job.id, it.why]));
  assert.match(why["f2"] ?? "", /depends on f1/);
  assert.match(why["f3"] ?? "", /depends on f2/);
});

test("a service that answers nobody is not asked for the others, and a stop ends it", async () => {
  const ids = Array.from({ length: 20 }, (_, index) => `f${index + 1}`);
  const jobspecs = Object.fromEntries(ids.map((id) => [id, jobspec()]));
  const { call, asked } = service(jobspecs, (_body, count) => (count <= 6 ? lost() : undefined));
  const made = await ready(ids.map((id) => ({ id })), call);
  assert.equal(await made.submit(made.ready, null, quiet, signal), 14);
  assert.equal(await made.submit(made.ready, null, quiet, signal), 0);
  assert.equal(asked.length, 26);
  assert.equal(made.outcomes.filter((it) => it.made).length, 20);
  const stop = new AbortController();
  const stopped = await ready(ids.map((id) => ({ id })), service(jobspecs).call);
  assert.equal(await stopped.submit(stopped.ready, null, () => stop.abort(), stop.signal), 14);
});
