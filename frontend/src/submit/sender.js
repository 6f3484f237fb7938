/** Sends a request to submit once, however often it is repeated. */

import { call, Problem } from "../ui/api.js";

/** Random bytes of a key. */
const KEY_BYTES = 16;
/** Answers from here on leave open whether the request was taken. */
const FIRST_SERVER_ERROR = 500;

export class Sender {
  /**
   * A request that may have been taken, although its answer never came, is sent again under the same
   * key: it then gives the same jobs. The key is kept until then: a refusal of its repetition, such as by a service that was
   * restarted and wants a login, says nothing of the first attempt.
   * @type {{ key: string, text: string, isDoubtful: boolean } | undefined}
   */
  #unanswered;

  /** @param {string} path @param {object} body @returns {Promise<Record<string, any>>} */
  async send(path, body) {
    const text = path + JSON.stringify(body);
    if (this.#unanswered?.text !== text) {
      const key = [...crypto.getRandomValues(new Uint8Array(KEY_BYTES))].map((it) => it.toString(16).padStart(2, "0")).join("");
      this.#unanswered = { key, text, isDoubtful: false };
    }
    const sent = this.#unanswered;
    const answer = await call("POST", path, body, { "Idempotency-Key": sent.key }).catch((problem) => {
      const isRefused = problem instanceof Problem && problem.document["status"] < FIRST_SERVER_ERROR;
      if (!isRefused) sent.isDoubtful = true;
      else if (!sent.isDoubtful) this.#unanswered = undefined;
      throw problem;
    });
    this.#unanswered = undefined;
    return answer;
  }
}
