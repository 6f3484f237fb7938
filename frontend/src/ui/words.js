/** The texts of the page in the language that the service has chosen; fluxapi/web/words.py does the same. */

/** @typedef {typeof import("../../../fluxapi/web/words/en.json", { with: { "resolution-mode": "import" } })} File */
/** @typedef {Extract<keyof File, string>} Section */
/** @typedef {{ [S in Section]: `${S}.${Extract<keyof File[S], string>}` }[Section]} Key the key of a text */
/** @typedef {string | Record<string, string>} Text a text, or its plural forms */
/** @typedef {{ lang: string, texts: Record<string, Text> }} Words what the script words-LANG.js holds */

/** A worker has no texts: it shows nothing. @type {Words} */
const { lang, texts } = /** @type {any} */ (globalThis).fluxapiWords ?? { lang: "en", texts: {} };

/** The locale of numbers and times: the reader's own region if it belongs to the language of the page. */
export const locale = globalThis.navigator?.language?.split("-")[0] === lang.split("-")[0] ? navigator.language : lang;

const plurals = new Intl.PluralRules(lang);
const numbers = new Intl.NumberFormat(lang);
/** @type {Map<number, Intl.NumberFormat>} by the digits after the point */
const exact = new Map();

const lists = new Intl.ListFormat(lang, { type: "unit" });
const choices = new Intl.ListFormat(lang, { type: "disjunction" });

/** @type {Map<string, string[]>} each text in pieces: text, name of a place, text, name, …, text */
const pieces = new Map();

/**
 * Format a number with the separators of the language.
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits) {
  if (digits === undefined) return numbers.format(value);
  let format = exact.get(digits);
  if (!format) exact.set(digits, (format = new Intl.NumberFormat(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits })));
  return format.format(value);
}

/** Join parts of a sentence with the separators of the language. @param {Iterable<string>} parts */
export const list = (parts) => lists.format(parts);

/** Join alternatives to a part of a sentence. @param {Iterable<string>} parts */
export const choice = (parts) => choices.format(parts);

/**
 * @param {Key} key
 * @param {Record<string, unknown>} values
 */
function parts(key, values) {
  const found = texts[key];
  if (found === undefined) throw new RangeError(`there is no text ${key}`);
  let text = found;
  if (typeof text !== "string") text = text[plurals.select(/** @type {number} */ (values["count"]))] ?? text["other"] ?? "";
  let made = pieces.get(text);
  if (!made) pieces.set(text, (made = text.split(/\{([a-z][a-z0-9_]*)\}/)));
  return made;
}

/** @param {unknown} value */
const shown = (value) => (typeof value === "number" ? numbers.format(value) : String(value));

/**
 * Return a text with values in its places. Numbers get the separators of the language; the value `count` chooses
 * among plural forms.
 * @param {Key} key
 * @param {Record<string, string | number>} [values]
 */
export function t(key, values = {}) {
  return parts(key, values).map((piece, index) => (index % 2 ? shown(values[piece]) : piece)).join("");
}

/**
 * Return a text whose key comes from elsewhere; nothing if there is none, or one of its values is missing.
 * @param {string} key
 * @param {Record<string, string | number>} values
 */
export function say(key, values) {
  const known = /** @type {Key} */ (key);
  const text = texts[known];
  if (text === undefined || (typeof text !== "string" && typeof values["count"] !== "number")) return undefined;
  return parts(known, values).some((piece, index) => index % 2 && values[piece] === undefined) ? undefined : t(known, values);
}

/**
 * Return a text as nodes, with elements or texts in its places, and with code for what is between backticks.
 * @param {Key} key
 * @param {Record<string, string | number | Node>} [values]
 */
export function rich(key, values = {}) {
  const made = new DocumentFragment();
  /** @type {HTMLElement | undefined} */
  let code;
  for (const [index, piece] of parts(key, values).entries()) {
    if (index % 2) {
      const value = values[piece];
      (code ?? made).append(value instanceof Node ? value : shown(value));
      continue;
    }
    for (const [turn, part] of piece.split("`").entries()) {
      if (turn) code = code ? undefined : made.appendChild(document.createElement("code"));
      (code ?? made).append(part);
    }
  }
  return made;
}
