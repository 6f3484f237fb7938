/** The side effects of canceling jobs: jobs that wait for their success, and the jobs of those that are instances. */

import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { instance } from "../ui/root.js";
import { PENDING } from "../ui/states.js";
import { t } from "../ui/words.js";
import { namedJobs } from "./named_jobs.js";

/** @typedef {{ id: string, name?: string, status?: string }} Linked */
/** @typedef {{ jobs: Linked[], links: { job: string, after: string, scheme: string }[], more: boolean }} Graph as GET /v1/jobs/ID/dependencies says it */

/** Jobs that are looked at; more are told as at least so many. */
const MAX_JOBS = 10;
/** Jobs of a graph, and of an instance, that are counted. */
const MAX_COUNTED = 1000;
/** Dependent jobs that are named. */
const MAX_NAMED = 5;
/** Conditions that a job meets only by its start. */
const STARTS = new Set(["after", "afterstart"]);

/**
 * Return the pending jobs that can never start once these are canceled.
 * @param {Graph[]} graphs
 * @param {string[]} ids
 * @returns {Linked[]}
 */
export function stranded(graphs, ids) {
  const pending = new Set(graphs.flatMap(({ jobs }) => jobs.filter(({ status }) => PENDING.includes(status ?? "")).map(({ id }) => id)));
  const links = graphs.flatMap((graph) => graph.links);
  const ended = new Set(ids);
  for (let before = -1; before !== ended.size; ) {
    before = ended.size;
    for (const { job, after, scheme } of links) {
      const isHopeless = scheme === "afterok" || (STARTS.has(scheme) && pending.has(after));
      if (isHopeless && ended.has(after) && pending.has(job)) ended.add(job);
    }
  }
  const known = new Map(graphs.flatMap(({ jobs }) => jobs.map((job) => [job.id, job])));
  return [...ended].filter((id) => !ids.includes(id)).map((id) => known.get(id) ?? { id });
}

/** @param {string[]} ids @param {string[]} instances those that are instances */
async function read(ids, instances) {
  const [graphs, inside] = await Promise.all([
    Promise.all(ids.slice(0, MAX_JOBS).map((id) => call("GET", `/v1/jobs/${id}/dependencies?limit=${MAX_COUNTED}`))),
    Promise.all(instances.slice(0, MAX_JOBS).map((id) => {
      const path = [instance(), id].filter(Boolean).join("/");
      return call("GET", `/v1/instances/${path}/jobs?state=ACTIVE&limit=${MAX_COUNTED}`);
    })),
  ]);
  const waiting = stranded(graphs, ids);
  const count = inside.reduce((sum, { jobs }) => sum + jobs.length, 0);
  const isMore = ids.length > MAX_JOBS || graphs.some(({ more }) => more);
  const isMoreInside = instances.length > MAX_JOBS || inside.some(({ next }) => next);
  const parts = [];
  if (waiting.length) {
    parts.push(element("p", { textContent: t(isMore ? "job.cancel_dependents_least" : "job.cancel_dependents", { count: waiting.length }) }));
    parts.push(namedJobs(waiting, { label: t("job.cancel_dependents_named"), most: MAX_NAMED, isLinked: true }));
  }
  if (count) parts.push(element("p", { textContent: t(isMoreInside ? "job.cancel_inside_least" : "job.cancel_inside", { count }) }));
  return parts;
}

/** Return a part of a dialog that shows the effects once they are known. @param {string[]} ids @param {string[]} instances */
export function effects(ids, instances) {
  const said = element("div", { className: "effects", role: "status" });
  read(ids, instances).then(
    (parts) => said.replaceChildren(...parts),
    // Without them, the question is what it was.
    () => undefined,
  );
  return said;
}
