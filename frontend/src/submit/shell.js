/** The same request as a line for a POSIX shell; whatever is in it, the shell runs nothing else. */

/** Characters after which a line goes on in the next one. */
const WIDE = 56;
const NEXT = "\\\n  ";

/** Fold words that belong together into lines that a shell reads as one. @param {string[]} groups */
function fold(groups) {
  let width = 0;
  return groups.reduce((all, group) => {
    width += group.length + 1;
    if (!all || width <= WIDE) return all ? `${all} ${group}` : group;
    width = group.length + 3;
    return `${all} ${NEXT}${group}`;
  }, "");
}

/**
 * Quote one word of a line.
 * @param {string} text
 */
export function quote(text) {
  if (text !== "" && /^[A-Za-z0-9_@%+=:,./-]+$/.test(text)) return text;
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** The same for a line that is pasted into a terminal: there are no control characters in it.
 * @param {string} text
 */
function pasted(text) {
  // A newline ends no quotes, and printf could not give one at the end of its text.
  const parts = text.split(/([\u0001-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]+)/u);
  const words = parts.map((part, index) => {
    if (index % 2 === 0) return part === "" ? "" : quote(part);
    const octal = [...new TextEncoder().encode(part)].map((byte) => `\\${byte.toString(8).padStart(3, "0")}`);
    return `"$(printf '${octal.join("")}')"`;
  });
  return words.join("") || "''";
}

/**
 * The words of a command as the service splits it (Python's shlex); nothing when quotes do not close.
 * @param {string} text
 * @returns {string[] | undefined}
 */
export function split(text) {
  /** @type {string[]} */
  const words = [];
  /** @type {string | undefined} */
  let word;
  for (let at = 0; at < text.length; at++) {
    const letter = /** @type {string} */ (text[at]);
    if (/[ \t\r\n]/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "'") {
      const end = text.indexOf("'", at + 1);
      if (end < 0) return undefined;
      word = (word ?? "") + text.slice(at + 1, end);
      at = end;
    } else if (letter === '"') {
      const quoted = /"((?:[^"\\]|\\[^])*)"/y;
      quoted.lastIndex = at;
      const found = quoted.exec(text);
      if (!found) return undefined;
      word = (word ?? "") + (found[1] ?? "").replace(/\\(["\\])/g, "$1");
      at = quoted.lastIndex - 1;
    } else if (letter === "\\") {
      if (++at === text.length) return undefined;
      word = (word ?? "") + text[at];
    } else word = (word ?? "") + letter;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/** What is open at the end of a command that {@link split} does not take: a quote, or a backslash; empty when nothing is. @param {string} text */
export function unclosed(text) {
  if (split(text)) return "";
  // Any letter ends what a backslash begins.
  return split(`${text}x`) ? "\\" : split(`${text}'`) ? "'" : '"';
}

/**
 * Return a command as text that {@link split} takes apart again.
 * @param {string[]} words
 */
export function join(words) {
  return words.map(quote).join(" ");
}

/**
 * @param {string} address
 * @param {unknown} body
 * @param {string} user whose password curl asks for; empty when the service asks for none
 */
export function curl(address, body, user) {
  const login = user ? ["--user", pasted(user)] : [];
  const [short, long] = [JSON.stringify(body), JSON.stringify(body, null, 2)];
  const json = (short.length > WIDE ? long : short).replace(
    // Characters that a terminal would not show as they are: direction marks and the like.
    /[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu,
    (it) => it.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );
  const header = ["-H", quote("Content-Type: application/json")];
  return ["curl", ...login, ...header, `${NEXT}--data-raw`, quote(json), NEXT + quote(address)].join(" ");
}

/** @typedef {(value: any) => string[]} Words */

/** @param {string} flag @returns {Words} */
const short = (flag) => (value) => [flag, pasted(String(value))];
/** @param {string} flag @returns {Words} */
const long = (flag) => (value) => [`${flag}=${pasted(String(value))}`];
/** @param {string} flag @returns {Words} */
const bare = (flag) => () => [flag];
/** @param {string} flag @returns {Words} */
const pairs = (flag) => (value) => Object.entries(value).map(([name, it]) => `${flag}=${pasted(`${name}=${it}`)}`);
/** @param {string} flag @returns {Words} */
const tree = (flag) => (value) =>
  outerFirst(value).map(([name, it]) => `${flag}=${pasted(`${name}=${typeof it === "string" && !isJSON(it) ? it : JSON.stringify(it)}`)}`);

/** Sort an object before the values that are set inside it. @param {Record<string, any>} value */
function outerFirst(value) {
  return Object.entries(value).sort(([one], [other]) => one.split(".").length - other.split(".").length);
}

/**
 * Return variables with their values as they are: $ is doubled, since --env expands $NAME and
 * {{template}}.
 * @type {Words}
 */
const variables = (value) =>
  Object.entries(value).flatMap(([name, it]) =>
    String(it).includes("{{") && !/[.^=]/.test(name)
      ? tree("--setattr")({ [`system.environment.${name}`]: it })
      : [`--env=${pasted(`${name}=${String(it).replaceAll("$", () => "$$")}`)}`],
  );

/** @param {string} text */
function isJSON(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** The options of flux submit, by field. A time limit without a unit would be minutes there.
 * @type {Record<string, Words>}
 */
const FLAGS = {
  num_tasks: short("-n"),
  cores_per_task: short("-c"),
  gpus_per_task: short("-g"),
  num_cores: long("--cores"),
  tasks_per_node: long("--tasks-per-node"),
  tasks_per_core: long("--tasks-per-core"),
  gpus_per_node: long("--gpus-per-node"),
  num_nodes: short("-N"),
  exclusive: bare("-x"),
  duration: (value) => ["-t", pasted(/^(?:\d+\.?\d*|\.\d+)$/.test(String(value)) ? `${value}s` : String(value))],
  name: long("--job-name"),
  queue: long("--queue"),
  bank: long("--bank"),
  group: long("--group"),
  cwd: long("--cwd"),
  urgency: long("--urgency"),
  environment: variables,
  env_expand: (value) => tree("--setopt")({ "env-expand": value }),
  rlimits: pairs("--rlimit"),
  input: long("--input"),
  output: long("--output"),
  error: long("--error"),
  label_io: bare("--label-io"),
  unbuffered: bare("--unbuffered"),
  shell_options: tree("--setopt"),
  attributes: (value) => tree("--setattr")(fromRoot(value)),
  dependencies: (value) => value.map((/** @type {any} */ it) => `--dependency=${pasted(dependency(it))}`),
  constraints: (value) => (typeof value === "string" ? long("--requires")(value) : tree("--setattr")({ "system.constraints": value })),
};

/** Those of flux batch beside them.
 * @type {Record<string, Words>}
 */
const BATCH_FLAGS = {
  num_slots: short("-n"),
  cores_per_slot: short("-c"),
  gpus_per_slot: short("-g"),
  wrap: bare("--wrap"),
  conf: tree("--conf"),
  broker_opts: (value) => value.map((/** @type {unknown} */ it) => `--broker-opts=${pasted(String(it))}`),
  dump: long("--dump"),
};

/**
 * Return attributes by names that flux submit reads the same way: a bare `user` would be below
 * `system`, and an object takes the place of another one.
 * @param {Record<string, any>} attributes
 */
function fromRoot(attributes) {
  const named = Object.entries(attributes).flatMap(([name, it]) => {
    if (!/^(system|user)$/.test(name)) return [[name, it]];
    const inner = Object.entries(it);
    const plain = inner.length > 0 && inner.every(([key]) => /^[^.=^]+$/.test(key));
    return plain ? inner.map(([key, value]) => [`${name}.${key}`, value]) : [[`attributes.${name}`, it]];
  });
  return Object.fromEntries(named);
}

const SWITCHES = ["waitable", "debug"];
/** Fields that exclude a number of tasks. */
const PER_RESOURCE = ["num_cores", "tasks_per_node", "tasks_per_core", "gpus_per_node"];
/** Fields that are words of the line, not options. */
const WORDS = ["command", "script", "script_name", "script_args"];

/** @param {any} entry */
function dependency(entry) {
  if (typeof entry === "string") return entry;
  const { scheme, value, ...more } = entry;
  const query = Object.entries(more).flatMap(([name, it]) => [it].flat().map((one) => `${name}=${encodeURIComponent(one)}`));
  return `${scheme}:${value}${query.length ? `?${query.join("&")}` : ""}`;
}

/**
 * Return the line of fluxapi submit or fluxapi batch, and the fields that it has no option for.
 * @param {Record<string, any>} job
 * @param {{ copies?: unknown, cc?: unknown }} many
 * @param {string[]} [files] names of local files that go along
 */
export function line(job, many, files = []) {
  const isScript = job["script"] !== undefined;
  /** @type {string[]} */
  const groups = [isScript ? "fluxapi batch" : "fluxapi submit"];
  /** @type {string[]} */
  const unsaid = [];
  for (const [name, value] of Object.entries(job)) {
    if (WORDS.includes(name) || SWITCHES.includes(name)) continue;
    const flag = FLAGS[name] ?? BATCH_FLAGS[name];
    const words = flag?.(value) ?? [];
    groups.push(...(words[0]?.startsWith("--") ? words : [words.join(" ")]).filter(Boolean));
    if (!flag) unsaid.push(name);
  }
  // With nodes alone, flux submit would take whole ones.
  const isShaped = ["num_tasks", ...PER_RESOURCE].some((name) => job[name] !== undefined);
  if (!isScript && job["num_nodes"] !== undefined && !isShaped) groups.push(`-n ${pasted(String(job["num_nodes"]))}`);
  groups.push(...files.map((name) => `--add-file=${pasted(name)}`));
  const switches = SWITCHES.filter((name) => job[name]);
  if (switches.length) groups.push(`--flags=${switches.join(",")}`);
  if (isScript) {
    unsaid.push(...Object.keys(many).filter((name) => name !== "job"));
    const args = Array.isArray(job["script_args"]) ? job["script_args"].map(String) : [];
    groups.push([pasted(String(job["script_name"] ?? "job.sh")), ...args.map(pasted)].join(" "));
    return { line: fold(groups), unsaid };
  }
  if (many.copies !== undefined) groups.push(`--bcc=1-${pasted(String(many.copies))}`);
  if (many.cc !== undefined) groups.push(`--cc=${pasted(String(many.cc))}`);
  const command = typeof job["command"] === "string" ? (split(job["command"]) ?? [job["command"]]) : [];
  if (command[0]?.startsWith("-")) groups.push("--");
  if (command.length) groups.push(command.map(pasted).join(" "));
  return { line: fold(groups), unsaid };
}
