/** Tells the reader: by a notification of the desktop, the title of the page and the mark on its icon. */

import { element } from "../ui/element.js";
import { visible } from "../ui/visible.js";
import { rich, t } from "../ui/words.js";

/** @typedef {import("./watches.js").Watches} Watches */

/** Characters of a text; desktops show about as many. */
const MAX_CHARACTERS = 200;
/** The greatest number that the mark has room for. */
const MAX_MARK = 9;

/** Return why nothing but the title will tell; empty if notifications are allowed, or may be asked for. */
export function refusal() {
  if (typeof Notification === "undefined") return t("notify.unsupported");
  return Notification.permission === "denied" ? t("notify.denied") : "";
}

/** Ask for the permission to notify, once; return why it was not given. */
export async function allowed() {
  if (typeof Notification !== "undefined" && Notification.permission === "default") await Notification.requestPermission().catch(() => undefined);
  if (refusal()) return refusal();
  return Notification.permission === "granted" ? "" : t("notify.not_allowed");
}

/** Return an icon with a number on it, as an address. @param {string} svg @param {number} count */
export function marked(svg, count) {
  const number = count > MAX_MARK ? `${MAX_MARK}+` : String(count);
  const mark = `<circle cx="21" cy="21" r="11" fill="#b42318"/><text x="21" y="26" font-family="sans-serif" font-size="${count > MAX_MARK ? 12 : 15}" font-weight="700" text-anchor="middle" fill="#fff">${number}</text>`;
  return `data:image/svg+xml,${encodeURIComponent(svg.replace("</svg>", `${mark}</svg>`))}`;
}

/** Return whether somebody looks at this page. */
const isSeen = () => !document.hidden && document.hasFocus();

/** Show a text on the page itself until it is dismissed. @param {string} title @param {string} body @param {string} address */
function show(title, body, address) {
  const text = element("p", {});
  text.append(rich("notify.shown", { title: element("a", { href: address, textContent: title }), body }));
  const dismiss = element("button", { type: "button", textContent: t("notify.dismiss") });
  const notice = element("div", { className: "notice told", role: "status" });
  dismiss.addEventListener("click", () => notice.remove());
  notice.append(text, dismiss);
  document.getElementById("content")?.prepend(notice);
}

export class Teller {
  #icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'));
  #plain = this.#icon?.href ?? "";
  /** @type {Promise<string> | undefined} */
  #svg;
  /** The count that the title shows, the title with it and without it. */
  #shown = 0;
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

  /**
   * @param {{ key: string, title: string }} watch
   * @param {string} body
   * @param {string} address of the page to open
   */
  tell({ key, title }, body, address) {
    if (!isSeen()) this.watches.told += 1;
    const [head, text] = [visible(title, { most: MAX_CHARACTERS }), visible(body, { most: MAX_CHARACTERS })];
    if (!this.#notify(head, { body: text, tag: key, icon: this.#plain }, address)) show(head, text, address);
  }

  /** @param {string} title @param {NotificationOptions} options @param {string} address @returns {boolean} whether it could be shown */
  #notify(title, options, address) {
    if (typeof Notification === "undefined" || Notification.permission !== "granted") return false;
    try {
      const notification = new Notification(title, options);
      notification.onclick = () => {
        notification.close();
        window.focus();
        if (location.href !== address) window.open(address, "_blank", "noopener");
      };
    } catch {
      // Some browsers of phones allow it to a service worker only.
      return false;
    }
    return true;
  }

  #show() {
    const count = this.watches.told;
    if (document.title !== this.#title) this.#bare = document.title;
    this.#title = count ? `(${count}) ${this.#bare}` : this.#bare;
    if (document.title !== this.#title) document.title = this.#title;
    if (count === this.#shown) return;
    this.#shown = count;
    this.#mark(count);
  }

  /** @param {number} count */
  async #mark(count) {
    if (!this.#icon) return;
    if (!count) {
      this.#icon.href = this.#plain;
      return;
    }
    this.#svg ??= fetch(this.#plain).then((answer) => (answer.ok ? answer.text() : ""));
    const svg = await this.#svg.catch(() => "");
    // The reader may have looked meanwhile.
    if (svg && count === this.#shown) this.#icon.href = marked(svg, count);
  }
}
