/** The table of columns, which the service and the style sheet read as well: fluxapi/web/columns.py describes it. */

import table from "../../../fluxapi/web/columns.json" with { type: "json" };
import { t } from "../ui/words.js";

/**
 * @typedef {object} Described
 * @property {string} key
 * @property {string} title
 * @property {number} width pixels at first
 * @property {string} kind how its text is made
 * @property {string} [field] of the record
 * @property {boolean} [hidden] not shown unless chosen
 * @property {boolean} [sparse] not shown while no job has anything to show in it
 * @property {boolean} [grows] it grows with the window
 * @property {boolean} [fills] it has the room that no other column wants
 * @property {number} [gives_way] its turn to be left out where a window is too narrow for the columns of a first visit
 * @property {boolean} [soft]
 * @property {boolean} [found] the field "Find" searches it
 * @property {{ name: string, match: string, max: number, label?: string }} [filter]
 */

export const TABLE = /** @type {Described[]} */ (table).map((column) => ({
  ...column,
  title: t(/** @type {import("../ui/words.js").Key} */ (column.title)),
}));

/** Columns that are filtered by. */
export const FILTERED = TABLE.flatMap(({ field, filter }) => (field && filter ? [{ field, ...filter }] : []));
