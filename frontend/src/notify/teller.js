/** Tells the reader: by a notification of the desktop, or on the page itself, and counts what was told. */

import { element } from "../ui/element.js";
import { visible } from "../ui/visible.js";
import { rich, t } from "../ui/words.js";
import { isSeen } from "./mark.js";

/** @typedef {import("./watches.js").Watches} Watches */
/** @typedef {import("./watches.js").Notice} Notice */

/** Characters of a text; desktops show about as many. */
const MAX_CHARACTERS = 200;

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

/** Return a notice for the page itself, until it is dismissed. @param {Notice} notice @param {() => void} dismissed */
function drawn({ title, body, address }, dismissed) {
  const text = element("p", {});
  text.append(rich("notify.shown", { title: element("a", { href: address, textContent: title }), body }));
  const dismiss = element("button", { type: "button", textContent: t("notify.dismiss") });
  const notice = element("div", { className: "notice told", role: "status" });
  dismiss.addEventListener("click", dismissed);
  notice.append(text, dismiss);
  return notice;
}

export class Teller {
  #icon = /** @type {HTMLLinkElement | null} */ (document.querySelector('link[rel="icon"]'))?.href ?? "";

  /** @type {Map<string, HTMLElement>} the notices of this page, by their texts */
  #shown = new Map();

  /** @param {Watches} watches */
  constructor(watches) {
    this.watches = watches;
    watches.addEventListener("change", () => this.#draw());
    this.#draw();
  }

  /** Show what was told on this page or another, and is not dismissed. */
  #draw() {
    const { notices } = this.watches;
    const kept = new Map(notices.map((notice) => [JSON.stringify(notice), notice]));
    for (const [key, notice] of this.#shown) {
      if (kept.has(key)) continue;
      notice.remove();
      this.#shown.delete(key);
    }
    for (const [key, notice] of kept) {
      if (this.#shown.has(key)) continue;
      const made = drawn(notice, () => this.watches.dismiss(notice));
      this.#shown.set(key, made);
      document.getElementById("content")?.prepend(made);
    }
  }

  /**
   * @param {{ key: string, title: string }} watch
   * @param {string} body
   * @param {string} address of the page to open
   */
  tell({ key, title }, body, address) {
    if (!isSeen()) this.watches.told += 1;
    const [head, text] = [visible(title, { most: MAX_CHARACTERS }), visible(body, { most: MAX_CHARACTERS })];
    if (!this.#notify(head, /** @type {NotificationOptions} */ ({ body: text, tag: key, renotify: true, icon: this.#icon }), address)) this.watches.show({ title: head, body: text, address });
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
}
