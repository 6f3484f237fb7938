/** Jobs of a group that were submitted after others with their name and number, by whichever browser or command. */

import { call as ask } from "../ui/api.js";

/** @typedef {import("./resubmission.js").Job} Job */

/** Jobs of the group that are read: the newest. */
const MAX_JOBS = 1000;

/**
 * Return those of some jobs that a newer job of their group has the name and the number of, with the newest such job.
 * @param {readonly Job[]} jobs @param {readonly Job[]} all the jobs of the group
 * @returns {Map<string, string>} IDs of newer jobs by those of older ones
 */
export function newerOf(jobs, all) {
  const key = (/** @type {Job} */ { name = "", cc = "" }) => JSON.stringify([name, cc]);
  /** @type {Map<string, Job>} */
  const newest = new Map();
  for (const job of all) if (job.cc && (job.t_submit ?? 0) > (newest.get(key(job))?.t_submit ?? -1)) newest.set(key(job), job);
  return new Map(
    jobs.flatMap((job) => {
      const other = job.cc ? newest.get(key(job)) : undefined;
      return other && other.id !== job.id && (other.t_submit ?? 0) > (job.t_submit ?? 0) ? [[job.id, other.id]] : [];
    }),
  );
}

/** Read the newer jobs of the group of some jobs; none if they have no numbers, or are of several groups. @param {readonly Job[]} jobs @param {typeof ask} [call] */
export async function readNewer(jobs, call = ask) {
  const [group = "", ...others] = new Set(jobs.map(({ group = "" }) => group));
  if (!group || others.length || !jobs.some(({ cc }) => cc)) return new Map();
  const found = await call("GET", `/v1/jobs?group=${encodeURIComponent(group)}&limit=${MAX_JOBS}`).catch(() => ({ jobs: [] }));
  return newerOf(jobs, found["jobs"]);
}
