/** What is set of a job, as names and values that people read; and the lines of its R. */

import { duration } from "../ui/format.js";
import { element } from "../ui/element.js";
import { ids } from "../nodes/nodes.js";
import { lasting } from "./timeline.js";
import { MEDIUM, SHORT, visible } from "../ui/visible.js";

/**
 * @param {Record<string, any>} record
 * @returns {[string, string][]}
 */
export function facts(record) {
  const {
    username, queue, bank, project, urgency, priority, runtime, dependencies, cwd,
    ntasks, nnodes, ncores, nodelist, ranks, uri, truncated, name = "",
  } = record;
  /** @type {[string, unknown][]} */
  const pairs = [
    ["User", username],
    ["Queue", queue],
    ["Bank", bank],
    ["Project", project],
    ["Urgency", urgency === 0 ? "0 (held)" : urgency === 31 ? "31 (expedited)" : urgency],
    ["Priority", priority],
    ["Time limit", record["duration"] ? duration(record["duration"]) : "none"],
    ["Ran for", runtime === undefined ? undefined : lasting(runtime)],
    ["Dependencies", (dependencies ?? []).join(", ")],
    ["Name", name.length > SHORT ? name : undefined],
    ["Directory", cwd],
    ["Tasks", ntasks],
    ["Nodes", nnodes],
    ["Cores", ncores],
    ["Node list", nodelist],
    ["Ranks", ranks],
    ["URI", uri],
    ["Cut short", (truncated ?? []).join(", ")],
  ];
  return pairs.flatMap(([name, value]) => (value === undefined || value === null || value === "" ? [] : [[name, visible(String(value), { most: MEDIUM })]]));
}

/** @param {HTMLElement} where @param {Record<string, any>} record */
export function draw(where, record) {
  where.replaceChildren(
    ...facts(record).map(([name, value]) => {
      const pair = element("div", {});
      pair.append(element("dt", { textContent: name }), element("dd", { textContent: value }));
      return pair;
    }),
  );
}

/** The lines of an R object (RFC 20): ranks with the cores and gpus that each gave. @param {any} R */
export function granted(R) {
  const lines = R?.execution?.R_lite;
  if (!Array.isArray(lines)) return [];
  const { format } = new Intl.NumberFormat();
  return lines.map((line) => {
    const [cores, gpus] = ["core", "gpu"].map((kind) => {
      const idset = String(line?.children?.[kind] ?? "");
      return idset && `${format(ids(idset).length)} (${kind} ${visible(idset, { most: MEDIUM })})`;
    });
    return [visible(String(line?.rank ?? "")), cores ?? "", gpus ?? ""];
  });
}
