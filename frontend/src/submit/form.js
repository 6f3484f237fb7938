/** From what is typed into the form to the body of a request, and back; and what to say about it. */

import { t } from "../ui/words.js";
import { queryOf } from "./constraint.js";
import { seconds, standard } from "./duration.js";
import { unclosed } from "./shell.js";

/** How a value is typed in; see fluxapi/web/form.py.
 * @typedef {"command" | "duration" | "flag" | "integer" | "json" | "list" | "numbers" | "pairs" | "query" | "text" | "tree" | "whole" | "word"} Kind
 */
/**
 * @typedef {object} Field one property of the schema
 * @property {string} name
 * @property {Kind} kind
 * @property {"what" | "resources" | "output" | "advanced"} section
 * @property {What | null} [only] the sort of job that has it, if not both
 * @property {number | null} [low]
 * @property {number | null} [high]
 * @property {string | null} [pattern]
 */
/** @typedef {import("../ui/message.js").Coded & { pointer: string, detail: string }} Wrong as in a problem document of the service */
/** @typedef {Record<string, string | boolean>} Values what is in the inputs */
/** @typedef {"one" | "copies" | "cc"} Many */
/** @typedef {"command" | "script"} What */

/** A value that cannot be read at all, and so not be sent. */
export class Unreadable extends Error {}

/**
 * Return the job that the inputs describe, without empty values. ``wrong`` has the values that
 * cannot be read.
 * @param {Field[]} fields
 * @param {Values} values
 */
export function collect(fields, values) {
  /** @type {Record<string, unknown>} */
  const job = {};
  /** @type {Wrong[]} */
  const wrong = [];
  for (const { name, kind } of fields) {
    const typed = values[name];
    if (typed === undefined || typed === false || (typeof typed === "string" && typed.trim() === "")) continue;
    try {
      job[name] = typed === true ? true : parse(kind, typed);
    } catch (error) {
      if (!(error instanceof Unreadable)) throw error;
      wrong.push({ pointer: `/${name}`, detail: error.message });
    }
  }
  return { job, wrong };
}

/**
 * Return the request for the job, or for many of it.
 * @param {Record<string, unknown>} job
 * @param {Many} many
 * @param {Values} values
 * @returns {{ path: string, body: Record<string, unknown> }}
 */
export function request(job, many, values) {
  if (many === "one") return { path: "/v1/jobs", body: job };
  const typed = String(values[many] ?? "").trim();
  return { path: "/v1/jobs/bulk", body: { job, [many]: many === "copies" ? number(typed) : typed } };
}

/** Return the number of jobs that the form makes, as far as it is known. @param {Many} many @param {Values} values */
export function jobCount(many, values) {
  if (many === "copies") return Math.max(1, Number(values["copies"]) || 1);
  if (many !== "cc") return 1;
  return String(values["cc"]).split(",").reduce((sum, part) => {
    const [first = NaN, last = first] = part.split("-").map((it) => (/^\d+$/.test(it.trim()) ? Number(it) : NaN));
    return last >= first ? sum + last - first + 1 : sum;
  }, 0) || 1;
}

/** Say that many jobs are wanted, but not how many; empty when it is known. @param {Many} many @param {Values} values */
export function lacking(many, values) {
  if (many === "one" || String(values[many] ?? "").trim()) return "";
  return t(many === "cc" ? "submit.plan_no_numbers" : "submit.plan_no_copies");
}

/**
 * Return the field that an error of the service is about; empty if it is about none.
 * @param {string} pointer RFC 6901
 * @param {boolean} bulk
 */
export function fieldOf(pointer, bulk) {
  const parts = pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const [first = "", second = ""] = parts;
  return bulk && first === "job" ? second : first;
}

/**
 * Say what is likely to be refused; empty if nothing is. The service decides.
 * @param {Field} field
 * @param {string} typed
 */
export function hint(field, typed) {
  const text = field.kind === "text" ? typed : typed.trim();
  if (text === "") return "";
  if (field.kind === "command") return open(text);
  try {
    parse(field.kind, text);
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
  const isNumber = /^[+-]?[0-9]+$/.test(text);
  const low = field.low ?? -Infinity;
  const high = field.high ?? Infinity;
  const isUrgency = field.kind === "word";
  if (field.kind === "integer" || (isUrgency && isNumber)) {
    if (isNumber && Number(text) >= low && Number(text) <= high) return "";
    return isUrgency ? t("submit.misread_urgency", { low, high }) : whole(low, high);
  }
  if (field.kind === "duration" && seconds(text) === undefined) return t("submit.misread_duration");
  const sent = field.kind === "duration" ? standard(text) : text;
  if (!field.pattern || new RegExp(field.pattern, "u").test(sent)) return "";
  if (isUrgency) return t("submit.misread_urgency", { low, high });
  return t(field.name === "cwd" ? "submit.misread_cwd" : "submit.misread_text");
}

/** @param {string} command */
function open(command) {
  const quote = unclosed(command);
  if (!quote) return "";
  return quote === "\\" ? t("submit.open_escape") : t("submit.open_quote", { quote });
}

/** @param {number} low @param {number} high */
function whole(low, high) {
  if (Number.isFinite(low) && Number.isFinite(high)) return t("submit.whole_between", { low, high });
  return Number.isFinite(low) ? t("submit.whole_above", { low }) : t("submit.whole");
}

/**
 * @param {Kind} kind
 * @param {string} typed not empty
 * @returns {unknown}
 */
export function parse(kind, typed) {
  switch (kind) {
    case "integer":
    case "word":
      return number(typed.trim());
    case "json":
      return json(typed);
    case "query":
      return typed.trim().startsWith("{") ? json(typed) : typed.trim();
    case "list":
      return lines(typed).map((line) => (line.trim().startsWith("{") ? json(line) : line.trim()));
    case "pairs":
      return map(typed, (name, value) => (value === undefined ? missing(name) : unquoted(value)));
    case "numbers":
      return map(typed, (name, value) => (value === undefined ? missing(name) : number(value.trim())));
    case "tree":
      return map(typed, (_name, value) => (value === undefined ? 1 : lenient(value)));
    case "text":
      return typed.trim();
    case "duration":
      return standard(typed);
    default:
      return typed;
  }
}

/**
 * Return the text that {@link parse} reads as this value.
 * @param {Kind} kind
 * @param {any} value
 * @returns {string}
 */
export function write(kind, value) {
  switch (kind) {
    case "json":
      return JSON.stringify(value, null, 2);
    case "query":
      return typeof value === "string" ? value : (queryOf(value) ?? JSON.stringify(value, null, 2));
    case "list":
      return value.map((/** @type {unknown} */ it) => (typeof it === "string" ? it : JSON.stringify(it))).join("\n");
    case "pairs":
      return entries(value, (text) => (/[\n\r]|^"|^\s|\s$/.test(text) ? JSON.stringify(text) : text));
    case "numbers":
      return entries(value, String);
    case "tree":
      return entries(value, (it) =>
        typeof it === "string" && it !== "" && lenient(it) === it && !/[\n\r]/.test(it) ? it : JSON.stringify(it),
      );
    default:
      return String(value);
  }
}

/**
 * Return a number if it can be represented exactly, else the text: the service reports the error.
 * @param {string} text
 */
function number(text) {
  const value = Number(text);
  return /^[+-]?[0-9]+$/.test(text) && Number.isSafeInteger(value) ? value : text;
}

/** @param {string} text */
function json(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Unreadable(t("submit.not_json", { why: error instanceof Error ? error.message : String(error) }));
  }
}

/** @param {string} text */
function lenient(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** @param {string} value */
function unquoted(value) {
  if (!/^\s*"/.test(value)) return value;
  const read = lenient(value);
  return typeof read === "string" ? read : value;
}

/** @param {string} name @returns {never} */
function missing(name) {
  throw new Unreadable(t("submit.needs_value", { name: name.slice(0, 60) }));
}

/** @param {string} text */
function lines(text) {
  return text.split(/\r?\n/).filter((line) => line.trim() !== "");
}

/**
 * Parse NAME=value lines, or one JSON object.
 * @param {string} text
 * @param {(name: string, value: string | undefined) => unknown} read
 */
function map(text, read) {
  if (text.trim().startsWith("{")) return json(text);
  const pairs = lines(text).map((line) => {
    const at = line.indexOf("=");
    const name = (at < 0 ? line : line.slice(0, at)).trim();
    return [name, read(name, at < 0 ? undefined : line.slice(at + 1))];
  });
  const names = new Set(pairs.map(([name]) => name));
  if (names.size < pairs.length) throw new Unreadable(t("submit.twice"));
  return Object.fromEntries(pairs);
}

/**
 * @param {Record<string, any>} value
 * @param {(value: any) => string} show
 */
function entries(value, show) {
  const names = Object.keys(value);
  // Names that a line cannot hold.
  if (names.some((name) => /[\n\r=]|^\s|\s$|^\{|^$/.test(name))) return JSON.stringify(value, null, 2);
  return names.map((name) => `${name}=${show(value[name])}`).join("\n");
}
