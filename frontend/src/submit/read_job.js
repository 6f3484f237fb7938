/** What a job of the instance asks for, as the inputs show it. */

import { call } from "../ui/api.js";
import { besideScript } from "./beside_script.js";
import { besides, valuesOf } from "./resubmit.js";

/**
 * Read a job and what it asks for. A field whose value stands in the script stays empty, so that a changed line counts.
 * @param {string} id
 * @param {import("./form.js").Field[]} fields
 * @returns {Promise<{ values: import("./form.js").Values, record: Record<string, any> }>}
 */
export async function readJob(id, fields) {
  const place = `/v1/jobs/${encodeURIComponent(id)}`;
  const [jobspec, events, record] = await Promise.all([call("GET", `${place}/jobspec`), call("GET", `${place}/eventlog`), call("GET", place)]);
  const values = { ...valuesOf(jobspec, fields), ...besides(events) };
  if (typeof values["script"] !== "string") return { values, record };
  const { fields: given } = await call("POST", "/v1/scripts/check", { script: values["script"] });
  return { values: besideScript(values, fields, given), record };
}
