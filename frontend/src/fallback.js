/**
 * Server-Sent Events behind the face of a WebSocket, for networks that let no socket through: one
 * request a subscription, each from its cursor on.
 */

import { admitted } from "./api.js";

const KINDS = ["event", "job", "gone", "snapshot", "mark", "reset", "stats", "output", "end"];
/** Reasons of an end after which nothing more will come. */
const FINAL = ["clean", "finished", "no-output", "purged"];
/** Answers that will not change by asking again. */
const isDefinite = (/** @type {number} */ status) => status >= 400 && status < 500 && ![401, 408, 425, 429].includes(status);

/**
 * Where a subscription is to be had over plain HTTP.
 * @param {Record<string, any>} message what a client would send over a socket
 */
export function place(message) {
  const { type: _type, sub: _sub, stream, filter = {}, job, streams = [], ...rest } = message;
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...filter, ...rest })) query.set(name, String(value));
  // Over HTTP one stream is named, or none for both.
  if (streams.length === 1) query.set("stream", streams[0]);
  if (stream === "output") return `/v1/jobs/${encodeURIComponent(job)}/output/stream?${query}`;
  query.set("stream", stream);
  return `/v1/events?${query}`;
}

/** What the service says to a request that a source of events could not make: it never tells.
 * @param {string} path
 * @returns {Promise<{ status: number, detail: string }>} status 0: nothing
 */
async function ask(path) {
  try {
    const given = new AbortController();
    const response = await fetch((await admitted(path)).href, {
      headers: { Accept: "text/event-stream" },
      signal: given.signal,
    });
    const answer = response.ok ? {} : await response.json().catch(() => ({}));
    given.abort();
    return { status: response.status, detail: answer.detail ?? `The service answered ${response.status}.` };
  } catch {
    return { status: 0, detail: "" };
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
  /** @type {Map<string, EventSource | undefined>} none while its address is asked for */
  #sources = new Map();
  /** @type {Map<string, object>} by which a subscription is told from one of the same name before */
  #turns = new Map();

  /**
   * @param {typeof EventSource} Source
   * @param {(path: string) => Promise<URL>} admit gives the address that the path is opened at
   * @param {typeof ask} inquire what the service says to a request that failed
   */
  constructor(Source = EventSource, admit = admitted, inquire = ask) {
    this.Source = Source;
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
    this.#forget(message.sub);
    if (message.type === "subscribe") this.#open(message);
  }

  /** @param {Record<string, any>} message */
  async #open(message) {
    const { sub } = message;
    const turn = {};
    this.#turns.set(sub, turn);
    let url;
    try {
      url = await this.admit(place(message));
    } catch {
      if (this.#turns.get(sub) === turn) this.#break();
      return;
    }
    if (this.#turns.get(sub) !== turn) return;
    const source = new this.Source(url.href);
    this.#sources.set(sub, source);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (this.#sources.get(sub) === source) this.#hear(message, kind, /** @type {MessageEvent} */ (event));
      });
    }
    source.onerror = () => {
      if (this.#sources.get(sub) === source) this.#fail(message, source);
    };
  }

  /** @param {Record<string, any>} message @param {string} kind @param {MessageEvent} event */
  #hear(message, kind, { data, lastEventId }) {
    const { sub, stream } = message;
    const said = JSON.parse(data);
    // A socket would be closed: what ends is the connection, not what is followed.
    if (kind === "end" && !FINAL.includes(said.reason) && stream !== "output") return this.#break(said.detail);
    if (kind === "end") this.#forget(sub);
    const cursor = lastEventId && stream !== "output" ? { cursor: lastEventId } : {};
    this.onmessage({ data: JSON.stringify({ type: kind, sub, ...cursor, ...said }) });
  }

  /** A source that gives up was refused: what cannot be had is said once, not asked for ever.
   * @param {Record<string, any>} message @param {EventSource} source
   */
  async #fail(message, source) {
    const { sub } = message;
    let why = "";
    if (source.readyState === 2) {
      const { status, detail } = await this.inquire(place(message));
      if (this.#sources.get(sub) !== source) return;
      why = detail;
      if (isDefinite(status)) {
        this.#forget(sub);
        this.onmessage({ data: JSON.stringify({ type: "error", sub, status, detail }) });
        return;
      }
    }
    this.#break(why);
  }

  /** @param {string} sub */
  #forget(sub) {
    this.#sources.get(sub)?.close();
    this.#sources.delete(sub);
    this.#turns.delete(sub);
  }

  /** The channel knows the cursors, and comes back with them. */
  #break(reason = "") {
    if (this.readyState === 3) return;
    this.close();
    this.onclose({ reason });
  }

  close() {
    this.readyState = 3;
    for (const sub of [...this.#turns.keys()]) this.#forget(sub);
  }
}
