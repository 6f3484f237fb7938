/** A link that opens the form filled: the request is in the fragment of the address, which browsers do not send. */

import { t } from "../ui/words.js";
import { Unreadable } from "./form.js";
import { checkSaved, withoutNamelessGroup, withoutSecrets } from "./saved_job.js";

/** @typedef {import("./saved_job.js").Saved} Saved */

/** Characters of a fragment: chat programs and browsers cut longer addresses. */
export const MAX_LINK_CHARS = 8000;
const NAME = "job=";
/** Members that would make each conversion of an object to text fail. */
const CONVERSIONS = ["toString", "valueOf"];

/** @param {Uint8Array} bytes */
function base64url(bytes) {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Return the fragment for a request, without the values of its environment; undefined if it is too
 * long.
 * @param {Saved} saved
 * @returns {{ fragment: string | undefined, length: number, variables: string[] }}
 */
export function fragmentOf(saved) {
  const { saved: shared, variables } = withoutSecrets(withoutNamelessGroup(saved));
  const fragment = NAME + base64url(new TextEncoder().encode(JSON.stringify(shared)));
  return { fragment: fragment.length <= MAX_LINK_CHARS ? fragment : undefined, length: fragment.length, variables };
}

/**
 * Return the request in a fragment; nothing if there is none. Throws {@link Unreadable}.
 * @param {string} hash
 * @returns {Saved | undefined}
 */
export function readFragment(hash) {
  const text = hash.replace(/^#/, "");
  if (!text.startsWith(NAME)) return undefined;
  const coded = text.slice(NAME.length);
  if (text.length > MAX_LINK_CHARS || !/^[A-Za-z0-9_-]+$/.test(coded)) throw new Unreadable(t("submit.link_damaged"));
  try {
    const bytes = Uint8Array.from(atob(coded.replaceAll("-", "+").replaceAll("_", "/")), (it) => it.charCodeAt(0));
    const json = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return checkSaved(JSON.parse(json, (name, value) => (CONVERSIONS.includes(name) ? undefined : value)));
  } catch (error) {
    if (error instanceof Unreadable) throw error;
    throw new Unreadable(t("submit.link_damaged"));
  }
}
