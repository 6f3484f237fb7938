/** Free cores and GPUs of the instance, in words. */

import { t } from "../ui/words.js";

/**
 * @param {any} nodes counts as the stream of figures has them
 * @param {any[] | undefined} queues
 * @param {string} [chosen] the queue that the form names; by default, the default queue
 */
export function freeInWords({ cores, gpus }, queues, chosen = "") {
  const own = queues?.find((queue) => queue.name && (chosen ? queue.name === chosen : queue.default));
  // A job can have the nodes of its queue only.
  if (own?.requires?.length && own.cores) {
    const counts = { queue: own.name, cores: own.cores.free, all_cores: own.cores.total, gpus: own.gpus?.free ?? 0, all_gpus: own.gpus?.total ?? 0 };
    return t(counts.all_gpus ? "submit.free_gpus_in" : "submit.free_in", counts);
  }
  const counts = { cores: cores.free, all_cores: cores.total, gpus: gpus.free, all_gpus: gpus.total };
  // A queue that requires properties has a part of them.
  const isShared = queues?.some((queue) => queue.requires?.length);
  if (gpus.total) return t(isShared ? "submit.free_gpus_all" : "submit.free_gpus", counts);
  return t(isShared ? "submit.free_all" : "submit.free", counts);
}

/** The line of the form that says what is free in the queue that it names. */
export class FreeResources {
  /** @type {{ nodes?: any, queues?: any[] }} */
  #figures = {};
  #queue = "";

  /** @param {HTMLElement} where */
  constructor(where) {
    this.where = where;
  }

  /** Take the figures of the instance. @param {Record<string, any>} message */
  take({ nodes, queues }) {
    this.#figures = { nodes, queues };
    this.#draw();
  }

  /** Take the queue of the form. @param {string} queue */
  choose(queue) {
    this.#queue = queue;
    this.#draw();
  }

  #draw() {
    const { nodes, queues } = this.#figures;
    if (nodes) this.where.textContent = freeInWords(nodes, queues, this.#queue);
  }
}
