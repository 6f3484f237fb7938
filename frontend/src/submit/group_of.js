/** The group that a job joins which is submitted again. */

/** @typedef {{ id?: string, group?: string, group_name?: string }} Grouped */

/**
 * Return the text by which a new job joins the group of another; nothing if it has none, or if only another user can join it.
 * @param {Grouped} job
 */
export function groupOf({ group = "", group_name: name = "" }) {
  // The IDs of groups of other users end in a dot and the user ID.
  return name || (group.includes(".") ? "" : group);
}
