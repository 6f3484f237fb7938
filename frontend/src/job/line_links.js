/** Links to lines: #L120, #L120-L150, and #F2L120 for a line of the second file that receives output. */

/** @typedef {{ source: number, first: number, last: number }} Lines the numbers of a range */

/** Digits of the largest number. */
const PATTERN = /^#(?:F([0-9]{1,4}))?L([0-9]{1,15})(?:-L?([0-9]{1,15}))?$/;

/** Return the lines that an address names. @param {string} hash @returns {Lines | undefined} */
export function linesOf(hash) {
  const [, source = "0", first = "", last = first] = PATTERN.exec(hash) ?? [];
  if (!Number(first)) return undefined;
  const [from, to] = [Number(first), Number(last)].sort((a, b) => a - b);
  return { source: Number(source), first: from ?? 1, last: to ?? 1 };
}

/** @param {Lines} lines */
export function hashOf({ source, first, last }) {
  return `#${source ? `F${source}` : ""}L${first}${last === first ? "" : `-L${last}`}`;
}

/** Return whether a line is one of them. @param {Lines | undefined} lines @param {number} source @param {number | undefined} number */
export function isOf(lines, source, number) {
  return lines !== undefined && number !== undefined && source === lines.source && number >= lines.first && number <= lines.last;
}
