/**
 * Text of strangers as text: what would not show, or would show other text in another order, is
 * written out. The same as fluxapi/web/visible.py, by the same cases.
 */

/** Characters of a name, of a fact, of what has room. */
export const SHORT = 200;
export const MEDIUM = 500;
export const LONG = 2000;

const CONTROL = /[\x00-\x1f\x7f]/g;
/** C1 controls, marks and overrides of direction, separators of lines, what has no width. */
const HIDDEN = /[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

/** Name an invisible character, such as U+202E. @param {string} it */
const named = (it) => `⟨U+${it.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`;

/**
 * @param {string} text
 * @param {{ most?: number, lines?: boolean }} [how] characters at most; whether lines and tabs stay as they are
 */
export function visible(text, { most = LONG, lines = false } = {}) {
  const part = text.length > most ? `${text.slice(0, most)} …` : text;
  return part
    .replace(CONTROL, (it) => (lines && (it === "\n" || it === "\t") ? it : named(it)))
    .replace(HIDDEN, named)
    .replace(/\p{Surrogate}/gu, "\ufffd");
}

/** Escape characters in JSON that would not show. @param {string} json */
export function escaped(json) {
  return json.replace(/[\x7f]|[\x80-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g, (it) =>
    `\\u${it.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Escape only characters that would turn the order of the text around, as in output. @param {string} text */
export function ordered(text) {
  return text.replace(/[\u202a-\u202e\u2066-\u2069]/g, named);
}
