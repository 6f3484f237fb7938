/** Requests of a page to its own service. */

/** A problem that the service answered with; its text is for the user. */
export class Problem extends Error {
  /** @param {Record<string, any>} document */
  constructor(document) {
    super(document["detail"] ?? document["title"] ?? "The service did not answer.");
    this.document = document;
  }
}

/** Seconds by which the clock of the service is ahead of this one, as its last answer said. */
export let ahead = 0;

/** A clock that shows whole seconds says nothing of less than that.
 * @param {string | null} date
 */
function compare(date) {
  const seconds = (Date.parse(date ?? "") + 500 - Date.now()) / 1000;
  if (Number.isFinite(seconds)) ahead = Math.abs(seconds) < 2 ? 0 : seconds;
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {Record<string, string>} [headers]
 * @returns {Promise<any>}
 */
export async function call(method, path, body, headers = {}) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? headers : { "Content-Type": "application/json", ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  }).catch(() => {
    throw new Problem({ detail: "The service cannot be reached." });
  });
  compare(response.headers.get("Date"));
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Problem(answer);
  return answer;
}

/** Where the event channel is, with a ticket to enter. */
export async function address() {
  const { ticket } = await call("POST", "/v1/ticket");
  const place = new URL("/v1/events/ws", location.href);
  place.protocol = place.protocol === "https:" ? "wss:" : "ws:";
  place.searchParams.set("ticket", ticket);
  return place.href;
}
