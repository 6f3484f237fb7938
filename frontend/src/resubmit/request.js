/** The request that submits a job again: what it asked for, in its group, and maybe with another time limit. */

import { seconds, shortest } from "../submit/duration.js";
import { groupOf } from "../submit/group_of.js";
import { besides, requestOf } from "../submit/resubmit.js";
import { t } from "../ui/words.js";

/** @typedef {Record<string, any>} Fields of POST /v1/jobs */

/**
 * Return the request for a job like the one of a jobspec and an eventlog.
 * @param {import("../submit/group_of.js").Grouped} job
 * @param {Fields} jobspec
 * @param {{ name: string, context?: Fields }[]} events
 * @returns {Fields} throws why there is none
 */
export function requestFor(job, jobspec, events) {
  const fields = requestOf(jobspec);
  if (!fields) throw new Error(t("resubmit.number_lost"));
  const { urgency, ...flags } = besides(events);
  const group = groupOf(job);
  return { ...fields, ...flags, ...(urgency === undefined ? {} : { urgency: Number(urgency) }), ...(group ? { group } : {}) };
}

/** Return the time limit of a request in seconds; 0 is none. @param {Fields} fields */
export function limitOf({ jobspec, duration }) {
  if (jobspec) return Number(jobspec.attributes?.system?.duration) || 0;
  return duration === undefined ? 0 : seconds(String(duration)) ?? 0;
}

/**
 * Return a request with a time limit in place of its own.
 * @param {Fields} fields @param {number | null} limit in seconds; null keeps its own
 * @returns {Fields}
 */
export function withLimit(fields, limit) {
  if (limit === null) return fields;
  if (!fields["jobspec"]) return { ...fields, duration: shortest(limit) };
  const jobspec = structuredClone(fields["jobspec"]);
  jobspec.attributes = { ...jobspec.attributes, system: { ...jobspec.attributes?.system, duration: limit } };
  return { ...fields, jobspec };
}

/** Return the places at which a request names its dependencies. @param {Fields} fields @returns {Fields[]} */
function dependencies({ jobspec, dependencies: own }) {
  const found = jobspec ? jobspec.attributes?.system?.dependencies : own;
  return Array.isArray(found) ? found : [];
}

/** Replace the letter that begins an F58 ID in Flux. @param {unknown} value */
const plain = (value) => String(value ?? "").replace(/^ƒ/, "f");

/** Return the jobs that a request depends on, as it names them. @param {Fields} fields */
export function dependsOn(fields) {
  return dependencies(fields).filter(({ scheme }) => String(scheme).startsWith("after")).map(({ value }) => plain(value));
}

/**
 * Return a request that depends on the new jobs in place of those that they stand for.
 * @param {Fields} fields @param {(id: string) => string | undefined} made gives the new job of one
 * @returns {Fields}
 */
export function withDependencies(fields, made) {
  const changed = dependencies(fields).map((it) => {
    const id = String(it["scheme"]).startsWith("after") ? made(plain(it["value"])) : undefined;
    return id ? { ...it, value: id } : it;
  });
  if (!changed.length) return fields;
  if (!fields["jobspec"]) return { ...fields, dependencies: changed };
  const jobspec = structuredClone(fields["jobspec"]);
  jobspec.attributes.system.dependencies = changed;
  return { ...fields, jobspec };
}
