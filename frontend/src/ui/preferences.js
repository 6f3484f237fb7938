/** The reader's choices for all pages, kept in the browser: the theme, the zone of times, shortcuts of one key, the density of tables. */

/** @typedef {"theme" | "times" | "keys" | "density"} Preference */

/** Return a choice; empty for the default. @param {Preference} name */
export function preference(name) {
  try {
    return globalThis.localStorage?.getItem(`fluxapi.${name}`) ?? "";
  } catch {
    return "";
  }
}

/** Keep a choice; an empty one is the default. @param {Preference} name @param {string} value */
export function prefer(name, value) {
  try {
    if (value) localStorage.setItem(`fluxapi.${name}`, value);
    else localStorage.removeItem(`fluxapi.${name}`);
  } catch {
    // It lasts as long as the page.
  }
}
