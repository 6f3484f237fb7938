/** The words of a page for an error of the service, in its language; fluxapi/web/problems.py does the same. */

import { message } from "./message.js";
import { t } from "./words.js";

/** Invalid fields that the service names at most. */
const MAX_ERRORS = 20;

/**
 * Return what has happened, from a problem document (RFC 9457); one without a code is in English, after its type. Some
 * say on a page what to do there, in place of a command or a request.
 * @param {Record<string, any>} document
 */
export function detailOf({ type, title, detail, code, params, errors }) {
  const own = detail ?? title;
  if (!code && errors?.length) return t(errors.length < MAX_ERRORS ? "errors.invalid" : "errors.invalid_or_more", { count: errors.length });
  for (const section of ["page_problems", "problems", "reasons"]) {
    const said = message(section, { code, params }, "");
    if (said) return said;
  }
  const kind = String(type ?? "").split("#")[1]?.replaceAll("-", "_");
  const translated = message("problem_types", kind ? { code: kind } : {}, "");
  return translated && translated !== title && detail ? t("errors.typed", { title: translated, detail }) : own;
}

/** Ends that have the same sentence every time; others say what has happened. */
const ENDS = new Set(["clean", "finished", "no-output", "instance-ended", "stalled", "shutdown", "expired"]);

/** Return why a stream ends, from its last message. @param {Record<string, any>} message */
export function endOf({ reason, detail = "" }) {
  return ENDS.has(reason) ? message("ends", { code: reason.replaceAll("-", "_") }, detail) : String(detail);
}
