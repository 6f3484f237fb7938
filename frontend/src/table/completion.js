/** The completions of the field of the filters: keys, and values that jobs of the table have. */

import { hosts } from "../ui/hosts.js";
import { KEYS, STATE_WORDS, written } from "./filter_query.js";
import { atOnce, inSlices } from "./slices.js";

/** @typedef {import("./rows.js").Row} Row */
/** @typedef {{ value: string, count?: number }} Value */
/**
 * @typedef {object} Suggestion
 * @property {string} text stands instead of what is completed
 * @property {string} key
 * @property {string} value empty for a key alone
 * @property {number} [count] jobs that have the value
 */

/** Suggestions that are shown. */
export const MOST = 8;
/** Different values of a key that are counted: a table may have as many names as jobs. */
const MAX_VALUES = 2000;
/** Hosts of all node lists that are counted. */
const MAX_HOSTS = 50_000;
/** Rows of a step of a count. */
const STEP = 1000;
/** Milliseconds for which values are good. */
const FRESH_MS = 10_000;
/** Values that are always offered. */
const FIXED = /** @type {Record<string, string[]>} */ ({
  since: ["15m", "1h", "6h", "1d", "7d", "today", "yesterday"],
  until: ["1h", "1d", "7d", "today", "yesterday"],
  ended: ["15m", "1h", "6h", "1d", "7d", "today", "yesterday"],
  held: ["yes", "no"],
});
/** @type {Record<string, (row: Row) => string>} */
const FIELDS = {
  name: (row) => row.name,
  user: (row) => row.username,
  queue: (row) => row.queue,
  group: (row) => row.group_name || row.group,
  node: (row) => row.nodelist,
};
const COUNTS = /** @type {const} */ (["state", "result"]);

/** The values that jobs have, counted when they are asked for. */
export class Values {
  /** @type {Map<string, { at: number, values: Value[] }>} */
  #known = new Map();

  /** The keys of the filters. */
  keys = KEYS;

  /** @param {() => Iterable<Row>} rows @param {() => number} [clock] milliseconds */
  constructor(rows, clock = () => performance.now()) {
    this.rows = rows;
    this.clock = clock;
  }

  /** Return the values of a key, those of most jobs first. @param {string} key @returns {Value[]} */
  of(key) {
    const fixed = FIXED[key];
    if (fixed) return fixed.map((value) => ({ value }));
    if (!this.#isFresh(key)) atOnce(this.#counting(key));
    return this.#known.get(key)?.values ?? [];
  }

  /**
   * Count the values that a word may stand for, in slices of time, so that they are there when they are asked for.
   * @param {string} word
   * @param {() => boolean} isStale true once nobody waits for them
   */
  async prepare(word, isStale) {
    for (const key of asked(word, this)) if (!FIXED[key] && !this.#isFresh(key)) await inSlices(this.#counting(key), isStale);
  }

  /** @param {string} key */
  #isFresh(key) {
    const known = this.#known.get(key);
    return known !== undefined && this.clock() - known.at < FRESH_MS;
  }

  /** Count the values of a key, step by step. @param {string} key */
  *#counting(key) {
    const values = key === "state" ? yield* this.#states() : yield* this.#counted(key);
    this.#known.set(key, { at: this.clock(), values });
  }

  /** Return the name of a group, by its ID; the ID if it has none, or is not known. @param {string} id */
  groupName(id) {
    for (const row of this.rows()) if (row.group === id) return row.group_name || id;
    return id;
  }

  *#states() {
    /** @type {Map<string, number>} */
    const counts = new Map();
    for (const field of COUNTS) {
      for (const [word, count] of yield* countValues(this.rows(), (row) => row[field], Infinity)) add(counts, word.toLowerCase(), count);
    }
    const sum = (/** @type {string[]} */ words) => words.reduce((all, word) => all + (counts.get(word) ?? 0), 0);
    counts.set("pending", sum(["new", "depend", "priority", "sched"]));
    counts.set("running", sum(["run", "cleanup"]));
    counts.set("active", sum(["pending", "running"]));
    return STATE_WORDS.map((value) => ({ value, count: counts.get(value) ?? 0 }));
  }

  /** @param {string} key */
  *#counted(key) {
    const read = FIELDS[key];
    if (!read) return [];
    const counts = yield* countValues(this.rows(), read, MAX_VALUES);
    const found = key === "node" ? ofHosts(counts) : key === "name" ? withStems(counts) : counts;
    return [...found].map(([value, count]) => ({ value, count })).sort((a, b) => b.count - a.count || compare(a.value, b.value));
  }
}

/**
 * Count the values of rows, step by step. Rows one after the other mostly have the same value.
 * @param {Iterable<Row>} rows
 * @param {(row: Row) => string} read
 * @param {number} most different values
 */
function* countValues(rows, read, most) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  let [last, same] = ["", 0];
  const put = () => {
    if (last && same && (counts.size < most || counts.has(last))) add(counts, last, same);
  };
  let step = 0;
  for (const row of rows) {
    if (++step % STEP === 0) yield;
    const value = read(row);
    if (value === last) {
      same++;
      continue;
    }
    put();
    [last, same] = [value, 1];
  }
  put();
  return counts;
}

const { compare } = new Intl.Collator(undefined, { numeric: true });

/** @param {Map<string, number>} counts @param {string} value @param {number} count */
function add(counts, value, count) {
  counts.set(value, (counts.get(value) ?? 0) + count);
}

/** @param {Map<string, number>} lists by host list */
function ofHosts(lists) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  let left = MAX_HOSTS;
  for (const [list, count] of lists) {
    const all = hosts(list);
    for (const host of all) if (counts.size < MAX_VALUES || counts.has(host)) add(counts, host, count);
    left -= all.size;
    if (left < 0) break;
  }
  return counts;
}

/** Add patterns for names that differ only in the number at their end. @param {Map<string, number>} names */
function withStems(names) {
  /** @type {Map<string, { names: number, jobs: number }>} */
  const stems = new Map();
  for (const [name, count] of names) {
    const stem = name.replace(/\d+$/, "");
    if (!stem || stem === name || stem.includes("*")) continue;
    const known = stems.get(stem) ?? { names: 0, jobs: 0 };
    stems.set(stem, { names: known.names + 1, jobs: known.jobs + count });
  }
  const all = new Map(names);
  for (const [stem, { names: count, jobs }] of stems) if (count > 1) all.set(`${stem}*`, jobs);
  return all;
}

/** Return the beginning of the word that ends at the caret. @param {string} text up to the caret */
export function start(text) {
  const open = /(?:^|\s)[A-Za-z]+:"(?:[^"\\]|\\.)*$/s.exec(text);
  if (open) return open.index + (/^\s/.test(open[0]) ? 1 : 0);
  return text.length - (/\S*$/.exec(text)?.[0].length ?? 0);
}

/**
 * Return suggestions for a word that is being written. Values are counted among all jobs: other
 * filters would leave fewer, and with them no count is told.
 * @param {string} word
 * @param {Values} values
 * @param {Record<string, string>} filters those that are set
 * @returns {Suggestion[]}
 */
export function suggestions(word, values, filters) {
  const isNarrowed = Object.entries(filters).some(([key, value]) => value && !(key === "text" && word.startsWith(value)));
  const found = meant(word, values, filters);
  return isNarrowed ? found.map(({ count: _ofAll, ...rest }) => rest) : found;
}

/** Keys whose values are offered for a word without a key. */
const KEYLESS = ["state", "user", "queue", "group"];

/** A key, the quote that begins its value, and the value so far. @param {string} word */
const parts = (word) => /^([A-Za-z]+):("?)(.*)$/s.exec(word) ?? [];

/** The keys whose values are offered for a word. @param {string} word @param {Values} values */
function asked(word, values) {
  const known = (parts(word)[1] ?? "").toLowerCase();
  if (values.keys.includes(known)) return [known];
  return word ? KEYLESS : [];
}

/** @param {string} word @param {Values} values @param {Record<string, string>} filters @returns {Suggestion[]} */
function meant(word, values, filters) {
  const [, key = "", quote = "", rest = ""] = parts(word);
  const known = key.toLowerCase();
  if (values.keys.includes(known)) return ofKey(known, quote ? rest.replace(/\\(.)/gs, "$1") : rest, values);
  const part = word.toLowerCase();
  const keys = values.keys.filter((it) => it.startsWith(part) && (part || !filters[it])).map((it) => ({ text: `${it}:`, key: it, value: "" }));
  if (!part) return keys;
  const found = KEYLESS.flatMap((it) =>
    values.of(it).filter(({ value, count }) => count !== 0 && value.toLowerCase().startsWith(part)).slice(0, 2).map((value) => made(it, value)));
  return [...keys, ...found].slice(0, MOST);
}

/** @param {string} key @param {Value} it @param {string} [before] states that are there already @returns {Suggestion} */
function made(key, { value, count }, before = "") {
  const suggestion = { text: written({ key, value: before + value }), key, value };
  return count === undefined ? suggestion : { ...suggestion, count };
}

/** @param {string} key @param {string} text @param {Values} values */
function ofKey(key, text, values) {
  const comma = key === "state" ? text.lastIndexOf(",") + 1 : 0;
  const [before, part] = [text.slice(0, comma), text.slice(comma).toLowerCase()];
  const taken = new Set(before.toLowerCase().split(","));
  const begin = /** @type {Value[]} */ ([]);
  const inside = /** @type {Value[]} */ ([]);
  for (const it of values.of(key)) {
    const place = it.value.toLowerCase().indexOf(part);
    if (place < 0 || taken.has(it.value)) continue;
    (place === 0 ? begin : inside).push(it);
    if (begin.length >= MOST) break;
  }
  return [...begin, ...inside].slice(0, MOST).map((it) => made(key, it, before));
}
