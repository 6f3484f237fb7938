/** The columns of the table of jobs: what each shows, how it is sorted and what a download has of it. */

import { TABLE } from "./column_table.js";
import { absolute, duration, growing, iso, moment, plain, runtime } from "../ui/format.js";
import { named } from "../ui/hosts.js";
import { isUtc } from "../ui/times.js";
import { t } from "../ui/words.js";

/** @typedef {import("./rows.js").Row} Row */
/**
 * The members that are derived from a description.
 * @typedef {object} Made
 * @property {boolean} [numeric]
 * @property {boolean} [ticks] changes by the clock or by what other jobs do
 * @property {(row: Row, now: number) => string} text
 * @property {(row: Row) => string} [title_of] what more there is to say
 * @property {(row: Row) => readonly string[]} [names] jobs that its text may name
 * @property {(rows: readonly Row[]) => { why: string, named: readonly string[] }} [shared] what all of the jobs wait for
 * @property {(row: Row) => string} [leads] the end of its text that leads to the jobs of an instance that failed
 * @property {(row: Row) => boolean} [warns] whether its text is a warning
 * @property {(row: Row, now: number) => string | number} [value] for programs, where text is for people
 * @property {{ title: string, value: (row: Row) => string }} [beside] a column more, for programs
 * @property {(row: Row, now: number) => string | number} sort does not change while the row does not
 */
/** @typedef {import("./column_table.js").Described & Made & { classes: string }} Column */

/** @param {number} seconds */
const exact = (seconds) => (Number.isFinite(seconds) ? Math.round(seconds * 1000) / 1000 : "");

/** @param {Row} row @param {string} field @returns {any} */
const at = (row, field) => row[/** @type {keyof Row} */ (field)];

/** @type {Record<string, (field: string, situation: import("../ui/situation.js").Situation) => Made>} */
const KINDS = {
  id: () => ({ text: (r) => r.id, sort: (r) => r.t_submit }),
  status: () => ({ text: (r) => r.status, sort: (r) => r.status }),
  text: (field) => ({ text: (r) => at(r, field), sort: (r) => at(r, field) }),
  // Jobs of one request mostly have one name: their numbers tell them apart.
  name: () => ({
    text: (r) => (r.cc ? t("columns.numbered", { name: r.name, number: r.cc }) : r.name),
    value: (r) => r.name,
    beside: { title: t("columns.cc"), value: (r) => r.cc },
    sort: (r) => r.name,
  }),
  hosts: (field) => ({ text: (r) => named(at(r, field)), value: (r) => at(r, field), sort: (r) => at(r, field) }),
  group: () => ({ text: (r) => r.group_name || r.group, sort: (r) => r.group_name || r.group }),
  number: (field) => ({ numeric: true, text: (r) => plain(at(r, field)), sort: (r) => at(r, field) }),
  limit: (field) => ({
    numeric: true,
    text: (r) => (at(r, field) ? duration(at(r, field)) : t("columns.no_limit")),
    value: (r) => exact(at(r, field)),
    sort: (r) => at(r, field),
  }),
  moment: (field) => ({
    text: (r, now) => moment(at(r, field), now),
    title_of: (r) => absolute(at(r, field)),
    value: (r) => iso(at(r, field)),
    sort: (r) => at(r, field),
  }),
  runtime: () => ({
    numeric: true,
    ticks: true,
    text: (r, now) => (Number.isNaN(r.t_cleanup) ? growing : duration)(runtime(r, now)),
    value: (r, now) => exact(runtime(r, now)),
    sort: (r, now) => runtime(r, now),
  }),
  note: (_field, situation) => ({
    ticks: true,
    text: (r, now) => situation.why(r, now),
    names: (r) => situation.named(r),
    shared: (rows) => situation.shared(rows),
    warns: (r) => situation.warns(r),
    leads: (r) => situation.failures(r),
    sort: (r) => r.note,
  }),
};

/**
 * @param {import("../ui/situation.js").Situation} situation
 * @returns {Column[]}
 */
export function columns(situation) {
  return TABLE.map((described) => {
    const { kind, field = "", soft } = described;
    const make = KINDS[kind];
    if (!make) throw new RangeError(`There is no kind ${kind} of columns.`);
    const made = make(field, situation);
    const classes = [made.numeric ? "numeric" : "", kind === "moment" ? "moment" : "", soft ? "soft" : ""].filter(Boolean).join(" ");
    const title = isUtc && kind === "moment" ? t("columns.in_utc", { title: described.title }) : described.title;
    return { ...described, ...made, classes, title };
  });
}
