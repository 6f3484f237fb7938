/** What a job has written, as a file: a link to all of it, and what there is so far. */

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

/** Let the link to the whole output give one stream, or both. @param {HTMLAnchorElement} link @param {string} stream */
export function narrow(link, stream) {
  const address = new URL(link.href);
  if (stream) address.searchParams.set("stream", stream);
  else address.searchParams.delete("stream");
  link.href = address.href;
}
