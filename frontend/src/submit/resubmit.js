/** From the jobspec of a job (RFC 25) to the inputs that ask for the same job again. */

import { shortest } from "./duration.js";
import { parse, write } from "./form.js";
import { takeScript } from "./resubmit_script.js";
import { join } from "./shell.js";

/** @typedef {import("./form.js").Field} Field */
/** @typedef {import("./form.js").Values} Values */
/** @typedef {Record<string, any>} Tree */

/** Program by which the service gives text as standard input; see fluxapi/model/jobspec.py. */
const STDIN = 'exec "$0" "$@" <"$FLUX_JOB_TMPDIR/stdin"';
/** The variable with the number of a job of many; see fluxapi/handlers/bulk.py. */
export const CC = "FLUX_JOB_CC";
const NUMBER = /^\d{1,20}$/;
/** Above this the service does not split quoted text. */
const MAX_QUOTED = 16_384;

/**
 * Read what a job asked for, without what the service adds itself, since the new job is another one.
 * @param {Tree} jobspec
 * @returns {{ kept: Tree, job: Tree | undefined, number: string | undefined }} the jobspec, its options if these can say it, and
 *   the number of a job of many
 */
function asked(jobspec) {
  const kept = structuredClone(jobspec);
  const user = kept["attributes"]?.user;
  const cc = user?.fluxapi?.cc;
  const number = typeof cc === "string" && NUMBER.test(cc) ? cc : undefined;
  if (user) delete user.fluxapi;
  const job = jobOf(kept);
  // Without its number, a job of many would do something else than it did.
  if (job && number !== undefined) job["environment"] = { ...job["environment"], [CC]: number };
  return { kept, job, number };
}

/**
 * Return the fields of ``POST /v1/jobs`` for the same job again: its options, else the whole
 * jobspec.
 * @param {Tree} jobspec
 * @returns {Tree | undefined} nothing if a whole jobspec would lose the number of a job of many
 */
export function requestOf(jobspec) {
  const { kept, job, number } = asked(jobspec);
  if (job) return job;
  return number === undefined ? { jobspec: tidy(kept) } : undefined;
}

/**
 * Return the values of the inputs: option by option if the options can say it, else the whole
 * jobspec.
 * @param {Tree} jobspec
 * @param {Field[]} fields
 * @returns {Values}
 */
export function valuesOf(jobspec, fields) {
  const { kept, job } = asked(jobspec);
  /** @type {Values} */
  const values = {};
  for (const [name, value] of Object.entries(job ?? {})) {
    const kind = fields.find((field) => field.name === name)?.kind;
    if (!kind) return whole(kept);
    values[name] = value === true ? true : write(kind, value);
    if (value !== true && JSON.stringify(parse(kind, String(values[name]))) !== JSON.stringify(value)) return whole(kept);
  }
  if ("script" in values) values["what"] = "script";
  return job ? values : whole(kept);
}

/** Flags of a submit event (RFC 21): those with an input of their own, by their bit. */
const FLAGS = /** @type {const} */ ([["debug", 2], ["waitable", 4]]);
const DEFAULT_URGENCY = 16;

/**
 * Return the part of the request beside the jobspec, as the submit event of the job has it.
 * @param {{ name: string, context?: Tree }[]} events
 * @returns {Values}
 */
export function besides(events) {
  const { urgency: first = DEFAULT_URGENCY, flags = 0 } = events.find(({ name }) => name === "submit")?.context ?? {};
  const last = events.findLast(({ name }) => name === "urgency")?.context?.["urgency"];
  // A job that was held at first and released since is not meant to be held again.
  const urgency = first === 0 && typeof last === "number" ? last : first;
  /** @type {Values} */
  const values = {};
  if (urgency !== DEFAULT_URGENCY) values["urgency"] = String(urgency);
  for (const [name, bit] of FLAGS) if (flags & bit) values[name] = true;
  return values;
}

/** @param {Tree} jobspec @returns {Values} */
const whole = (jobspec) => ({ jobspec: JSON.stringify(tidy(jobspec), null, 2) });

/** @param {Tree} jobspec without the attributes of the service, which may have been the only ones of the user */
function tidy(jobspec) {
  if (jobspec["attributes"]?.user && !Object.keys(jobspec["attributes"].user).length) delete jobspec["attributes"].user;
  return jobspec;
}

/**
 * Return the fields of ``POST /v1/jobs``, or nothing if they cannot express the jobspec.
 * @param {Tree} jobspec
 * @returns {Tree | undefined}
 */
function jobOf(jobspec) {
  const shape = shapeOf(jobspec);
  const { system, user } = jobspec["attributes"] ?? {};
  if (!shape || !system) return undefined;
  /** @type {Tree} */
  const job = { ...shape };
  const rest = structuredClone(system);
  const take = (/** @type {string} */ name, /** @type {(value: any) => boolean} */ fits, as = name) => {
    if (rest[name] === undefined || !fits(rest[name])) return;
    job[as] = rest[name];
    delete rest[name];
  };
  if (rest.duration === 0) delete rest.duration;
  else if (typeof rest.duration === "number") rest.duration = shortest(rest.duration);
  for (const name of ["duration", "cwd", "queue", "bank"]) take(name, isText);
  take("environment", isMap);
  take("dependencies", (value) => Array.isArray(value) && value.length > 0);
  take("constraints", (value) => isMap(value));
  if (!takeStdin(job, rest) || !takeScript(job, rest)) return undefined;
  if (isMap(rest.job) && Object.keys(rest.job).join() === "name" && isText(rest.job.name)) {
    job["name"] = rest.job.name;
    delete rest.job;
  }
  if (!takeShell(job, rest)) return undefined;
  /** @type {Tree} */
  const attributes = {};
  for (const [name, value] of Object.entries(rest)) attributes[`system.${name}`] = value;
  if (user && Object.keys(user).length) attributes["user"] = user;
  if (Object.keys(attributes).some((name) => name.split(".").length > 2)) return undefined;
  if (Object.keys(attributes).length) job["attributes"] = attributes;
  if ("script" in job) return job;
  job["command"] = join(job["command"]);
  return job["command"].length > MAX_QUOTED ? undefined : job;
}

/** @param {unknown} value */
const isText = (value) => typeof value === "string" && value !== "" && value.trim() === value;
/** @param {any} value */
const isMap = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && Object.keys(value).length > 0;

/**
 * Return tasks, cores, nodes and the command, if the resources have the shape that the options
 * give.
 * @param {Tree} jobspec
 * @returns {Tree | undefined}
 */
function shapeOf(jobspec) {
  const [outer, ...others] = jobspec["resources"] ?? [];
  const [task, ...tasks] = jobspec["tasks"] ?? [];
  if (!outer || !task || others.length || tasks.length || !Array.isArray(task.command)) return undefined;
  const node = outer.type === "node" ? outer : undefined;
  const slot = node ? node.with?.[0] : outer;
  if (node && (node.with.length !== 1 || hasMore(node, ["type", "count", "with", "exclusive"]))) return undefined;
  if (slot?.type !== "slot" || hasMore(slot, ["type", "count", "with", "label"]) || slot.label !== task.slot) return undefined;
  const [core, gpu, ...rest] = slot.with ?? [];
  if (core?.type !== "core" || (gpu && gpu.type !== "gpu") || rest.length) return undefined;
  if (hasMore(core, ["type", "count"]) || (gpu && hasMore(gpu, ["type", "count"]))) return undefined;
  const nodes = node?.count ?? 1;
  const count = task.count?.total ?? (task.count?.per_slot === 1 ? slot.count * nodes : undefined);
  if (!Number.isInteger(count) || slot.count !== Math.ceil(count / nodes) || (!node && task.count.total)) return undefined;
  /** @type {Tree} */
  const shape = { command: task.command };
  if (count !== 1) shape["num_tasks"] = count;
  if (core.count !== 1) shape["cores_per_task"] = core.count;
  if (gpu) shape["gpus_per_task"] = gpu.count;
  if (node) shape["num_nodes"] = nodes;
  if (node?.exclusive) shape["exclusive"] = true;
  return shape;
}

/** @param {Tree} it @param {string[]} names */
const hasMore = (it, names) => Object.keys(it).some((name) => !names.includes(name));

/**
 * Take the standard input that the service put in front of the command.
 * @param {Tree} job
 * @param {Tree} rest
 * @returns {boolean} whether the options can say it
 */
function takeStdin(job, rest) {
  const [shell, flag, script, ...command] = job["command"];
  if (shell !== "/bin/sh" || flag !== "-c" || script !== STDIN) return true;
  const stdin = rest["files"]?.stdin;
  if (stdin?.encoding !== "utf-8" || typeof stdin.data !== "string" || Object.keys(rest["files"]).length > 1 || stdin.data.trim() === "") return false;
  job["stdin"] = stdin.data;
  job["command"] = command;
  delete rest["files"];
  return true;
}

/**
 * Take the shell options: those that have fields of their own, and the others by name.
 * @param {Tree} job
 * @param {Tree} rest
 * @returns {boolean} whether the options can say it: the form reads a dot in a name as a level
 */
function takeShell(job, rest) {
  const options = rest["shell"]?.options;
  if (!isMap(options)) return true;
  if (Object.keys(options).some((name) => name.includes("."))) return false;
  if (isMap(options.rlimit)) {
    job["rlimits"] = options.rlimit;
    delete options.rlimit;
  }
  if (isMap(options["env-expand"])) {
    job["env_expand"] = options["env-expand"];
    delete options["env-expand"];
  }
  if (Object.keys(options).length) job["shell_options"] = options;
  delete rest["shell"].options;
  if (!Object.keys(rest["shell"]).length) delete rest["shell"];
  return true;
}
