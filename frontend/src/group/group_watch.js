/** "Tell me" on the page of a group: what it promises, and what may keep that from coming true. */

import { watchButton, watchOn } from "../notify/notify.js";
import { warning } from "../notify/view_watch.js";
import { Rows } from "../table/rows.js";
import { t } from "../ui/words.js";

/** The subscription to the pending jobs of the group. */
const PENDING = "pending";

export class GroupWatch {
  /** Pending jobs of the group, while the reader waits for its end. */
  #pending = new Rows();
  #isFollowing = false;
  /** Active jobs of the group. */
  #active = 0;
  /** The text of the page, and the part of it that changes with the remaining jobs. */
  #said = { text: "", told: "" };

  /**
   * @param {import("../channel/channel.js").Channel} channel
   * @param {{ id: string, name: string, situation: import("../ui/situation.js").Situation }} group
   * @param {() => boolean} hasFailed whether a job of the group has failed
   * @param {(text: string) => void} say
   */
  constructor(channel, { id, name, situation }, hasFailed, say) {
    this.channel = channel;
    this.situation = situation;
    this.group = id;
    this.say = say;
    this.key = `group ${id}`;
    this.watches = watchOn(channel);
    const make = () => ({ kind: /** @type {const} */ ("group"), key: this.key, id, title: t("group.title", { name }), hasFailed: hasFailed() });
    const keep = (/** @type {string} */ text) => {
      this.#said = { text, told: this.#isOn ? this.#told() : "" };
      say(text);
    };
    const { element } = watchButton(this.watches, { off: t("group.watch"), on: t("group.watched") }, { key: () => this.key, make }, keep, () => this.#told());
    this.element = element;
    element.hidden = true;
    element.dataset["icon"] = "bell";
    this.watches.addEventListener("change", () => this.#follow());
    this.#follow();
  }

  /** Offer it while jobs are active. @param {number} active how many */
  offer(active) {
    this.#active = active;
    this.element.hidden = !active;
    this.renew();
  }

  get #isOn() {
    return this.watches.has(this.key);
  }

  /** Follow the pending jobs while the reader waits: a held one keeps the group from its end. */
  #follow() {
    if (this.#isFollowing === this.#isOn) return;
    this.#isFollowing = this.#isOn;
    this.#pending = new Rows();
    if (!this.#isFollowing) this.channel.leave(PENDING);
    else {
      this.channel.follow(PENDING, { stream: "jobs", filter: { group: this.group, state: ["PENDING"] } }, (message) => {
        this.#pending.take(message);
        this.#pending.settle();
        this.renew();
      });
    }
  }

  /** Return the promise, and what may keep it from coming true. */
  #told() {
    const blocked = this.situation.blocked([...this.#pending.all.values()]);
    const promise = t("jobs.told_sentence", { told: t("jobs.told_count", { count: this.#active }) });
    return [promise, warning(this.#active, blocked)].filter(Boolean).join(" ");
  }

  /** Keep what the page says up to date. */
  renew() {
    const { text, told } = this.#said;
    if (!told) return;
    const now = this.#isOn && this.#active ? this.#told() : "";
    if (now === told) return;
    this.#said = { text: now && text.replace(told, () => now), told: now };
    this.say(this.#said.text);
  }
}
