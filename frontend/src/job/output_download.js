/** The output of a job as a file: a link to all of it, and the part that is here. */

import { session } from "../ui/api.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { t } from "../ui/words.js";

/**
 * Download a part of the output.
 * @param {string} job
 * @param {Record<string, string | number>} part as requests name it
 * @param {string} name of the file
 * @param {(text: string) => void} tell says what it does, and what went wrong
 */
export async function download(job, part, name, tell) {
  tell(t("output.fetching"));
  const words = new URLSearchParams(Object.entries(part).map(([key, value]) => [key, String(value)]));
  try {
    const response = await fetch(at(`/v1/jobs/${job}/output?${words}`), { headers: { ...session.headers, Accept: "text/plain" } });
    if (!response.ok) throw new Error(t("output.refused", { status: String(response.status) }));
    const href = URL.createObjectURL(await response.blob());
    element("a", { href, download: name }).click();
    URL.revokeObjectURL(href);
    tell("");
  } catch (problem) {
    tell(problem instanceof Error ? problem.message : String(problem));
  }
}

/**
 * Let the link to the whole output give the part that is shown, and say so in its text and in the name of the file.
 * @param {HTMLAnchorElement} link
 * @param {string} job
 * @param {{ stream?: string, task?: number }} part as requests name it
 */
export function narrow(link, job, { stream = "", task }) {
  /** The text for all of the output is that of the page. */
  const whole = (link.dataset["whole"] ??= link.textContent ?? "");
  link.textContent = label(whole, stream, task);
  link.download = `${[job, ...(task === undefined ? [] : [`task${task}`]), ...(stream ? [stream] : [])].join(".")}.txt`;
  const address = new URL(link.href);
  if (stream) address.searchParams.set("stream", stream);
  else address.searchParams.delete("stream");
  link.href = address.href;
}

/** Name the link to the whole output for what the history has kept of it. @param {HTMLAnchorElement} link */
export function nameKept(link) {
  const whole = link.dataset["whole"] ?? link.textContent;
  link.dataset["whole"] = t("output.kept");
  if (link.textContent === whole) link.textContent = t("output.kept");
}

/** @param {string} whole @param {string} stream @param {number | undefined} task */
function label(whole, stream, task) {
  if (task === undefined) return stream ? t("output.whole_stream", { stream }) : whole;
  const of = { task: String(task) };
  return stream ? t("output.whole_task_stream", { ...of, stream }) : t("output.whole_task", of);
}
