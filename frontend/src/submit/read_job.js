/** The request of a job of the instance, as the inputs show it. */

import { call } from "../ui/api.js";
import { besideScript } from "./beside_script.js";
import { compact, seconds } from "./duration.js";
import { groupOf } from "./group_of.js";
import { withoutQueue } from "./queue_constraint.js";
import { besides, valuesOf } from "./resubmit.js";

/**
 * Read a job and what it asks for. A field whose value stands in the script stays empty, so that a changed line counts.
 * @param {string} id
 * @param {import("./form.js").Field[]} fields
 * @returns {Promise<{ values: import("./form.js").Values, record: Record<string, any> }>}
 */
export async function readJob(id, fields) {
  const place = `/v1/jobs/${encodeURIComponent(id)}`;
  const [whole, events, record] = await Promise.all([call("GET", `${place}/jobspec`), call("GET", `${place}/eventlog`), call("GET", place)]);
  const jobspec = withoutQueue(whole, await queuesOf(whole));
  const group = await groupToJoin(record);
  /** @type {import("./form.js").Values} */
  const values = { ...valuesOf(jobspec, fields), ...besides(events), ...(group ? { group } : {}) };
  const limit = seconds(String(values["duration"] ?? ""));
  if (limit) values["duration"] = compact(limit);
  if (typeof values["script"] !== "string") return { values, record };
  const { fields: given } = await call("POST", "/v1/scripts/check", { script: values["script"] });
  return { values: besideScript(values, fields, given), record };
}

/** Return the queues, if one may have changed what a job asks for. @param {Record<string, any>} jobspec @returns {Promise<{ name: string, requires?: string[] }[]>} */
async function queuesOf(jobspec) {
  const { queue, constraints } = jobspec["attributes"]?.system ?? {};
  if (!queue || !constraints) return [];
  return call("GET", "/v1/queues").then((found) => found["queues"], () => []);
}

/** Return the group that a new job joins as the other one; nothing if it has none, or if that is gone. @param {Record<string, any>} record */
async function groupToJoin(record) {
  const group = groupOf(record);
  // A name makes a group anew; an ID alone does not.
  if (!group || record["group_name"]) return group;
  return call("GET", `/v1/groups/${encodeURIComponent(group)}`).then(() => group, () => "");
}
