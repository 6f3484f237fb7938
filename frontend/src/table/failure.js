/** How a job ended, as fluxapi/model/humanize.py says it, by the same texts and cases. */

import { duration } from "../ui/format.js";
import { t } from "../ui/words.js";

const NAMES = [
  "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
  "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
  "WINCH", "IO", "PWR", "SYS",
];

/** The number that shells add to a signal for the exit code. */
const SHELL_OFFSET = 128;

/** @typedef {import("../ui/words.js").Key} Key */

/** The exit codes that have a meaning in shells. */
const EXIT_CODES = /** @type {Record<number, Key>} */ ({ 126: "outcomes.exit_126", 127: "outcomes.exit_127" });

/** The usual reasons of signals that end a program. */
const REASONS = /** @type {Record<string, Key>} */ ({
  HUP: "outcomes.sighup",
  INT: "outcomes.sigint",
  ILL: "outcomes.sigill",
  ABRT: "outcomes.sigabrt",
  BUS: "outcomes.sigbus",
  FPE: "outcomes.sigfpe",
  KILL: "outcomes.sigkill",
  SEGV: "outcomes.sigsegv",
  PIPE: "outcomes.sigpipe",
  TERM: "outcomes.sigterm",
  XCPU: "outcomes.sigxcpu",
  XFSZ: "outcomes.sigxfsz",
});

/** @param {Record<string, any>} record of a failed job */
export function failure(record) {
  return status(record["waitstatus"]) || t("t_run" in record ? "outcomes.failed" : "outcomes.failed_pending");
}

/** Return how a job ended, in one phrase. @param {Record<string, any>} record of an inactive job */
export function outcome(record) {
  const { result, duration: limit } = record;
  if (result === "COMPLETED") return t("outcomes.completed");
  if (result === "CANCELED") return t("t_run" in record ? "outcomes.canceled_running" : "outcomes.canceled_pending");
  if (result === "TIMEOUT") return limit ? t("outcomes.timeout_of", { limit: duration(limit) }) : t("outcomes.timeout");
  return failure(record);
}

/** The note of the exception that Flux raises for an unmet dependency (dependency-after.c). */
const UNMET =
  /^dependency (after-(?:start|finish|success|failure))=[\u0192f]([1-9A-HJ-NP-Za-km-z]{1,12}) (can never be satisfied|job never started)$/;
/** The note of the exception that the job shell raises for a program that cannot be executed. */
const NOT_STARTED = /^task [0-9]{1,10} \(host [^()]{1,255}\): start failed: ([^]+)$/;
const UNMET_KEYS = /** @type {Map<string, Key>} */ (new Map([
  ["after-success", "outcomes.unmet_success"],
  ["after-failure", "outcomes.unmet_failure"],
]));

/** Return the job that an exception names as the reason why a job never started; empty for any other. @param {Record<string, any> | undefined} exception */
export function blamed(exception) {
  const [, , job] = UNMET.exec(exception?.["note"] ?? "") ?? [];
  return job ? `f${job}` : "";
}

/** Return an exception as a phrase, like fluxapi/model/unmet.py. @param {Record<string, any>} exception */
export function excepted({ type, note }) {
  if (!note) return String(type);
  const [, scheme = "", job, why] = UNMET.exec(note) ?? [];
  const key = why === "job never started" ? "outcomes.unmet_start" : UNMET_KEYS.get(scheme);
  if (key) return t(key, { job: `f${job}` });
  const [, cause] = (type === "exec" && NOT_STARTED.exec(note)) || [];
  if (cause) return t("outcomes.not_started", { why: cause });
  return note.startsWith(`${type} `) ? note : `${type}: ${note}`;
}

/** Describe a wait status (wait(2)) in words; empty if there is none or it is a success. @param {unknown} waitstatus */
function status(waitstatus) {
  if (typeof waitstatus !== "number") return "";
  const number = waitstatus & 0x7f;
  if (number) return explained(t(waitstatus & 0x80 ? "outcomes.dumped" : "outcomes.killed", { signal: signal(number) }), REASONS[NAMES[number] ?? ""]);
  const code = (waitstatus >> 8) & 0xff;
  if (!code) return "";
  const name = NAMES[code - SHELL_OFFSET];
  if (name) return explained(t("outcomes.exit_by_shell", { code: String(code), signal: signal(code - SHELL_OFFSET) }), REASONS[name]);
  return explained(t("outcomes.exit", { code: String(code) }), EXIT_CODES[code]);
}

/** @param {number} number */
function signal(number) {
  const name = NAMES[number];
  if (name) return t("outcomes.signal", { name: `SIG${name}`, number: String(number) });
  return t("outcomes.unnamed_signal", { number: String(number) });
}

/** @param {string} said @param {Key | undefined} key */
function explained(said, key) {
  return key ? t("outcomes.explained", { said, words: t(key) }) : said;
}
