/** Two jobs side by side: what they asked for and how they ran, with what differs marked. */

import { named } from "../job/named_jobs.js";
import { join } from "../submit/shell.js";
import { call } from "../ui/api.js";
import { element } from "../ui/element.js";
import { dated, duration, plain, runtime } from "../ui/format.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @typedef {import("../table/rows.js").Row} Row */
/** @typedef {Record<string, any>} Jobspec */
/** @typedef {{ note: (row: Row) => string, now: () => number }} How what is said of a job, and the time */
/** @typedef {{ title: string, texts: string[], differs: boolean }} Fact one fact of each job */

/** Return a value of a jobspec, which may be of any type, if it is a text. @param {unknown} value */
const text = (value) => (typeof value === "string" ? value : "");
/** @param {Jobspec | undefined} spec */
const command = (spec) => {
  const words = spec?.["tasks"]?.[0]?.["command"];
  return Array.isArray(words) ? join(words.map(text)) : text(words);
};
/** @param {Jobspec | undefined} spec */
const script = (spec) => text(spec?.["attributes"]?.["system"]?.["files"]?.["script"]?.["data"]);
/** @param {Jobspec | undefined} spec */
const directory = (spec) => text(spec?.["attributes"]?.["system"]?.["cwd"]);

/**
 * Return the facts of jobs that at least one of them has.
 * @param {{ row: Row, note: string, spec: Jobspec | undefined }[]} jobs
 * @param {number} now seconds since 1970
 * @returns {Fact[]}
 */
export function facts(jobs, now) {
  /** @param {string} title @param {(job: { row: Row, note: string, spec: Jobspec | undefined }) => string} read @param {(text: string) => string} [shown] */
  const fact = (title, read, shown = (text) => visible(text, { most: MEDIUM })) => {
    const values = jobs.map(read);
    return { title, texts: values.map(shown), differs: new Set(values).size > 1 };
  };
  const lines = (/** @type {string} */ all) => (all ? t("compare.lines", { count: all.replace(/\n$/, "").split("\n").length }) : "");
  return [
    fact(t("columns.status"), ({ row }) => row.status),
    fact(t("columns.note"), ({ note }) => note),
    fact(t("columns.submitted"), ({ row }) => dated(row.t_submit)),
    fact(t("job.fact_waited"), ({ row }) => duration(row.t_run - row.t_submit)),
    fact(t("columns.runtime"), ({ row }) => duration(runtime(row, now))),
    fact(t("columns.limit"), ({ row }) => (row.duration ? duration(row.duration) : t("columns.no_limit"))),
    fact(t("columns.returncode"), ({ row }) => plain(row.returncode)),
    fact(t("job.command"), ({ spec }) => command(spec)),
    fact(t("job.script"), ({ spec }) => script(spec), lines),
    fact(t("job.fact_directory"), ({ spec }) => directory(spec)),
    fact(t("columns.ntasks"), ({ row }) => plain(row.ntasks)),
    fact(t("columns.nnodes"), ({ row }) => plain(row.nnodes)),
    fact(t("columns.ncores"), ({ row }) => plain(row.ncores)),
    fact(t("columns.nodelist"), ({ row }) => row.nodelist),
    fact(t("columns.queue"), ({ row }) => row.queue),
    fact(t("columns.urgency"), ({ row }) => plain(row.urgency)),
    fact(t("columns.user"), ({ row }) => row.username),
  ].filter(({ texts }) => texts.some(Boolean));
}

/** Read what a job was asked for; nothing if the reader may not. @param {Row} row @returns {Promise<Jobspec | undefined>} */
const jobspec = ({ id }) => call("GET", `/v1/jobs/${id}/jobspec`).catch(() => undefined);

/** Return the action that compares the two jobs that are selected. @param {How} how @returns {import("../table/actions.js").Ended} */
export const comparing = (how) => ({ some: "compare.open", fits: () => true, open: (chosen) => void compare(chosen, how), exactly: 2 });

/** Show two jobs side by side, the older one first. @param {Row[]} chosen @param {How} how */
async function compare(chosen, { note, now }) {
  const rows = [...chosen].sort((a, b) => a.t_submit - b.t_submit);
  const specs = await Promise.all(rows.map(jobspec));
  const all = facts(rows.map((row, at) => ({ row, note: note(row), spec: specs[at] })), now());
  const dialog = element("dialog", { className: "compare" });
  dialog.setAttribute("aria-labelledby", "compare-title");
  const close = element("button", { type: "button", textContent: t("common.close"), autofocus: true });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  const table = element("table", {});
  const head = element("tr", {});
  head.append(element("td", {}), ...rows.map((row) => {
    const cell = element("th", { scope: "col" });
    cell.append(named(row, true));
    return cell;
  }));
  const top = element("thead", {});
  top.append(head);
  const body = element("tbody", {});
  body.append(...all.map(line));
  table.append(top, body);
  const scroll = element("div", { className: "scroll", tabIndex: 0, role: "region", ariaLabel: t("compare.facts") });
  scroll.append(table);
  const buttons = element("p", { className: "buttons" });
  buttons.append(close);
  const title = element("h2", { id: "compare-title", textContent: t("compare.title", { count: all.filter(({ differs }) => differs).length }) });
  dialog.append(title, scroll, ...(specs.includes(undefined) ? [element("p", { className: "soft", textContent: t("compare.no_jobspec") })] : []), buttons);
  document.body.append(dialog);
  dialog.showModal();
}

/** @param {Fact} fact */
function line({ title, texts, differs }) {
  const row = element("tr", { className: differs ? "differs" : "" });
  const head = element("th", { scope: "row", textContent: title });
  if (differs) head.append(" ", element("span", { className: "hidden-title", textContent: t("compare.differs") }));
  row.append(head, ...texts.map((textContent) => element("td", { textContent: textContent || "–" })));
  return row;
}
