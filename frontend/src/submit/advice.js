/** What a job asks for that will not work as it looks: shell syntax without a shell, more than there is. */

import { split } from "./shell.js";

/** Programs that read a command line as a shell does. */
const SHELLS = new Set(["sh", "bash", "dash", "ksh", "zsh", "csh", "tcsh", "fish"]);

/**
 * The first piece of shell syntax outside quotes, which the program would get as text; empty when there is none.
 * @param {string} command
 */
export function shellSyntax(command) {
  const program = split(command)?.[0]?.split("/").at(-1) ?? "";
  if (SHELLS.has(program)) return "";
  let quote = "";
  for (let at = 0; at < command.length; at++) {
    const letter = command[at] ?? "";
    if (letter === "\\" && quote !== "'") at++;
    else if (quote) quote = letter === quote ? "" : quote;
    else if (letter === "'" || letter === '"') quote = letter;
    else {
      const found = /&&|\|\||>>|2>&1|[|<>;&`]|\$\(|\$\{?[A-Za-z_][A-Za-z0-9_]*\}?|(?<=^|\s)[A-Za-z_][A-Za-z0-9_]*=(?=\S*\s)/y;
      found.lastIndex = at;
      const it = found.exec(command);
      // A variable in front of the program; later it is an argument such as --a=b.
      if (it && (!it[0].endsWith("=") || !command.slice(0, at).trim())) return it[0];
    }
  }
  return "";
}

/** @param {string} syntax what {@link shellSyntax} found */
export function shellAdvice(syntax) {
  if (!syntax) return "";
  return `No shell runs this command: the program gets ${syntax} as text. Use a batch script, or sh -c '…'.`;
}

/** @typedef {{ cores: number, gpus: number, nodes: number }} Size what the nodes that are up have */

/** @param {unknown} value @param {number} otherwise */
const number = (value, otherwise) => (typeof value === "number" && value >= 0 ? value : otherwise);

/** @param {number} n @param {string} noun */
const count = (n, noun) => `${n.toLocaleString("en-US")} ${noun}${n === 1 ? "" : "s"}`;

/** Fields of a job that asks for resources and runs tasks on each of them. */
const PER_RESOURCE = ["num_cores", "tasks_per_node", "tasks_per_core", "gpus_per_node"];

/**
 * The resources that a job asks for in all, and the units that have GPUs each.
 * @param {Record<string, unknown>} job
 * @param {boolean} isScript
 */
function asked(job, isScript) {
  const nodes = number(job["num_nodes"], 0);
  if (!isScript && PER_RESOURCE.some((name) => typeof job[name] === "number")) {
    const each = number(job["gpus_per_node"], 0);
    // Without a number of cores these are whole nodes, whose cores differ.
    return { unit: "node", units: nodes, each, cores: number(job["num_cores"], 0), nodes };
  }
  const [unit, one] = isScript ? ["slot", "per_slot"] : ["task", "per_task"];
  const units = number(job[isScript ? "num_slots" : "num_tasks"], (isScript && nodes) || 1);
  const each = number(job[`gpus_${one}`], 0);
  return { unit, units, each, cores: units * number(job[`cores_${one}`], 1), nodes };
}

/**
 * Sentences about the resources that a job asks for.
 * @param {Record<string, unknown>} job the fields, those of the directives included
 * @param {boolean} isScript
 * @param {Size | undefined} size if it is known
 * @returns {string[]}
 */
export function sizeAdvice(job, isScript, size) {
  const { unit, units, each, cores, nodes } = asked(job, isScript);
  const notes = [];
  if (each && units > 1) notes.push(`${count(units, unit)} with ${count(each, "GPU")} each are ${count(units * each, "GPU")} in all.`);
  if (!size) return notes;
  const more = [
    ["core", cores, size.cores, "are up"],
    ["GPU", units * each, size.gpus, "are up"],
    ["node", nodes, size.nodes, "in the instance"],
  ].flatMap(([noun, asked, has, where]) =>
    Number(asked) > Number(has) ? `${count(Number(asked), String(noun))} (${Number(has).toLocaleString("en-US")} ${where})` : [],
  );
  if (more.length) notes.push(`The job asks for ${more.join("; ")}. It does not start until there are more.`);
  return notes;
}
