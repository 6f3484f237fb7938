/** How a query is compared with what can be found. */

/** The forms of RFC 19 that are told from words: F58, decimal, hex, dotted hex, KVS, six words, emoji. */
const JOB_ID = /^(?:[ƒf][1-9A-HJ-NP-Za-km-z]{1,11}|\d{1,20}|0x[\da-f]{1,16}|(?:job\.)?[\da-f]{4}(?:\.[\da-f]{4}){3}|[a-z]+-[a-z]+-[a-z]+--[a-z]+-[a-z]+-[a-z]+|\p{Emoji_Presentation}{1,16})$/iu;

/** Return whether a text may be the ID of a job. @param {string} text */
export const isJobId = (text) => JOB_ID.test(text.trim());

/** Return the words of a query. @param {string} query */
export const words = (query) => query.toLowerCase().split(/\s+/).filter(Boolean);

/** Return whether a query is the whole of a name. @param {string} query @param {string} name */
export const isExact = (query, name) => name !== "" && query.trim().toLowerCase() === name.toLowerCase();

/**
 * Return how well a text matches words: 0 not at all, 1 each word is in it, 2 each begins a word of it, 3 it begins with
 * the first.
 * @param {string} text
 * @param {string[]} wanted
 */
export function score(text, wanted) {
  const lower = text.toLowerCase();
  if (!wanted.every((word) => lower.includes(word))) return 0;
  const parts = lower.split(/[^\p{L}\p{N}]+/u);
  if (!wanted.every((word) => parts.some((part) => part.startsWith(word)))) return 1;
  return lower.startsWith(wanted[0] ?? "") ? 3 : 2;
}

/**
 * Return the best matches, in their order where they are equally good.
 * @template T
 * @param {T[]} all
 * @param {(it: T) => string} text
 * @param {string[]} wanted
 * @param {{ least?: number, most?: number }} [limits] the least score, the most matches
 */
export function best(all, text, wanted, { least = 1, most = Infinity } = {}) {
  return all
    .map((it) => ({ it, value: score(text(it), wanted) }))
    .filter(({ value }) => value >= least)
    .sort((one, other) => other.value - one.value)
    .slice(0, most)
    .map(({ it }) => it);
}
