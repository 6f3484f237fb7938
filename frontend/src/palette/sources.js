/** The results of the palette, by source: on the page, and in the data of the service. */

import { call } from "../ui/api.js";
import { at } from "../ui/root.js";
import { addressOf, savedViews } from "../ui/saved_views.js";
import { tell } from "../ui/tell.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";
import { best, isExact, isJobId, score, words } from "./matches.js";

/**
 * @typedef {object} Entry
 * @property {string} key unique in the palette
 * @property {string} title
 * @property {string} [detail] beside the title
 * @property {string} [id] a job ID or the like, in the type of code
 * @property {string} [status] of a job
 * @property {string} icon
 * @property {string} [href] where it leads
 * @property {() => void} [run] what it does, if it leads nowhere
 * @property {boolean} [isExact] whether it is named exactly as the query; its section comes first
 */

/**
 * @typedef {object} Source
 * @property {import("../ui/words.js").Key} title
 * @property {(query: string) => Entry[]} [now] what is found at once
 * @property {(query: string) => Promise<Entry[]>} [later] what the service finds
 */

/** Entries of one kind at most: more are behind "All jobs that match". */
const MAX_ENTRIES = 6;
/** Characters of a query that the service takes. */
export const MAX_QUERY_CHARACTERS = 256;

/** Return the words of a control, without the keys that it names. @param {Element | null | undefined} control */
function label(control) {
  const parts = [...(control?.childNodes ?? [])].filter(({ nodeName }) => nodeName !== "KBD").map((node) => node.textContent);
  return short(parts.join(""));
}

/** @param {string | null | undefined} text */
const short = (text) => visible((text ?? "").trim(), { most: SHORT });

/** Jobs that are asked for, so that a name is found among jobs that match by other fields. */
const MAX_JOBS = 100;

/** Return the theme in which the page is drawn, which may be that of the system. */
const theme = () => document.documentElement.dataset["theme"] || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");

/** Return the pages of the header and of its menu. @returns {Entry[]} */
function pages() {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(".top nav a, .top .primary, #menu a[href]:not([data-action])"));
  return [...links].map((link) => ({ key: `page ${link.pathname}`, title: label(link), icon: link.dataset["icon"] ?? "page", href: link.href }));
}

/** Return what the menu does: its choices and its buttons. @returns {Entry[]} */
function actions() {
  const menu = document.getElementById("menu");
  const choices = [...(menu?.querySelectorAll("fieldset") ?? [])].flatMap((set) =>
    [...set.querySelectorAll("input")].filter((input) => !input.checked && !(input.name === "theme" && input.value === theme())).map((input) => {
      const title = t("palette.choice", { name: label(set.querySelector("legend")), value: label(input.closest("label")) });
      const run = () => {
        input.click();
        tell(title);
      };
      return { key: `choice ${input.name} ${input.value}`, title, icon: "action", run };
    }),
  );
  const buttons = [...(menu?.querySelectorAll("button") ?? [])].filter((button) => !button.hidden).map((button) => ({
    key: `button ${button.id || button.textContent}`,
    title: label(button),
    icon: button.dataset["icon"] ?? "action",
    run: () => button.click(),
  }));
  return [...choices, ...buttons];
}

/** Return the views of the table of jobs that the reader has saved. @returns {Entry[]} */
const views = () => savedViews().map((view) => ({ key: `view ${view.name}`, title: short(view.name), icon: "rows", href: addressOf(view) }));

/** @param {() => Entry[]} all @returns {(query: string) => Entry[]} */
const local = (all) => (query) => {
  const wanted = words(query);
  // A word that is only somewhere inside another one would put pages before jobs.
  return wanted.length ? best(all(), ({ title }) => title, wanted, { least: 2, most: MAX_ENTRIES }).map((it) => ({ ...it, isExact: isExact(query, it.title) })) : all();
};

/** @param {any} job @returns {Entry} */
const jobEntry = (job) => ({
  key: `job ${job["id"]}`,
  title: short(job["name"]) || job["id"],
  id: job["id"],
  detail: [job["username"], job["queue"]].filter(Boolean).map(short).join(" · "),
  status: job["status"],
  icon: "job",
  href: at(`/ui/jobs/${job["id"]}`),
});

/**
 * Return a function that finds the jobs that match a query, those that match by name or ID apart from the others.
 * Both sources ask in the same moment, so that one request answers them.
 */
function jobs() {
  let asked = "";
  /** @type {Promise<{ named: Entry[], others: Entry[] }>} */
  let answer;
  return (/** @type {string} */ query) => {
    if (!answer || asked !== query) {
      asked = query;
      answer = findJobs(query.trim()).finally(() => {
        asked = "";
      });
    }
    return answer;
  };
}

/** @param {string} text */
async function findJobs(text) {
  const [byId, list] = await Promise.all([
    isJobId(text) ? call("GET", `/v1/jobs?${new URLSearchParams({ id: text, limit: "1" })}`).catch(() => ({ jobs: [] })) : { jobs: [] },
    call("GET", `/v1/jobs?${new URLSearchParams({ text, limit: String(MAX_JOBS) })}`),
  ]);
  /** @type {Map<string, Entry>} */
  const named = new Map(byId["jobs"].map((/** @type {any} */ job) => [job["id"], { ...jobEntry(job), isExact: true }]));
  const others = [];
  for (const job of list["jobs"]) {
    if (named.has(job["id"])) continue;
    const entry = { ...jobEntry(job), isExact: isExact(text, job["name"] ?? "") };
    if (entry.isExact || score(`${job["name"]} ${job["id"]}`, words(text))) named.set(job["id"], entry);
    else others.push(entry);
  }
  const sorted = [...named.values()].sort((one, other) => Number(other.isExact) - Number(one.isExact));
  return { named: sorted.slice(0, MAX_ENTRIES), others: others.slice(0, MAX_ENTRIES) };
}

/** @param {string} query */
async function groups(query) {
  const list = await call("GET", `/v1/groups?${new URLSearchParams({ text: query.trim(), limit: String(MAX_ENTRIES) })}`);
  return list["groups"].map((/** @type {any} */ group) => ({
    key: `group ${group["id"]}`,
    isExact: isExact(query, group["name"] ?? ""),
    title: short(group["name"]) || group["id"],
    detail: t("palette.group_jobs", { count: group["total"], user: short(group["username"]) }),
    icon: "rows",
    href: at(`/ui/groups/${group["id"]}`),
  }));
}

/**
 * Return a function that asks once, and again after a failure.
 * @template T
 * @param {() => Promise<T>} ask
 */
function once(ask) {
  /** @type {Promise<T> | undefined} */
  let asked;
  return () => (asked ??= ask().catch((problem) => {
    asked = undefined;
    throw problem;
  }));
}

/** @param {string} query */
async function documentation(query) {
  const { results } = await call("GET", `/docs/search?${new URLSearchParams({ q: query.trim() })}`);
  return results.slice(0, MAX_ENTRIES).map((/** @type {any} */ { page, title, address }) => ({
    key: `docs ${address}`, title: short(title), detail: page === title ? "" : short(page), icon: "book", href: at(address),
  }));
}

/** Return the sources in the order in which the palette shows them. @returns {Source[]} */
export function sources() {
  const nodes = once(async () => /** @type {string[]} */ ((await call("GET", "/v1/nodes"))["nodes"]));
  const queues = once(async () => /** @type {any[]} */ ((await call("GET", "/v1/queues"))["queues"]).filter(({ name }) => name));
  const found = jobs();
  /** @type {Source} */
  const docs = { title: "palette.documentation", later: documentation };
  const isDocs = document.querySelector(".docs") !== null;
  return [
    ...(isDocs ? [docs] : []),
    { title: "palette.pages", now: local(pages) },
    { title: "palette.actions", now: local(actions) },
    { title: "palette.views", now: local(views) },
    { title: "palette.jobs", later: async (query) => (await found(query)).named },
    { title: "palette.groups", later: groups },
    {
      title: "palette.nodes",
      later: async (query) => best(await nodes(), (name) => name, words(query), { most: MAX_ENTRIES }).map((name) => ({
        key: `node ${name}`, title: short(name), icon: "node", href: at(`/ui/nodes/${encodeURIComponent(name)}`), isExact: isExact(query, name),
      })),
    },
    {
      title: "palette.queues",
      later: async (query) => best(await queues(), ({ name }) => name, words(query), { most: MAX_ENTRIES }).map(({ name, started, enabled }) => ({
        key: `queue ${name}`,
        isExact: isExact(query, name),
        title: short(name),
        detail: started ? (enabled ? "" : t("palette.queue_disabled")) : t(enabled ? "palette.queue_stopped" : "palette.queue_off"),
        icon: "rows",
        href: at(`/?${new URLSearchParams({ queue: name })}`),
      })),
    },
    { title: "palette.other_jobs", later: async (query) => (await found(query)).others },
    {
      title: "palette.search",
      now: (query) => {
        const text = query.trim();
        if (!text) return [];
        const shown = visible(text, { most: 60 });
        const entries = [{ key: "all jobs", title: t("palette.all_jobs", { text: shown }), icon: "search", href: at(`/?${new URLSearchParams({ text })}`) }];
        if (document.querySelector('.top nav a[href*="/ui/history"], .top nav a[href*="/history/jobs"]')) {
          entries.push({ key: "past jobs", title: t("palette.past_jobs", { text: shown }), icon: "clock", href: at(`/ui/history/jobs?${new URLSearchParams({ text })}`) });
        }
        return entries;
      },
    },
    ...(isDocs ? [] : [docs]),
  ];
}
