/** The title of the page and the mark on its icon: what was told, and what has failed, since the reader last looked. */

import { t } from "../ui/words.js";

/** @typedef {import("./watches.js").Watches} Watches */

/** The greatest number that the mark has room for. */
const MAX_MARK = 9;

/** Return whether somebody looks at this page. */
export const isSeen = () => !document.hidden && document.hasFocus();

/** Return an icon with a sign on it, as an address. @param {string} svg @param {string} sign of two characters at most */
export function marked(svg, sign) {
  const mark = `<circle cx="21" cy="21" r="10" fill="#b42318" stroke="#fff" stroke-width="2"/><text x="21" y="26" font-family="sans-serif" font-size="${sign.length > 1 ? 12 : 15}" font-weight="700" text-anchor="middle" fill="#fff">${sign}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replace("</svg>", `${mark}</svg>`))}`;
}

/** Return the sign for counts: a number of what was told, or that something has failed. @param {number} told @param {number} failed */
export function sign(told, failed) {
  if (!told) return failed ? "!" : "";
  return told > MAX_MARK ? `${MAX_MARK}+` : String(told);
}

export class Mark {
  #icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  #plain = this.#icon?.href ?? "";
  /** @type {Promise<string> | undefined} */
  #svg;
  /** The sign that the icon shows, the title with its counts and without them. */
  #sign = "";
  #title = "";
  #bare = "";

  /** @param {Watches} watches */
  constructor(watches) {
    this.watches = watches;
    const look = () => {
      if (isSeen()) watches.told = 0;
    };
    for (const event of ["focus", "pageshow"]) addEventListener(event, look);
    document.addEventListener("visibilitychange", look);
    watches.addEventListener("change", () => this.#show());
    const title = document.querySelector("title");
    // Other scripts of a page write its title, too.
    if (title) new MutationObserver(() => this.#show()).observe(title, { childList: true });
    look();
    this.#show();
  }

  #show() {
    const { told, failed } = this.watches;
    if (document.title !== this.#title) this.#bare = document.title;
    const counts = [told ? `(${told})` : "", failed ? t("notify.failed", { count: failed }) : ""];
    this.#title = [...counts, this.#bare].filter(Boolean).join(" ");
    if (document.title !== this.#title) document.title = this.#title;
    const shown = sign(told, failed);
    if (shown === this.#sign) return;
    this.#sign = shown;
    this.#mark(shown);
  }

  /** @param {string} shown */
  async #mark(shown) {
    if (!this.#icon) return;
    if (!shown) {
      this.#icon.href = this.#plain;
      return;
    }
    this.#svg ??= fetch(this.#plain).then((answer) => (answer.ok ? answer.text() : ""));
    const svg = await this.#svg.catch(() => "");
    // The reader may have looked meanwhile.
    if (svg && shown === this.#sign) this.#icon.href = marked(svg, shown);
  }
}
