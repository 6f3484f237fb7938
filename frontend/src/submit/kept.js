/** The data that this browser keeps for the form: recent submissions, and templates. Each list has a limit. */

import { at } from "../ui/root.js";
import { checkSaved } from "./saved_job.js";

/** @typedef {import("./saved_job.js").Saved} Saved */
/** @typedef {{ when: number, ids: string[], count: number, variables: string[], saved: Saved }} Recent */
/** @typedef {{ name: string, description: string, modified: number, saved: Saved }} LocalTemplate times in seconds */

const MAX_RECENT = 12;
export const MAX_LOCAL_TEMPLATES = 50;
/** Characters of one entry, and of one list. */
export const MAX_ENTRY_CHARS = 64_000;
const MAX_LIST_CHARS = 1_000_000;
/** Links of one submission that are kept. */
const MAX_IDS = 3;

/** Return the key of a list; two services of one host have lists of their own. @param {"recent" | "templates"} name */
const key = (name) => `fluxapi.submit.${name} ${at("/v1/templates")}`;

/** @param {"recent" | "templates"} name @returns {any[]} */
function read(name) {
  try {
    const found = JSON.parse(localStorage.getItem(key(name)) ?? "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return [];
  }
}

/** Store a list; return whether the browser keeps it. @param {"recent" | "templates"} name @param {any[]} list */
function store(name, list) {
  try {
    localStorage.setItem(key(name), JSON.stringify(list));
    return true;
  } catch {
    return false;
  }
}

/** Return the entries that another version, or somebody else, has not damaged. @template T @param {any[]} list @returns {T[]} */
function usable(list) {
  return list.filter((it) => {
    try {
      checkSaved(it?.saved);
      return true;
    } catch {
      return false;
    }
  });
}

/** Return the submissions of this browser, the newest first. */
export function recent() {
  return /** @type {Recent[]} */ (usable(read("recent"))).filter(({ ids }) => Array.isArray(ids)).slice(0, MAX_RECENT);
}

/** Keep a submission; a request that takes too much room is not kept. @param {Recent} made */
export function keepRecent(made) {
  if (JSON.stringify(made).length > MAX_ENTRY_CHARS) return;
  const same = JSON.stringify(made.saved);
  const others = recent().filter(({ saved }) => JSON.stringify(saved) !== same);
  const list = [{ ...made, ids: made.ids.slice(0, MAX_IDS) }, ...others].slice(0, MAX_RECENT);
  while (list.length > 1 && JSON.stringify(list).length > MAX_LIST_CHARS) list.pop();
  store("recent", list);
}

/** Keep no submission anymore. */
export const forgetRecent = () => store("recent", []);

/** Return the templates of this browser, by name. */
export function localTemplates() {
  const found = /** @type {LocalTemplate[]} */ (usable(read("templates"))).filter(({ name }) => typeof name === "string");
  return found.slice(0, MAX_LOCAL_TEMPLATES).sort((one, other) => one.name.localeCompare(other.name));
}

/** Keep a template in place of the one of its name; false when the browser does not. @param {LocalTemplate} template */
export function keepLocalTemplate(template) {
  const others = localTemplates().filter(({ name }) => name !== template.name);
  const list = [...others, template];
  const isTooMuch = JSON.stringify(template).length > MAX_ENTRY_CHARS || JSON.stringify(list).length > MAX_LIST_CHARS;
  return list.length <= MAX_LOCAL_TEMPLATES && !isTooMuch && store("templates", list);
}

/** @param {string} gone */
export function deleteLocalTemplate(gone) {
  store("templates", localTemplates().filter(({ name }) => name !== gone));
}
