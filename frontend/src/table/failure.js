/** How a job failed, as fluxapi/model/humanize.py says it, by the same phrases and cases. */

import { duration } from "../ui/format.js";
import { EXIT_CODES, FAILURES, fill, SIGNALS } from "../ui/phrases.js";

const NAMES = [
  "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
  "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
  "WINCH", "IO", "PWR", "SYS",
];

/** The number that shells add to a signal for the exit code. */
const SHELL_OFFSET = 128;

/** @param {Record<string, any>} record of a failed job */
export function failure(record) {
  return status(record["waitstatus"]) || FAILURES["t_run" in record ? "ran" : "never ran"] || "";
}

/** Return how a job ended, in one phrase. @param {Record<string, any>} record of an inactive job */
export function outcome(record) {
  const { result, duration: limit } = record;
  if (result === "COMPLETED") return "Completed";
  if (result === "CANCELED") return "t_run" in record ? "Canceled while it ran" : "Canceled before it ran";
  if (result === "TIMEOUT") return limit ? `Time limit of ${duration(limit)} reached` : "Time limit reached";
  return failure(record);
}

/** A wait status as of wait(2) in words; empty if there is none or it is a success. @param {unknown} waitstatus */
function status(waitstatus) {
  if (typeof waitstatus !== "number") return "";
  const number = waitstatus & 0x7f;
  if (number) return bySignal(waitstatus & 0x80 ? "dumped" : "killed", number);
  const code = (waitstatus >> 8) & 0xff;
  if (!code) return "";
  if (NAMES[code - SHELL_OFFSET]) return bySignal("by a shell", code - SHELL_OFFSET, code);
  return explained(fill(FAILURES["exit"], { code }), EXIT_CODES[code]);
}

/** @param {string} phrase @param {number} number @param {number} [code] */
function bySignal(phrase, number, code = 0) {
  const name = NAMES[number] ? `SIG${NAMES[number]}` : "";
  const signal = fill(FAILURES[name ? "signal" : "unnamed signal"], { name, number });
  return explained(fill(FAILURES[phrase], { signal, code }), SIGNALS[name]);
}

/** @param {string} said @param {string | undefined} words */
function explained(said, words) {
  return words ? fill(FAILURES["explained"], { said, words }) : said;
}
