/**
 * One stream for all windows of a browser, which has six connections to a service in all: a
 * SharedWorker holds it, and each window talks to that as it would to a WebSocket.
 */

import { admitted } from "../ui/api.js";
import { instance, resolved } from "../ui/root.js";
import { EventSocket } from "./fallback.js";

const PLACE = "/v1/events";
/** Milliseconds between two signs of life of a window. */
const ALIVE_MS = 20_000;
/** Milliseconds after which a window that gave none is gone: timers of hidden ones may wait a minute. */
const GONE_MS = 100_000;

/** The worker's side: the windows, and the one stream. */
export class Switchboard {
  /** @type {Map<number, { port: MessagePort, subs: Set<string>, heard: number }>} */
  #windows = new Map();
  #count = 0;
  #address = "";
  /** @type {EventSocket | undefined} */
  #socket;

  /** @param {(admit: () => Promise<string>) => EventSocket} open */
  constructor(open = (admit) => new EventSocket(admit)) {
    this.open = open;
  }

  /** @param {MessagePort} port */
  join(port) {
    const number = ++this.#count;
    this.#windows.set(number, { port, subs: new Set(), heard: Date.now() });
    port.onmessage = ({ data }) => this.#take(number, data);
    port.postMessage({ opened: true });
  }

  /** Forget windows that ended without a word. */
  sweep(now = Date.now()) {
    for (const [number, { heard }] of [...this.#windows]) if (now - heard > GONE_MS) this.#forget(number);
  }

  /** @param {number} number @param {{ bye?: boolean, address?: string, messages?: Record<string, any>[] }} said */
  #take(number, { bye, address, messages = [] }) {
    const window = this.#windows.get(number);
    if (!window) return;
    window.heard = Date.now();
    if (bye) return this.#forget(number);
    if (address) this.#address = address;
    for (const message of messages) {
      const sub = `${number} ${message["sub"]}`;
      if (message["type"] === "subscribe") window.subs.add(sub);
      else window.subs.delete(sub);
      this.#connected().send(JSON.stringify({ ...message, sub }));
    }
  }

  /** @param {number} number */
  #forget(number) {
    const window = this.#windows.get(number);
    this.#windows.delete(number);
    for (const sub of window?.subs ?? []) this.#socket?.send(JSON.stringify({ type: "unsubscribe", sub }));
    if (this.#windows.size) return;
    this.#socket?.close();
    this.#socket = undefined;
  }

  #connected() {
    if (this.#socket) return this.#socket;
    const socket = (this.#socket = this.open(async () => this.#address));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      const [number, ...sub] = message.sub.split(" ");
      this.#windows.get(Number(number))?.port.postMessage({ message: { ...message, sub: sub.join(" ") } });
    };
    socket.onclose = ({ reason }) => {
      if (socket !== this.#socket) return;
      this.#socket = undefined;
      // Each window comes back by itself, with its cursors.
      for (const { port } of this.#windows.values()) port.postMessage({ closed: reason });
      this.#windows.clear();
    };
    return socket;
  }
}

/** A window's side: the face of a WebSocket. */
export class SharedSocket {
  /** True if the worker is not available, so that each window needs a stream of its own. */
  static isBroken = false;
  readyState = 0;
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: { data: string }) => void} */
  onmessage = () => {};
  /** @type {(event: { reason: string }) => void} */
  onclose = () => {};
  /** @type {Record<string, any>[]} */
  #queue = [];
  #isSending = false;

  /**
   * @param {string} script address of the worker
   * @param {typeof SharedWorker} Worker
   * @param {(path: string) => Promise<URL>} admit
   */
  constructor(script, Worker = SharedWorker, admit = admitted) {
    this.admit = admit;
    // A worker has one name for all windows of one instance, and one stream.
    const worker = new Worker(script, { type: "module", name: `fluxapi ${instance()}` });
    this.port = worker.port;
    worker.onerror = () => {
      SharedSocket.isBroken = true;
      this.#end("");
    };
    this.port.onmessage = ({ data }) => {
      if (this.readyState === 3) return;
      if (data.opened) {
        this.readyState = 1;
        this.onopen();
      } else if (data.closed !== undefined) this.#end(data.closed);
      else this.onmessage({ data: JSON.stringify(data.message) });
    };
    this.alive = setInterval(() => this.port.postMessage({}), ALIVE_MS);
  }

  /** @param {string} text */
  send(text) {
    this.#queue.push(JSON.parse(text));
    if (!this.#isSending) this.#flush();
  }

  close() {
    if (this.readyState !== 3) this.port.postMessage({ bye: true });
    this.readyState = 3;
    clearInterval(this.alive);
    this.port.close();
  }

  /** Send the subscriptions with a ticket: the worker does not know the user. */
  async #flush() {
    this.#isSending = true;
    try {
      // Those of one turn go together.
      await Promise.resolve();
      while (this.#queue.length && this.readyState === 1) {
        const messages = this.#queue.splice(0);
        const isNew = messages.some((message) => message["type"] === "subscribe");
        const address = isNew ? (await this.admit(PLACE)).href : undefined;
        if (this.readyState === 1) this.port.postMessage({ address, messages });
      }
    } catch {
      this.#end("");
    }
    this.#isSending = false;
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.readyState === 3) return;
    this.close();
    this.onclose({ reason });
  }
}

/** Return a replacement for a WebSocket if none can connect. */
export function plain() {
  const script = document.body.dataset["worker"];
  const isShared = script && typeof SharedWorker !== "undefined" && !SharedSocket.isBroken;
  return isShared ? new SharedSocket(resolved(script)) : new EventSocket();
}
