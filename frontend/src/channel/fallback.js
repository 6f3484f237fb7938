/**
 * The event channel over plain HTTP behind the face of a WebSocket, for networks that let no socket
 * through: one request that carries all subscriptions, made anew from their cursors when one is added.
 */

import { detailOf, endOf } from "../ui/problem.js";
import { admitted } from "../ui/api.js";

const PLACE = "/v1/events";
/** Milliseconds for which subscriptions are gathered before the request is made. */
const GATHER_MS = 20;
/** Return whether a status will not change if the request is repeated. */
const isDefinite = (/** @type {number} */ status) => status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);

/** @typedef {Record<string, any>} Message */
/** @typedef {(address: string, subscriptions: Message[], signal: AbortSignal) => Promise<Response>} Ask */

/** @type {Ask} */
const ask = (address, subscriptions, signal) =>
  fetch(address, {
    method: "POST",
    headers: { Accept: "application/x-ndjson", "Content-Type": "application/json" },
    body: JSON.stringify({ subscriptions }),
    signal,
  });

/**
 * Yield the lines of a body as they arrive.
 * @param {Response} response
 */
async function* lines(response) {
  const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const found = (rest + decoder.decode(value, { stream: true })).split("\n");
    rest = found.pop() ?? "";
    yield* found.filter(Boolean);
  }
}

export class EventSocket {
  readyState = 0;
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: { data: string }) => void} */
  onmessage = () => {};
  /** @type {(event: { reason: string }) => void} */
  onclose = () => {};
  /** @type {Map<string, Message>} what is followed, with the cursor that it has come to */
  #wanted = new Map();
  /** @type {AbortController | undefined} of the request under way */
  #request;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {() => Promise<string>} admit gives the address, with a fresh ticket
   * @param {Ask} inquire makes the request
   */
  constructor(admit = async () => (await admitted(PLACE)).href, inquire = ask) {
    this.admit = admit;
    this.inquire = inquire;
    queueMicrotask(() => {
      if (this.readyState) return;
      this.readyState = 1;
      this.onopen();
    });
  }

  /** @param {string} text */
  send(text) {
    const message = JSON.parse(text);
    this.#wanted.delete(message.sub);
    if (message.type === "subscribe") {
      this.#wanted.set(message.sub, message);
      this.#hangUp();
      this.#timer = setTimeout(() => this.#follow(), GATHER_MS);
    } else if (!this.#wanted.size) this.#hangUp();
  }

  close() {
    this.readyState = 3;
    this.#wanted.clear();
    this.#hangUp();
  }

  async #follow() {
    const request = (this.#request = new AbortController());
    const isOver = () => request !== this.#request;
    try {
      const address = await this.admit();
      if (isOver()) return;
      const response = await this.inquire(address, [...this.#wanted.values()], request.signal);
      if (!response.ok) {
        const answer = await response.json().catch(() => ({}));
        if (!isOver()) this.#refuse(response.status, detailOf(answer) ?? `HTTP ${response.status}`);
        return;
      }
      for await (const line of lines(response)) {
        if (isOver()) return;
        this.#hear(JSON.parse(line));
      }
    } catch {
      // A connection that broke off, or was never made, is recognized by its end.
    }
    if (!isOver()) this.#break();
  }

  /** @param {Message} said */
  #hear(said) {
    if (said["sub"] === undefined) {
      if (said["type"] === "end") this.#break(endOf(said));
      return;
    }
    const wanted = this.#wanted.get(said["sub"]);
    if (!wanted || said["type"] === "subscribed") return;
    if (wanted["stream"] !== "output") {
      if (said["cursor"]) wanted["since"] = said["cursor"];
    } else if (said["type"] === "output") {
      delete wanted["tail"];
      wanted["from"] = said["index"] + 1;
    }
    if (said["type"] === "end" || said["type"] === "error") this.#wanted.delete(said["sub"]);
    this.onmessage({ data: JSON.stringify(said) });
  }

  /**
   * Report a failure once, and never ask again.
   * @param {number} status @param {string} detail
   */
  #refuse(status, detail) {
    if (!isDefinite(status)) return this.#break(detail);
    for (const sub of [...this.#wanted.keys()]) this.#hear({ type: "error", sub, status, detail });
  }

  #hangUp() {
    clearTimeout(this.#timer);
    this.#request?.abort();
    this.#request = undefined;
  }

  /** Close the connection; the channel knows the cursors, and comes back with them. */
  #break(reason = "") {
    if (this.readyState === 3) return;
    this.close();
    this.onclose({ reason });
  }
}
