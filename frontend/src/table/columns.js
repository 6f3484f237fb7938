/** The columns of the table of jobs: what each shows, how it is sorted and what a download has of it. */

import { absolute, duration, iso, moment, plain, runtime } from "../ui/format.js";

/** @typedef {import("./rows.js").Row} Row */
/**
 * @typedef {object} Column
 * @property {string} key
 * @property {string} title
 * @property {number} width pixels at first
 * @property {boolean} [grows] has a part of the room that no other column wants; those that grow begin with the same width
 * @property {boolean} [sparse] not shown while no job has anything to show in it
 * @property {boolean} [numeric]
 * @property {boolean} [hidden] not shown unless chosen
 * @property {boolean} [ticks] changes by the clock or by what other jobs do
 * @property {(row: Row, now: number) => string} text
 * @property {(row: Row) => string} [title_of] what more there is to say
 * @property {(row: Row, now: number) => string | number} [value] for programs, where text is for people
 * @property {(row: Row, now: number) => string | number} sort does not change while the row does not
 */

/** @param {number} seconds */
const exact = (seconds) => (Number.isFinite(seconds) ? Math.round(seconds * 1000) / 1000 : "");

/**
 * @param {import("../ui/situation.js").Situation} situation
 * @returns {Column[]}
 */
export function columns(situation) {
  return [
    { key: "id", title: "Id", width: 110, text: (r) => r.id, sort: (r) => r.t_submit },
    { key: "name", title: "Name", width: 150, grows: true, text: (r) => r.name, sort: (r) => r.name },
    { key: "status", title: "Status", width: 128, text: (r) => r.status, sort: (r) => r.status },
    { key: "user", title: "User", width: 76, text: (r) => r.username, sort: (r) => r.username },
    { key: "ntasks", title: "Tasks", width: 68, numeric: true, text: (r) => plain(r.ntasks), sort: (r) => r.ntasks },
    { key: "nnodes", title: "Nodes", width: 68, numeric: true, text: (r) => plain(r.nnodes), sort: (r) => r.nnodes },
    {
      key: "runtime",
      title: "Runtime",
      width: 88,
      numeric: true,
      ticks: true,
      text: (r, now) => duration(runtime(r, now)),
      value: (r, now) => exact(runtime(r, now)),
      sort: (r, now) => runtime(r, now),
    },
    {
      key: "submitted",
      title: "Submitted",
      width: 156,
      text: (r, now) => moment(r.t_submit, now),
      title_of: (r) => absolute(r.t_submit),
      value: (r) => iso(r.t_submit),
      sort: (r) => r.t_submit,
    },
    { key: "nodelist", title: "Node list", width: 108, text: (r) => r.nodelist, sort: (r) => r.nodelist },
    { key: "queue", title: "Queue", width: 82, sparse: true, text: (r) => r.queue, sort: (r) => r.queue },
    { key: "note", title: "Note", width: 150, grows: true, ticks: true, text: (r, now) => situation.why(r, now), sort: (r) => r.note },
    { key: "urgency", title: "Urgency", width: 80, numeric: true, hidden: true, text: (r) => plain(r.urgency), sort: (r) => r.urgency },
    { key: "priority", title: "Priority", width: 90, numeric: true, hidden: true, text: (r) => plain(r.priority), sort: (r) => r.priority },
    { key: "ncores", title: "Cores", width: 70, numeric: true, hidden: true, text: (r) => plain(r.ncores), sort: (r) => r.ncores },
    {
      key: "limit",
      title: "Time limit",
      width: 95,
      numeric: true,
      hidden: true,
      text: (r) => (r.duration ? duration(r.duration) : "none"),
      value: (r) => exact(r.duration),
      sort: (r) => r.duration,
    },
    { key: "returncode", title: "Exit code", width: 85, numeric: true, hidden: true, text: (r) => plain(r.returncode), sort: (r) => r.returncode },
    {
      key: "ended",
      title: "Ended",
      width: 156,
      hidden: true,
      text: (r, now) => moment(r.t_inactive, now),
      title_of: (r) => absolute(r.t_inactive),
      value: (r) => iso(r.t_inactive),
      sort: (r) => r.t_inactive,
    },
  ];
}
