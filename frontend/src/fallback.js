/**
 * Server-Sent Events behind the face of a WebSocket, for networks that let no socket through: one
 * request a subscription, each from its cursor on.
 */

const KINDS = ["event", "job", "gone", "snapshot", "mark", "reset", "stats", "output", "end"];

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

export class EventSocket {
  readyState = 0;
  /** @type {() => void} */
  onopen = () => {};
  /** @type {(event: { data: string }) => void} */
  onmessage = () => {};
  /** @type {() => void} */
  onclose = () => {};
  /** @type {Map<string, EventSource>} */
  #sources = new Map();

  /** @param {typeof EventSource} Source */
  constructor(Source = EventSource) {
    this.Source = Source;
    queueMicrotask(() => {
      if (this.readyState) return;
      this.readyState = 1;
      this.onopen();
    });
  }

  /** @param {string} text */
  send(text) {
    const message = JSON.parse(text);
    this.#sources.get(message.sub)?.close();
    this.#sources.delete(message.sub);
    if (message.type !== "subscribe") return;
    const source = new this.Source(place(message));
    this.#sources.set(message.sub, source);
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        if (this.#sources.get(message.sub) !== source) return;
        const { data, lastEventId } = /** @type {MessageEvent} */ (event);
        const cursor = lastEventId && message.stream !== "output" ? { cursor: lastEventId } : {};
        if (kind === "end") {
          source.close();
          this.#sources.delete(message.sub);
        }
        this.onmessage({ data: JSON.stringify({ type: kind, sub: message.sub, ...cursor, ...JSON.parse(data) }) });
      });
    }
    source.onerror = () => {
      if (this.#sources.get(message.sub) !== source) return;
      // The channel knows the cursors, and comes back with them.
      this.close();
      this.onclose();
    };
  }

  close() {
    this.readyState = 3;
    for (const source of this.#sources.values()) source.close();
    this.#sources.clear();
  }
}
