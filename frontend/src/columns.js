/** The columns of the table of jobs: what each shows and how it is sorted. */

import { absolute, duration, moment, plain, runtime } from "./format.js";

/** @typedef {import("./rows.js").Row} Row */
/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {number} width pixels at first
 * @property {boolean} [numeric]
 * @property {boolean} [hidden] not shown unless chosen
 * @property {boolean} [ticks] changes by the clock while the job runs
 * @property {(row: Row, now: number) => string} text
 * @property {(row: Row) => string} [title_of] what more there is to say
 * @property {(row: Row, now: number) => string | number} sort
 */

/** @type {Column[]} */
export const COLUMNS = [
  { key: "id", title: "Id", width: 120, text: (r) => r.id, sort: (r) => r.t_submit },
  { key: "name", title: "Name", width: 180, text: (r) => r.name, sort: (r) => r.name },
  { key: "status", title: "Status", width: 118, text: (r) => r.status, sort: (r) => r.status },
  { key: "user", title: "User", width: 80, text: (r) => r.username, sort: (r) => r.username },
  { key: "ntasks", title: "Tasks", width: 62, numeric: true, text: (r) => plain(r.ntasks), sort: (r) => r.ntasks },
  { key: "nnodes", title: "Nodes", width: 64, numeric: true, text: (r) => plain(r.nnodes), sort: (r) => r.nnodes },
  {
    key: "runtime",
    title: "Runtime",
    width: 84,
    numeric: true,
    ticks: true,
    text: (r, now) => duration(runtime(r, now)),
    sort: (r, now) => runtime(r, now),
  },
  {
    key: "submitted",
    title: "Submitted",
    width: 105,
    text: (r, now) => moment(r.t_submit, now),
    title_of: (r) => absolute(r.t_submit),
    sort: (r) => r.t_submit,
  },
  { key: "nodelist", title: "Node list", width: 120, text: (r) => r.nodelist, sort: (r) => r.nodelist },
  { key: "queue", title: "Queue", width: 75, text: (r) => r.queue, sort: (r) => r.queue },
  { key: "note", title: "Note", width: 195, text: (r) => r.note, sort: (r) => r.note },
  { key: "urgency", title: "Urgency", width: 80, numeric: true, hidden: true, text: (r) => plain(r.urgency), sort: (r) => r.urgency },
  { key: "priority", title: "Priority", width: 90, numeric: true, hidden: true, text: (r) => plain(r.priority), sort: (r) => r.priority },
  { key: "ncores", title: "Cores", width: 70, numeric: true, hidden: true, text: (r) => plain(r.ncores), sort: (r) => r.ncores },
  { key: "limit", title: "Time limit", width: 90, numeric: true, hidden: true, text: (r) => (r.duration ? duration(r.duration) : "none"), sort: (r) => r.duration },
  { key: "returncode", title: "Exit code", width: 80, numeric: true, hidden: true, text: (r) => plain(r.returncode), sort: (r) => r.returncode },
  {
    key: "ended",
    title: "Ended",
    width: 130,
    hidden: true,
    text: (r, now) => moment(r.t_inactive, now),
    title_of: (r) => absolute(r.t_inactive),
    sort: (r) => r.t_inactive,
  },
];
