/** Finding a text in lines. */

/** @typedef {{ number: number, start: number, end: number }} Hit in the line of that number */

export const MAX_HITS = 10_000;

/**
 * Return the places where lines contain a text, in upper or lower case.
 * @param {{ number: number, text: string }[]} lines
 * @param {string} query
 * @param {number} [most] hits at most
 * @returns {Hit[]}
 */
export function find(lines, query, most = MAX_HITS) {
  if (!query) return [];
  const pattern = new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"), "giu");
  /** @type {Hit[]} */
  const hits = [];
  for (const { number, text } of lines) {
    for (const { index, 0: found } of text.matchAll(pattern)) {
      if (hits.length >= most) return hits;
      hits.push({ number, start: index, end: index + found.length });
    }
  }
  return hits;
}

/**
 * Cut spans at the beginning and the end of hits.
 * @template S
 * @param {{ text: string, style: S }[]} spans
 * @param {{ start: number, end: number }[]} hits in order
 * @returns {{ text: string, style: S, hit: number | undefined }[]} hit: which of the hits the piece is of
 */
export function cut(spans, hits) {
  const pieces = [];
  let at = 0;
  let hit = 0;
  for (const { text, style } of spans) {
    const end = at + text.length;
    for (let from = at; from < end; ) {
      while ((hits[hit]?.end ?? Infinity) <= from) hit++;
      const { start, end: stop } = hits[hit] ?? { start: Infinity, end: Infinity };
      const inside = start <= from;
      const to = Math.min(end, inside ? stop : start);
      pieces.push({ text: text.slice(from - at, to - at), style, hit: inside ? hit : undefined });
      from = to;
    }
    at = end;
  }
  return pieces;
}
