/** What a job's record says, in plain words: the same as fluxapi/web/humanize.py, by the same cases. */

import { duration } from "../ui/format.js";
import * as waits from "../ui/situation.js";

/** @typedef {Record<string, any>} Record_ a job's record, in the words of the API */

const SIGNALS = [
  "", "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
  "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
  "WINCH", "IO", "PWR", "SYS",
];

/** @type {Record<number, string>} */
const MEANINGS = { 126: "the command cannot be executed", 127: "the command was not found" };

/** What a signal that ends a program usually means. @type {Record<string, string>} */
const CAUSES = {
  HUP: "its terminal or its parent went away",
  INT: "it was interrupted",
  ILL: "it holds an instruction that this processor does not know",
  ABRT: "it gave up by itself, as a failed assertion does",
  BUS: "it used memory that is not there",
  FPE: "it did arithmetic that has no result, such as a division by zero",
  KILL: "it was ended by force, as is done where memory runs out, too",
  SEGV: "it used memory that is not its own",
  PIPE: "nobody read what it wrote",
  TERM: "it was asked to end",
  XCPU: "its limit of processor time was reached",
  XFSZ: "its limit of file size was reached",
};

/** How a job ended, or what it does at the moment, and why: one phrase. @param {Record_} record */
export function outcome(record) {
  return record["state"] === "INACTIVE" ? ended(record) : active(record);
}

/** @param {Record_} record */
function active(record) {
  switch (record["state"]) {
    case "NEW":
      return "Submitted";
    case "DEPEND":
    case "PRIORITY":
    case "SCHED": {
      const why = record["reason"] || waits.said(record);
      return why.charAt(0).toUpperCase() + why.slice(1);
    }
    case "CLEANUP": {
      const said = status(record);
      return said ? `Is being cleaned up: ${said.charAt(0).toLowerCase()}${said.slice(1)}` : "Is being cleaned up";
    }
    default:
      return "Runs";
  }
}

/** @param {Record_} record */
function ended(record) {
  const ran = "t_run" in record;
  switch (record["result"]) {
    case "COMPLETED":
      return "Completed";
    case "CANCELED":
      return ran ? "Canceled while it ran" : "Canceled before it ran";
    case "TIMEOUT":
      return record["duration"] ? `Time limit of ${duration(record["duration"])} reached` : "Time limit reached";
    default:
      return status(record) || (ran ? "Failed" : "Failed before it ran");
  }
}

/** A wait status as of wait(2) in words; empty where there is none, or it is of no failure. @param {Record_} record */
function status({ waitstatus }) {
  if (typeof waitstatus !== "number") return "";
  const number = waitstatus & 0x7f;
  if (number) return `Killed by ${signal(number)}${waitstatus & 0x80 ? ", core dumped" : ""}${cause(number)}`;
  const code = (waitstatus >> 8) & 0xff;
  if (!code) return "";
  if (MEANINGS[code]) return `Exit code ${code}: ${MEANINGS[code]}`;
  const word = SIGNALS[code - 128] ? `, a shell's word for ${signal(code - 128)}${cause(code - 128)}` : "";
  return `Exit code ${code}${word}`;
}

/** @param {number} number */
function cause(number) {
  const found = CAUSES[SIGNALS[number] ?? ""];
  return found ? `: ${found}` : "";
}

/** @param {number} number */
function signal(number) {
  return SIGNALS[number] ? `SIG${SIGNALS[number]} (signal ${number})` : `signal ${number}`;
}
