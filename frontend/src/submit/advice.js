/** Advice on a command that will not work as it looks: shell syntax that no shell runs. */

import { t } from "../ui/words.js";
import { split } from "./shell.js";

/** Programs that read a command line as a shell does. */
const SHELLS = new Set(["sh", "bash", "dash", "ksh", "zsh", "csh", "tcsh", "fish"]);

/**
 * Return the first piece of shell syntax outside quotes, which the program would get as text; empty
 * if there is none.
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
  return t("submit.no_shell", { syntax });
}
