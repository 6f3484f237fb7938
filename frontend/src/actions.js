/** What can be done with the jobs that are selected, after a word on what will happen. */

import { call, Problem } from "./api.js";
import { ask } from "./dialog.js";
import { element } from "./grid.js";

/** @typedef {import("./rows.js").Row} Row */

/** @param {number} count */
const jobs = (count) => `${count} ${count === 1 ? "job" : "jobs"}`;

/** @param {Row} row */
const isPending = (row) => ["NEW", "DEPEND", "PRIORITY", "SCHED"].includes(row.state);
/** @param {Row} row */
const isRunning = (row) => row.state === "RUN" || row.state === "CLEANUP";

/**
 * @typedef {object} Action
 * @property {string} title
 * @property {(row: Row) => boolean} fits
 * @property {(count: number) => string} words
 * @property {(id: string) => Promise<unknown>} run
 */

/** @type {Action[]} */
const ACTIONS = [
  {
    title: "Cancel",
    fits: (row) => row.state !== "INACTIVE",
    words: (n) => `${jobs(n)} will be canceled: what runs is ended, what waits never starts.`,
    run: (id) => call("POST", `/v1/jobs/${id}/cancel`, {}),
  },
  {
    title: "Hold",
    fits: isPending,
    words: (n) => `${jobs(n)} will not start until released (urgency 0).`,
    run: (id) => call("POST", `/v1/jobs/${id}/urgency`, { urgency: "hold" }),
  },
  {
    title: "Release",
    fits: isPending,
    words: (n) => `${jobs(n)} may start when their turn comes (urgency 16).`,
    run: (id) => call("POST", `/v1/jobs/${id}/urgency`, { urgency: "default" }),
  },
  {
    title: "Expedite",
    fits: isPending,
    words: (n) => `${jobs(n)} go before all others (urgency 31).`,
    run: (id) => call("POST", `/v1/jobs/${id}/urgency`, { urgency: "expedite" }),
  },
  {
    title: "Terminate",
    fits: isRunning,
    words: (n) => `SIGTERM goes to all tasks of ${jobs(n)}; what they make of it is theirs.`,
    run: (id) => call("POST", `/v1/jobs/${id}/signal`, { signal: "SIGTERM" }),
  },
];

/**
 * Show the actions that fit what is selected.
 * @param {HTMLElement} where
 * @param {import("./grid.js").Grid} grid
 * @param {import("./rows.js").Rows} rows
 */
export function offer(where, grid, rows) {
  const chosen = [...grid.selected].flatMap((id) => rows.all.get(id) ?? []);
  where.hidden = chosen.length === 0;
  const buttons = ACTIONS.map((action) => {
    const fitting = chosen.filter(action.fits);
    const button = element("button", {
      type: "button",
      textContent: `${action.title} ${fitting.length || ""}`.trim(),
      disabled: fitting.length === 0,
    });
    button.addEventListener("click", () => confirm(action, fitting.map((row) => row.id)));
    return button;
  });
  const clear = element("button", { type: "button", textContent: "Select none" });
  clear.addEventListener("click", () => {
    grid.selected.clear();
    grid.soon();
    where.hidden = true;
  });
  where.replaceChildren(element("span", { textContent: `${jobs(chosen.length)} selected` }), ...buttons, clear);
}

/** @param {Action} action @param {string[]} ids */
function confirm(action, ids) {
  ask({
    title: action.title,
    heading: `${action.title} ${jobs(ids.length)}?`,
    words: action.words(ids.length),
    run: async (tell) => {
      const failed = await all(ids, action.run, (done) => tell(`${done} of ${ids.length}`));
      if (failed.length) {
        throw new Problem({ detail: `${failed.length} of ${ids.length} failed. ${failed[0]?.message ?? ""}` });
      }
    },
  });
}

/**
 * Ask the service for each, some at a time.
 * @param {string[]} ids
 * @param {(id: string) => Promise<unknown>} run
 * @param {(done: number) => void} tell
 */
async function all(ids, run, tell) {
  /** @type {Problem[]} */
  const failed = [];
  const left = ids.slice();
  let done = 0;
  const worker = async () => {
    for (let id = left.shift(); id !== undefined; id = left.shift()) {
      try {
        await run(id);
      } catch (problem) {
        failed.push(problem instanceof Problem ? problem : new Problem({ detail: String(problem) }));
      }
      tell(++done);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return failed;
}

/**
 * The rows as comma-separated values (RFC 4180), as the columns show them.
 * @param {Row[]} rows
 * @param {import("./columns.js").Column[]} columns
 */
export function csv(rows, columns) {
  const now = Date.now() / 1000;
  const lines = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => column.text(row, now)))];
  return lines.map((cells) => cells.map(cell).join(",")).join("\r\n");
}

/** @param {string} text */
function cell(text) {
  // A spreadsheet would run what begins like a formula.
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** @param {string} name @param {string} type @param {string} text */
export function download(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: url, download: name }).click();
  URL.revokeObjectURL(url);
}
