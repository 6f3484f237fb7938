/** Free cores and GPUs of the instance, in words. */

import { t } from "../ui/words.js";

/** @param {any} nodes counts as the stream of figures has them @param {any[] | undefined} queues */
export function freeInWords({ cores, gpus }, queues) {
  const counts = { cores: cores.free, all_cores: cores.total, gpus: gpus.free, all_gpus: gpus.total };
  // A queue that requires properties has a part of them.
  const isShared = queues?.some((queue) => queue.requires?.length);
  if (gpus.total) return t(isShared ? "submit.free_gpus_all" : "submit.free_gpus", counts);
  return t(isShared ? "submit.free_all" : "submit.free", counts);
}
