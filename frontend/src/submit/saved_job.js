/** A request for jobs as a template, a link or a list of past ones keeps it, and as the inputs show it. */

import { t } from "../ui/words.js";
import { Unreadable, write } from "./form.js";
import { join } from "./shell.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */
/**
 * @typedef {{ job: Record<string, any>, copies?: number, cc?: string, files?: string[] }} Saved
 *   the fields of POST /v1/jobs/bulk, and the names of the files that were attached
 */

/** Fields whose values may be secrets. */
const SECRET = ["environment", "env_expand"];
/** Names of files that a request keeps. */
const MAX_FILES = 50;
const MAX_NAME_CHARS = 255;
/** A jobspec holds its environment below these names. */
const INNER = ["attributes", "system", "environment"];

/**
 * Return the same request without the values that may be secrets, and the names of the variables
 * that it had.
 * @param {Saved} saved
 * @returns {{ saved: Saved, variables: string[] }}
 */
export function withoutSecrets(saved) {
  const copy = /** @type {Saved} */ (structuredClone(saved));
  const variables = new Set(SECRET.flatMap((name) => Object.keys(copy.job[name] ?? {})));
  for (const name of SECRET) delete copy.job[name];
  const system = copy.job["jobspec"]?.[INNER[0] ?? ""]?.[INNER[1] ?? ""];
  for (const name of Object.keys(system?.environment ?? {})) variables.add(name);
  if (system) delete system.environment;
  const attributes = copy.job["attributes"] ?? {};
  for (const name of Object.keys(attributes)) {
    // Attributes can say the environment in other ways: system, system.environment, system.environment.NAME.
    const found = /^(?:attributes\.)?(?:system\.)?environment(?:\.(.+))?$/s.exec(name);
    const system = /^(?:attributes\.)?system$/.test(name) ? attributes[name] : undefined;
    if (found) {
      for (const it of found[1] ? [found[1]] : Object.keys(attributes[name] ?? {})) variables.add(it);
      delete attributes[name];
    } else if (typeof system?.environment === "object") {
      for (const it of Object.keys(system.environment ?? {})) variables.add(it);
      delete system.environment;
    }
  }
  if (copy.job["attributes"] && !Object.keys(attributes).length) delete copy.job["attributes"];
  return { saved: copy, variables: [...variables].sort() };
}

/**
 * Return the same request without the dependencies on other jobs, and those: the jobs of one day
 * are not those of another.
 * @param {Saved} saved
 * @returns {{ saved: Saved, dependencies: string[] }}
 */
export function withoutDependencies(saved) {
  const copy = /** @type {Saved} */ (structuredClone(saved));
  const all = copy.job["dependencies"];
  if (!Array.isArray(all)) return { saved: copy, dependencies: [] };
  /** @param {any} it */
  const written = (it) => (typeof it === "string" ? it : `${it?.scheme}:${it?.value}`);
  const isOnJob = (/** @type {unknown} */ it) => written(it).startsWith("after");
  const kept = all.filter((it) => !isOnJob(it));
  if (kept.length) copy.job["dependencies"] = kept;
  else delete copy.job["dependencies"];
  return { saved: copy, dependencies: all.filter(isOnJob).map(written) };
}

/** The ID of a group that has no name. */
const GROUP_ID = /^g[0-9a-f]{15}$/;

/**
 * Return the same request without a group that has no name, which ends with its jobs: later, nobody
 * can join it.
 * @param {Saved} saved
 * @returns {Saved}
 */
export function withoutNamelessGroup(saved) {
  const { group, ...job } = saved.job;
  return GROUP_ID.test(String(group)) ? { ...saved, job } : saved;
}

/**
 * Return the values of the inputs for this request, and the fields that have no input.
 * @param {Saved} saved
 * @param {Field[]} fields
 * @returns {{ values: Values, unknown: string[] }}
 */
export function valuesOfSaved({ job, copies, cc }, fields) {
  /** @type {Values} */
  const values = { many: copies !== undefined ? "copies" : cc !== undefined ? "cc" : "one" };
  if (copies !== undefined) values["copies"] = String(copies);
  if (cc !== undefined) values["cc"] = String(cc);
  /** @type {string[]} */
  const unknown = [];
  for (const [name, value] of Object.entries(job)) {
    if (value === null || value === false) continue;
    const kind = fields.find((field) => field.name === name)?.kind;
    if (!kind) {
      unknown.push(name);
      continue;
    }
    try {
      values[name] = value === true ? true : kind === "command" && Array.isArray(value) ? join(value.map(String)) : write(kind, value);
    } catch {
      unknown.push(name);
    }
  }
  values["what"] = job["script"] === undefined ? "command" : "script";
  return { values, unknown };
}

/**
 * Read a request that a stranger may have written; throws {@link Unreadable}.
 * @param {unknown} read
 * @returns {Saved}
 */
export function checkSaved(read) {
  const { job, copies, cc, files } = /** @type {Record<string, any>} */ (read ?? {});
  if (typeof job !== "object" || job === null || Array.isArray(job)) throw new Unreadable(t("submit.link_damaged"));
  return {
    job,
    ...(Number.isSafeInteger(copies) ? { copies } : {}),
    ...(typeof cc === "string" ? { cc } : {}),
    ...(namesOf(files).length ? { files: namesOf(files) } : {}),
  };
}

/** Return the names of files in data that a stranger may have written. @param {unknown} read @returns {string[]} */
export function namesOf(read) {
  return Array.isArray(read) ? read.slice(0, MAX_FILES).filter((it) => typeof it === "string" && it !== "" && it.length <= MAX_NAME_CHARS) : [];
}

/** Return a line that distinguishes requests: the name, else the beginning of the command. @param {Saved} saved */
export function titleOf({ job }) {
  const runs = job["command"] ?? job["script_name"] ?? job["script"] ?? "";
  const lines = (Array.isArray(runs) ? runs.map(String).join(" ") : String(runs)).split("\n").filter((line) => line && !line.startsWith("#!"));
  // The options of a script tell it apart no better than its comments do, except for the name that they give it.
  const named = lines.map((line) => /^#\s*flux:.*--job-name[= ](["']?)(?<name>[^"'\s]+)\1/i.exec(line)?.groups?.["name"]).find(Boolean);
  const first = named ?? lines.find((line) => !line.startsWith("#")) ?? lines[0];
  return String(job["name"] || first || (job["jobspec"] ? "jobspec" : ""));
}
