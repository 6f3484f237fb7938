/** The list from which a reader came to a job: its order and filters, and so the job before and after. */

import { at } from "../ui/root.js";
import { t } from "../ui/words.js";

/** The key of the list: each tab has its own. */
const KEY = "fluxapi list";
/** Jobs of the list that are kept. */
const MAX_JOBS = 4000;

/**
 * Keep the list of the page when the reader leaves it.
 * @param {() => string[]} ids the jobs in the order of the page
 * @param {() => string | undefined} [first] the first job in sight: of a long list, the jobs around it are kept
 * @param {() => "all" | "failed"} [kind] which jobs these are
 */
export function remember(ids, first, kind) {
  const keep = () => {
    const all = ids();
    const begin = Math.max(all.indexOf(first?.() ?? "") - MAX_JOBS / 2, 0);
    const kept = { address: location.pathname + location.search, title: document.title, kind: kind?.() ?? "all", count: all.length, begin, ids: all.slice(begin, begin + MAX_JOBS) };
    try {
      sessionStorage.setItem(KEY, JSON.stringify(kept));
    } catch {
      // A browser may keep nothing.
    }
  };
  addEventListener("pagehide", keep);
  // A link may open in another tab, which gets a copy.
  for (const kind of /** @type {const} */ (["auxclick", "click"])) {
    addEventListener(kind, ({ target }) => target instanceof Element && target.closest("a") && keep(), true);
  }
}

/** Return the jobs that a part of a page links to, in their order. @param {string} [part] */
export function linked(part = "main") {
  const links = /** @type {NodeListOf<HTMLAnchorElement>} */ (document.querySelectorAll(`${part} a[href]`));
  // The service writes relative addresses, the scripts whole ones.
  const jobs = [...links].filter(({ href }) => href.startsWith(at("/ui/jobs/")));
  return [...new Set(jobs.map(({ pathname }) => pathname.split("/").at(-1) ?? ""))];
}

/** Show the way back to the list, and to the jobs before and after. @param {string} job @param {(id: string) => HTMLElement} get */
export function show(job, get) {
  /** @type {{ address: string, kind?: string, count: number, begin: number, ids: string[] } | undefined} */
  let kept;
  try {
    kept = JSON.parse(sessionStorage.getItem(KEY) ?? "null") ?? undefined;
  } catch {
    // It is as if there were none.
  }
  // Another version may have kept it.
  const place = Array.isArray(kept?.ids) ? kept.ids.indexOf(job) : -1;
  if (!kept || place < 0 || !/^\/(?![/\\])/.test(kept.address)) return;
  const list = /** @type {HTMLAnchorElement} */ (get("list"));
  const { pathname } = new URL(kept.address, location.href);
  list.href = kept.address;
  const group = /** @type {HTMLAnchorElement | undefined} */ (get("group"));
  const isBelow = (/** @type {string} */ path) => pathname.startsWith(new URL(at(path), location.href).pathname);
  if (group && isBelow("/ui/groups/")) {
    // One link leads there.
    list.textContent = group.textContent;
    group.remove();
  } else if (isBelow("/ui/history/jobs")) list.textContent = t("history.past_title");
  const count = document.createElement("span");
  count.className = "soft";
  const isFailed = kept.kind === "failed";
  count.title = t(isFailed ? "job.place_failed_title" : "job.place_title");
  count.textContent = t(isFailed ? "job.place_of_failed" : "job.place_of", { place: kept.begin + place + 1, count: kept.count });
  get("steps").prepend(count);
  for (const [id, step, label] of /** @type {const} */ ([["previous", -1, t(isFailed ? "job.previous_failed" : "job.previous")], ["next", 1, t(isFailed ? "job.next_failed" : "job.next")]])) {
    const link = /** @type {HTMLAnchorElement} */ (get(id));
    const other = kept.ids[place + step];
    link.setAttribute("aria-label", label);
    link.title = label;
    if (other) link.href = at(`/ui/jobs/${other}`);
    else link.setAttribute("aria-disabled", "true");
  }
  get("steps").hidden = false;
}
