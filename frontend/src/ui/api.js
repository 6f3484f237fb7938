/** Requests of a page to its own service. */

import { detailOf } from "./problem.js";
import { at } from "./root.js";
import { t } from "./words.js";

/** A problem that the service answered with; its text is for the user. */
export class Problem extends Error {
  /** @param {Record<string, any>} document */
  constructor(document) {
    super(detailOf(document) ?? t("common.no_answer"));
    this.document = document;
  }
}

/** Seconds by which the clock of the service is ahead of this one, as its last answer said. */
export let ahead = 0;

/**
 * Compare the clocks; the header has whole seconds, so a smaller difference is unknown.
 * @param {string | null} date
 */
function compare(date) {
  const seconds = (Date.parse(date ?? "") + 500 - Date.now()) / 1000;
  if (Number.isFinite(seconds)) ahead = Math.abs(seconds) < 2 ? 0 : seconds;
}

/**
 * The identity of this page for the service. The browser sends the cookie of its login by itself,
 * and what it knows of HTTP Basic; when the service takes that no more, the page logs in again.
 */
class Session extends EventTarget {
  #wasTaken = false;
  /** True if the service wants new credentials. */
  isOver = false;

  /**
   * Once the browser has been let in here, the service is told that a script asks: it then refuses
   * without having the browser put its own question over the page. Before, the browser may need
   * the service to say which of its names and tokens it wants.
   * @returns {Record<string, string>}
   */
  get headers() {
    return this.#wasTaken ? { "X-Requested-With": "fetch" } : {};
  }

  /** @param {string} user @param {string} token */
  async begin(user, token) {
    await call("POST", "/ui/login", { user, token });
    this.#become(false);
  }

  /** Note the status of a response. @param {number} status */
  note(status) {
    if (status < 300) this.#wasTaken = true;
    if (status === 401 || status < 300) this.#become(status === 401);
  }

  /** @param {boolean} isOver */
  #become(isOver) {
    if (this.isOver === isOver) return;
    this.isOver = isOver;
    this.dispatchEvent(new Event("change"));
  }
}

export const session = new Session();

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @param {(headers: Headers) => void} [told] is given the headers of the answer
 * @returns {Promise<any>}
 */
export async function call(method, path, body, headers = {}, told = () => {}) {
  const response = await fetch(at(path), {
    method,
    headers: { ...session.headers, ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Problem({ detail: t("common.unreachable") });
  });
  compare(response.headers.get("Date"));
  const isJson = /\bjson\b/.test(response.headers.get("Content-Type") ?? "");
  const answer = await response.json().catch(() => {
    // An answer that broke off does not tell what became of the request.
    if (response.ok && isJson) throw new Problem({ detail: t("common.no_answer") });
    return {};
  });
  session.note(response.status);
  if (!response.ok) throw new Problem({ status: response.status, ...answer });
  told(response.headers);
  return answer;
}

/**
 * Return a page of the service, or a part of one, as HTML.
 * @param {string} path
 */
export async function page(path) {
  const response = await fetch(at(path), { headers: { ...session.headers, Accept: "text/html" } });
  compare(response.headers.get("Date"));
  session.note(response.status);
  if (!response.ok) throw new Problem({ status: response.status });
  return response.text();
}

/**
 * Return the address of a stream, with a ticket to enter.
 * @param {string} path
 */
export async function admitted(path) {
  const { ticket } = await call("POST", "/v1/ticket");
  const place = new URL(at(path));
  place.searchParams.set("ticket", ticket);
  return place;
}

/**
 * Return the address of the event channel, with a ticket to enter.
 * @param {boolean} [isDoubtful] a socket was refused, and nobody says why: maybe the service is not ready
 */
export async function address(isDoubtful = false) {
  if (isDoubtful) await call("GET", "/v1/ready");
  const place = await admitted("/v1/events/ws");
  place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
  return place.href;
}
