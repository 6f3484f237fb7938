/**
 * One connection to the event channel for a page: it comes back by itself, goes on where it was,
 * and says at any time whether it is live.
 */

/**
 * "resting": nobody looks. "logged out": the service wants to know who this is before it says more.
 * "reading": the service has started, and reads the jobs of the instance.
 * @typedef {"connecting" | "reading" | "catching up" | "live" | "cut off" | "resting" | "logged out"} Phase
 */
/** @typedef {{ read: number, total?: number }} Progress how many jobs the service has read, and of how many */
/** @typedef {Record<string, any> & { type: string, sub?: string, cursor?: string }} Message */
/** @typedef {{ stream: string, filter?: object, [more: string]: any }} Wish */
/**
 * @typedef {object} Follower
 * @property {Wish | (() => Wish)} wish what to subscribe to; asked anew each time if a function
 * @property {(message: Message) => void} take
 * @property {string | undefined} cursor where it stands
 */

import { detailOf, endOf } from "../ui/problem.js";
import { at } from "../ui/root.js";
import { plain } from "./shared.js";

const FIRST_DELAY = 250;
const LAST_DELAY = 1500;
/** Sockets refused by a service that answers, after which plain HTTP is tried. */
const REFUSED = 2;
/** Milliseconds without a word after which a connection is considered dead: more than two bookmarks. */
const SILENCE = 40_000;
/** Milliseconds without a word after which the service is asked whether it is there, and for the answer. */
const QUIET = 3000;
const ANSWER = 3000;
export const PROTOCOL = "flux-events.v1";

/**
 * Return the milliseconds before the next try: doubled each time, and never the same for all
 * clients.
 * @param {number} tries
 * @param {number} random from 0 to 1
 */
export function delay(tries, random) {
  return Math.min(FIRST_DELAY * 2 ** tries, LAST_DELAY) * (0.5 + random / 2);
}

/** Ask the service whether it is there: a connection that was cut without a word is open to its reader. */
async function health() {
  const response = await fetch(at("/v1/health"), { signal: AbortSignal.timeout(ANSWER) });
  await response.body?.cancel();
}

export class Channel extends EventTarget {
  /** @type {Map<string, Follower>} */
  #followers = new Map();
  /** @type {WebSocket | ReturnType<typeof plain> | undefined} */
  #socket;
  #refused = 0;
  /** Counts starts and stops: what was begun before the last one is not gone on with. */
  #turn = 0;
  /** @type {Phase} */
  #phase = "connecting";
  #since = Date.now();
  #tries = 0;
  #wasOpen = false;
  #heard = 0;
  #isListening = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {Set<string>} */
  #behind = new Set();
  /** Since when the service is without its instance, by its own clock: seconds since 1970. */
  #lostSince = NaN;
  #detail = "";
  /** @type {Progress | undefined} */
  #progress;
  /** @type {Map<string, string>} what is not to be had, and why */
  #denied = new Map();
  /** Why there is nothing more to come: the instance has ended. */
  #ended = "";

  /**
   * @param {(isDoubtful: boolean) => Promise<string>} address gives the address to connect to, with a
   *   fresh ticket; doubtful: the last socket was refused, so the service may not be ready for any
   * @param {typeof WebSocket} Socket
   * @param {() => Promise<unknown>} probe fails when the service does not answer
   */
  constructor(address, Socket = WebSocket, probe = health) {
    super();
    this.probe = probe;
    this.address = address;
    this.Socket = Socket;
  }

  /**
   * The state of the connection and its time (milliseconds since 1970); why it is cut off, as far
   * as that is known; why nothing more comes; the requests that failed for good.
   */
  get state() {
    return {
      phase: this.#phase,
      since: this.#since,
      instanceLost: !Number.isNaN(this.#lostSince),
      lostSince: this.#lostSince,
      detail: this.#detail,
      progress: this.#progress,
      ended: this.#ended,
      refused: [...this.#denied.values()],
    };
  }

  /**
   * Follow a stream under a name of the page's own, from a cursor if there is one.
   * @param {string} name
   * @param {Wish | (() => Wish)} wish
   * @param {(message: Message) => void} take
   * @param {string} [cursor]
   */
  follow(name, wish, take, cursor) {
    this.#followers.set(name, { wish, take, cursor });
    this.#denied.delete(name);
    if (this.#socket?.readyState === 1) this.#subscribe(name);
  }

  /** Return the cursor of a subscription. @param {string} name */
  cursor(name) {
    return this.#followers.get(name)?.cursor;
  }

  /** @param {string} name */
  leave(name) {
    if (this.#followers.delete(name)) this.#send({ type: "unsubscribe", sub: name });
    this.#behind.delete(name);
    this.#denied.delete(name);
    this.#settle();
  }

  /** Connect, and again whenever the connection ends, until {@link stop}. */
  async start() {
    this.stop();
    if (this.#ended) return this.#say("resting");
    if (this.#phase !== "cut off" && !this.#progress) this.#say(this.#wasOpen ? "catching up" : "connecting");
    const turn = this.#turn;
    let address;
    try {
      address = await this.address(this.#refused > 0);
    } catch (problem) {
      return turn === this.#turn ? this.#fail(/** @type {any} */ (problem)) : undefined;
    }
    if (turn !== this.#turn) return;
    this.#progress = undefined;
    let opened = false;
    const socket = this.#refused < REFUSED ? new this.Socket(address, PROTOCOL) : plain();
    this.#refused %= REFUSED;
    this.#socket = socket;
    socket.onopen = () => {
      opened = true;
      this.#refused = 0;
      this.#wasOpen = true;
      this.#behind.clear();
      for (const name of this.#followers.keys()) this.#subscribe(name);
      this.#settle();
      this.#listen();
    };
    socket.onmessage = (/** @type {{ data: string }} */ event) => {
      if (socket !== this.#socket) return;
      // A request that stands for a socket is known to be good once something comes.
      this.#tries = 0;
      this.#detail = "";
      this.#listen();
      this.#take(JSON.parse(event.data));
    };
    socket.onclose = (/** @type {{ reason?: string } | undefined} */ event) => {
      if (socket !== this.#socket) return;
      if (event?.reason) this.#detail = event.reason;
      if (!opened) this.#refused++;
      this.#retry();
    };
  }

  /** Disconnect, and keep the cursors: a page that is not seen costs nothing. */
  stop() {
    clearTimeout(this.#timer);
    this.#isListening = false;
    this.#turn++;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close();
  }

  /** Disconnect until {@link start}, and say so. */
  rest() {
    this.stop();
    this.#say("resting");
  }

  /**
   * Give up without an address: as long as the user is unknown, the service refuses.
   * @param {{ message?: string, document?: { status?: number, progress?: Progress } }} problem
   */
  #fail(problem) {
    this.#detail = problem.message ?? "";
    this.#progress = problem.document?.progress;
    if (problem.document?.status !== 401) return this.#retry();
    this.stop();
    this.#say("logged out");
  }

  /** Listen to the socket; a connection on which nothing arrives, not even bookmarks, is dead. */
  #listen() {
    this.#heard = Date.now();
    if (this.#isListening) return;
    this.#isListening = true;
    const turn = this.#turn;
    const look = async () => {
      const silent = Date.now() - this.#heard;
      if (silent >= SILENCE) return this.#retry();
      if (silent >= QUIET) {
        const isThere = await this.probe().then(() => true, () => false);
        if (turn !== this.#turn) return;
        if (!isThere && Date.now() - this.#heard >= QUIET) return this.#retry();
      }
      this.#timer = setTimeout(look, QUIET);
    };
    this.#timer = setTimeout(look, QUIET);
  }

  #retry() {
    this.stop();
    if (this.#ended) return this.#say("resting");
    this.#say(this.#progress ? "reading" : "cut off");
    this.#timer = setTimeout(() => this.start(), delay(this.#tries++, Math.random()));
  }

  /** @param {string} name */
  #subscribe(name) {
    const follower = this.#followers.get(name);
    if (!follower) return;
    const wish = typeof follower.wish === "function" ? follower.wish() : follower.wish;
    // Output has no bookmarks: it is never known to be behind.
    if (wish.stream !== "output") this.#behind.add(name);
    const since = follower.cursor ? { since: follower.cursor } : {};
    this.#send({ type: "subscribe", sub: name, ...wish, ...since });
  }

  /** @param {object} message */
  #send(message) {
    if (this.#socket?.readyState === 1) this.#socket.send(JSON.stringify(message));
  }

  /** @param {Message} message */
  #take(message) {
    const follower = message.sub === undefined ? undefined : this.#followers.get(message.sub);
    if (!follower || message.sub === undefined) return;
    if (message.cursor) follower.cursor = message.cursor;
    follower.take(message);
    if (message.type === "bookmark") {
      // Unless it was asked for anew at once.
      if (this.#followers.get(message.sub) === follower) this.#behind.delete(message.sub);
      this.#lostSince = message["live"] === false ? (message["lost_since"] ?? message["time"] ?? 0) : NaN;
      this.#settle();
    } else if (message.type === "end" || message.type === "error") {
      this.#behind.delete(message.sub);
      if (this.#followers.get(message.sub) === follower) this.#followers.delete(message.sub);
      if (message["reason"] === "instance-ended") this.#ended = endOf(message);
      const isShown = "stream" in follower.wish && follower.wish.stream !== "output";
      if (message.type === "error" && isShown) this.#denied.set(message.sub, String(detailOf({ ...message, type: message["problem"] }) ?? ""));
      this.#settle();
    }
  }

  #settle() {
    if (this.#socket?.readyState !== 1) return;
    this.#say(this.#behind.size ? "catching up" : "live");
  }

  /** @param {Phase} phase */
  #say(phase) {
    if (phase !== this.#phase) this.#since = Date.now();
    this.#phase = phase;
    this.dispatchEvent(new Event("state"));
  }
}
