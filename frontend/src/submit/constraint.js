/** A constraint object (RFC 31) as the query of ``flux submit --requires`` (RFC 35); see fluxapi/model/constraint_text.py. */

/** Values that a query can hold as they are; others are left to JSON. */
const PLAIN = /^(?!(?:and|or|not)$)[\w.[\]][\w.[\]-]*$/;
const LISTS = /** @type {Record<string, string>} */ ({ hostlist: "host", ranks: "rank" });
const JOINED = /** @type {Record<string, string>} */ ({ and: " & ", or: " | " });
const MAX_DEPTH = 20;

/** @typedef {{ text: string, isTerm: boolean }} Part */

/** Return the query that gives the same constraint, or nothing if there is none for sure. @param {unknown} constraint */
export function queryOf(constraint) {
  return of(constraint, 0)?.text;
}

/** @param {unknown} constraint @param {number} depth @returns {Part | undefined} */
function of(constraint, depth) {
  if (typeof constraint !== "object" || constraint === null || Array.isArray(constraint) || depth > MAX_DEPTH) return undefined;
  const entries = Object.entries(constraint);
  const [name = "", values] = entries[0] ?? [];
  // An object with two operators would be read back as another object.
  if (entries.length !== 1 || !Array.isArray(values) || !values.length) return undefined;
  const list = LISTS[name];
  if (name === "properties" || list) {
    if (!values.every((it) => typeof it === "string" && (PLAIN.test(it) || (list && /^[\w.[\],-]+$/.test(it))))) return undefined;
    return list ? { text: `${list}:${values.join(",")}`, isTerm: true } : joined(values.map((text) => ({ text, isTerm: true })), " & ");
  }
  const inner = values.map((it) => of(it, depth + 1));
  if (!inner.every((it) => it !== undefined)) return undefined;
  if (name === "not") {
    const it = joined(inner, " & ");
    return { text: it.isTerm ? `-${it.text}` : `not (${it.text})`, isTerm: false };
  }
  const sign = JOINED[name];
  return sign ? joined(inner, sign) : undefined;
}

/** @param {Part[]} parts @param {string} sign @returns {Part} */
function joined(parts, sign) {
  const [only] = parts;
  if (only && parts.length === 1) return only;
  return { text: parts.map(({ text, isTerm }) => (isTerm ? text : `(${text})`)).join(sign), isTerm: false };
}
