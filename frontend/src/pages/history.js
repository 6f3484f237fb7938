/** The page of figures of the history: charts, failures and a table of one time. */

import { CHARTS, COLUMNS, failed, rounded, summary } from "../charts/past.js";
import { PastFigure } from "../charts/past_figure.js";
import { address, ahead, call } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import * as status from "../channel/connection_status.js";
import { attend, every } from "../channel/visibility.js";
import { element } from "../ui/element.js";
import { iso, period } from "../ui/format.js";
import { at, resolved } from "../ui/root.js";
import { dayOf } from "../ui/times.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const HOUR = 3600;
const DAY = 24 * HOUR;
/** @type {Record<string, number>} seconds of each range that ends now */
const RANGES = { hour: HOUR, day: DAY, week: 7 * DAY, month: 30 * DAY };
/** Milliseconds after which a range that ends now is read again. */
const EVERY = 60_000;
/** Groups that are shown unless all are asked for. */
const MAX_BARS = 10;

const range = /** @type {HTMLFormElement} */ ($("range"));
const choice = /** @type {HTMLFormElement} */ ($("failures"));
const used = /** @type {HTMLFormElement} */ ($("used-choice"));
const charts = element("div", { className: "figures-of-charts" });
$("charts").append(charts);
const figures = CHARTS.map((chart) => new PastFigure(chart, charts, period));
/** All groups are shown. */
let isWhole = false;
/** Which answer is waited for; an earlier one is of another view. */
let asked = 0;

/** @param {string} name */
const field = (name) => /** @type {HTMLInputElement} */ (range.elements.namedItem(name));

/** Return the chosen time, or nothing while it is not complete. @returns {[number, number] | undefined} */
function chosen() {
  const length = RANGES[field("range").value];
  const now = Date.now() / 1000 + ahead;
  if (length) return [now - length, now];
  if (field("range").value === "yesterday") return yesterday(now);
  const [since, until] = ["since", "until"].map((name) => new Date(field(name).value).getTime() / 1000);
  return since !== undefined && until !== undefined && since < until ? [since, until] : undefined;
}

/** Return the day before today, in the zone of the reader. @param {number} now @returns {[number, number]} */
const yesterday = (now) => dayOf(dayOf(now)[0] - 1);

const isCustom = () => field("range").value === "custom";

/** Begin a time of the reader's own with the last day. */
function prefill() {
  if (!isCustom() || field("since").value || field("until").value) return;
  const now = Date.now() / 1000 + ahead;
  for (const [name, at] of /** @type {const} */ ([["since", now - DAY], ["until", now]])) field(name).value = local(at);
}

/** Format a time for a time field. @param {number} seconds since 1970 */
function local(seconds) {
  const offset = new Date(seconds * 1000).getTimezoneOffset() * 60;
  return iso(seconds - offset).slice(0, "2026-01-31T08:30".length);
}

/** Write the choice into the address, so that a link shows the same. */
function keep() {
  const query = new URLSearchParams({ range: field("range").value });
  if (isCustom()) for (const name of ["since", "until"]) if (field(name).value) query.set(name, field(name).value);
  query.set("by", by());
  query.set("each", each());
  history.replaceState(null, "", `?${query}`);
}

const by = () => String(new FormData(choice).get("by"));
/** Return the property by which core hours are shown: user, name, queue or node. */
const each = () => String(new FormData(used).get("each"));

/** Take the choice of the address. */
function follow() {
  const query = new URLSearchParams(location.search);
  const wanted = query.get("range") ?? "";
  if (wanted in RANGES || wanted === "custom" || wanted === "yesterday") field("range").value = wanted;
  for (const name of ["since", "until"]) field(name).value = query.get(name) ?? "";
  prefill();
  for (const [form, name] of /** @type {const} */ ([[choice, "by"], [used, "each"]])) {
    const select = /** @type {HTMLSelectElement} */ (form.elements.namedItem(name));
    if ([...select.options].some(({ value }) => value === query.get(name))) select.value = query.get(name) ?? "";
  }
}

async function read() {
  $("custom").hidden = !isCustom();
  // The answer for an earlier choice is not shown, not even beside a wrong one.
  const mine = ++asked;
  const span = chosen();
  if (!span) {
    say(t("history.wrong_time"));
    $("content").removeAttribute("aria-busy");
    return;
  }
  $("content").setAttribute("aria-busy", "true");
  try {
    const time = { since: String(span[0]), until: String(span[1]) };
    const figures = (/** @type {Record<string, string>} */ order) => call("GET", `/v1/history/figures?${new URLSearchParams({ ...time, ...order })}`);
    const [found, use] = await Promise.all([figures({ by: by(), order: "failed_core_hours" }), figures({ by: each(), order: "core_hours", steps: "2" })]);
    if (mine === asked) show(found, use);
  } catch (problem) {
    if (mine === asked) say(problem instanceof Error ? problem.message : String(problem));
  }
  if (mine === asked) $("content").removeAttribute("aria-busy");
}

/** Say what is wrong. @param {string} words */
function say(words) {
  $("wrong").textContent = words;
  $("wrong").hidden = !words;
  if (words && $("total").textContent === t("common.reading")) $("total").textContent = "";
}

/** @param {any} found @param {any} use the same time by core hours */
function show(found, use) {
  say("");
  const notes = [summary(found.total)];
  if (found.sampled) notes.push(t("history.sampled", { number: found.sampled }));
  $("total").textContent = notes.join(" ");
  for (const figure of figures) figure.show(found.steps, found.step, [found.since, found.until]);
  showBars(found);
  showUse(use);
  showTable(found);
  $("failed").hidden = $("used").hidden = $("steps").hidden = false;
}

/** Return the filters of past jobs that ended in the time of an answer. @param {any} found @returns {Record<string, string>} */
function ended({ since, until }) {
  const length = RANGES[field("range").value];
  if (field("range").value === "yesterday") return { ended: "yesterday" };
  if (length) return { ended: length < DAY ? `${length / HOUR}h` : `${length / DAY}d` };
  const moment = (/** @type {number} */ seconds) => `${iso(seconds).slice(0, "2026-01-31T08:30:00".length)}Z`;
  // There is no filter of a last end; a job that was submitted later has ended later, too.
  return { ended: moment(since), until: moment(until) };
}

/** @param {any} found */
function showBars(found) {
  const { groups, by: property, is_cut: isCut } = found;
  const all = groups.filter((/** @type {any} */ group) => failed(group));
  const shown = isWhole ? all : all.slice(0, MAX_BARS);
  const bars = shown.map((/** @type {any} */ group) => {
    const name = group.value ? visible(group.value, { most: MEDIUM }) : t("history.no_value");
    const query = new URLSearchParams({ result: "FAILED,TIMEOUT", [property]: group.value, ...ended(found) });
    const link = group.value ? element("a", { href: at(`/ui/history/jobs?${query}`), textContent: name }) : element("b", { textContent: name });
    const bar = element("meter", { min: 0, max: group.ended, value: failed(group), ariaLabel: t("history.failures_of", { name }) });
    const counts = { failed: failed(group), ended: group.ended };
    const hours = group.failed_core_hours > 0 ? t("history.hours", { count: rounded(group.failed_core_hours) }) : "";
    const words = element("span", { textContent: hours ? t("history.failed_of_hours", { ...counts, hours }) : t("history.failed_of", counts) });
    const item = element("li", {});
    item.append(link, bar, words);
    return item;
  });
  if (!bars.length) bars.push(element("li", { textContent: t("history.no_failures") }));
  if (all.length > shown.length) bars.push(rest(found, shown.length, all.length));
  if (isCut) bars.push(element("li", { textContent: t("history.cut") }));
  $("bars").replaceChildren(...bars);
}

/** Show who had the most core hours. @param {any} use */
function showUse(use) {
  const { groups, by: property, total, rest: others } = use;
  const all = groups.filter((/** @type {any} */ group) => group.core_hours > 0);
  const words = (/** @type {any} */ { core_hours: hours, ended: count }) =>
    t("history.used_part", { hours: t("history.hours", { count: rounded(hours) }), percent: Math.round((100 * hours) / total.core_hours), jobs: t("history.listed", { count }) });
  const bars = all.slice(0, MAX_BARS).map((/** @type {any} */ group) => {
    const name = group.value ? visible(group.value, { most: MEDIUM }) : t("history.no_value");
    const query = new URLSearchParams({ [property]: group.value, ...ended(use) });
    const link = group.value ? element("a", { href: at(`/ui/history/jobs?${query}`), textContent: name }) : element("b", { textContent: name });
    const bar = element("meter", { min: 0, max: total.core_hours, value: group.core_hours, ariaLabel: t("history.hours_of", { name }) });
    const item = element("li", {});
    item.append(link, bar, element("span", { textContent: words(group) }));
    return item;
  });
  const left = [...all.slice(MAX_BARS), ...(others ? [others] : [])].reduce((sum, it) => ({ core_hours: sum.core_hours + it.core_hours, ended: sum.ended + it.ended }), { core_hours: 0, ended: 0 });
  if (left.core_hours >= 0.0005) bars.push(element("li", { className: "rest", textContent: t("history.used_others", { words: words(left) }) }));
  if (!bars.length) bars.push(element("li", { textContent: t("history.none_used") }));
  $("used-bars").replaceChildren(...bars);
}

/** Say that there are more groups, and offer them. @param {any} found @param {number} shown @param {number} total */
function rest(found, shown, total) {
  const item = element("li", { className: "rest" });
  const more = element("button", { type: "button", textContent: t("history.show_all", { total }) });
  more.addEventListener("click", () => {
    isWhole = true;
    showBars(found);
    /** @type {HTMLElement | null} */ ($("bars").children[shown]?.querySelector("a") ?? null)?.focus();
  });
  item.append(element("span", { textContent: t("history.shown_of", { shown, total }) }), more);
  return item;
}

/** @param {any} found */
function showTable({ steps, step }) {
  const head = element("tr", {});
  head.append(...[t("history.time"), ...COLUMNS.map(([title]) => t(title))].map((title) => element("th", { scope: "col", textContent: title })));
  const rows = steps.map((/** @type {any} */ it) => {
    const row = element("tr", {});
    const time = element("th", { scope: "row" });
    time.append(element("time", { dateTime: iso(it.time), textContent: period(it.time, it.time + step) }));
    row.append(time, ...COLUMNS.map(([, text]) => element("td", { textContent: text(it) })));
    return row;
  });
  $("steps").querySelector("thead")?.replaceChildren(head);
  $("steps").querySelector("tbody")?.replaceChildren(...rows.reverse());
}

range.hidden = false;
for (const form of [range, choice, used]) {
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("change", () => {
    isWhole = false;
    prefill();
    keep();
    read();
  });
}
const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("stats", { stream: "stats" }, () => {});
attend(channel);
every(EVERY, () => {
  if (RANGES[field("range").value]) read();
});
follow();
read();
// Without what draws, the sentences and the table are there.
import(resolved($("content").dataset["plots"] ?? "")).then(({ Plot }) => {
  for (const figure of figures) figure.draw(Plot);
}, () => {
  for (const { place } of figures) place.hidden = true;
});
