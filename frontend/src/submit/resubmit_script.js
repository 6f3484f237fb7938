/** From the jobspec of a batch job to its script and the fields beside it; see fluxapi/model/batch.py. */

/** @typedef {Record<string, any>} Tree */

const SCRIPT = "{{tmpdir}}/script";
const CONF = "-c{{tmpdir}}/conf.json";
const DUMP = "-Scontent.dump=";
const MODES = { script: 0o100700, conf: 0o100600 };
/** Shell options of each batch job. @type {Tree} */
const USUAL = { "per-resource": { type: "node" }, mpi: "none", "exit-timeout": "none" };
/** Fields of a batch job, by those of a plain job. */
const SLOTS = /** @type {const} */ ([
  ["num_tasks", "num_slots", 1], ["cores_per_task", "cores_per_slot", 1], ["gpus_per_task", "gpus_per_slot", undefined],
]);

/**
 * Take the script, instead of the broker that runs it.
 * @param {Tree} job
 * @param {Tree} rest the system attributes that are not in *job* yet
 * @returns {boolean} whether the options can say it; a job without a script is left as it is
 */
export function takeScript(job, rest) {
  const [flux, broker, ...words] = job["command"];
  const place = words.indexOf(SCRIPT);
  if (flux !== "flux" || broker !== "broker" || place < 0) return true;
  const { script, "conf.json": conf, ...others } = rest["files"] ?? {};
  const options = rest["shell"]?.options ?? {};
  if (!isScript(script) || Object.keys(others).length || !takeOutput(job, options)) return false;
  for (const [name, value] of Object.entries(USUAL)) {
    if (!isSame(options[name], value)) return false;
    delete options[name];
  }
  const own = words.slice(0, place);
  if (conf && (own.pop() !== CONF || conf.mode !== MODES.conf || conf.encoding)) return false;
  if (own.at(-1)?.startsWith(DUMP)) job["dump"] = own.pop().slice(DUMP.length);
  if (own.length) job["broker_opts"] = own;
  if (conf) job["conf"] = conf.data;
  const args = words.slice(place + 1);
  if (args.length) job["script_args"] = args;
  job["script"] = script.data;
  for (const [plain, batch, usual] of SLOTS) {
    // Directives of the script may say otherwise, so what is usual is said, too.
    if ((job[plain] ?? usual) !== undefined) job[batch] = job[plain] ?? usual;
    delete job[plain];
  }
  delete job["command"];
  delete rest["files"];
  if (!Object.keys(options).length) delete rest["shell"].options;
  if (!Object.keys(rest["shell"]).length) delete rest["shell"];
  return true;
}

/** @param {any} file */
const isScript = (file) => typeof file?.data === "string" && file.encoding === "utf-8" && file.mode === MODES.script;

/** @param {unknown} one @param {unknown} other */
const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/**
 * Take the files of the output, which have fields of their own.
 * @param {Tree} job
 * @param {Tree} options
 * @returns {boolean} whether they can say it
 */
function takeOutput(job, options) {
  if (options["output"] === undefined) {
    job["output"] = "kvs";
    return true;
  }
  const { stdout, stderr, ...others } = options["output"] ?? {};
  const files = [stdout, ...(stderr ? [stderr] : [])];
  const labeled = files.filter((file) => file?.label === true).length;
  if (Object.keys(others).length || (labeled && labeled < files.length)) return false;
  for (const file of files) {
    const { type, path, label, ...more } = file ?? {};
    if (type !== "file" || typeof path !== "string" || Object.keys(more).length || (label !== undefined && !labeled)) return false;
  }
  job["output"] = stdout.path;
  if (stderr) job["error"] = stderr.path;
  if (labeled) job["label_io"] = true;
  delete options["output"];
  return true;
}
