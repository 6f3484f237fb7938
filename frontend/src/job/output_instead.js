/** The message in place of the lines of an output while there are none. */

import { t } from "../ui/words.js";

/**
 * Return the text, empty while the output may come at once; final: no line is expected soon.
 * @param {{ hasEnded: boolean, isQuiet: boolean, isSilent: boolean }} feed
 * @param {string} said below the output: its end, or how far it has been read
 * @param {{ isPending: boolean, isOver: boolean, hasRun: boolean }} job
 * @param {boolean} [hasFiles] whether files receive the output
 */
export function instead(feed, said, job, hasFiles = false) {
  if (job.isOver && !job.hasRun && feed.hasEnded) return { text: t("output.never_started"), isFinal: true };
  // A job whose output went to a file has not written nothing.
  if (feed.hasEnded) return { text: hasFiles && said === t("output.nothing") ? t("output.in_files") : said, isFinal: true };
  if (job.isPending) return { text: t("output.not_started"), isFinal: true };
  if (feed.isSilent && !job.isOver) return { text: t("output.nothing_yet"), isFinal: true };
  return { text: feed.isQuiet ? said || t("output.loading") : "", isFinal: false };
}
