/** One line of the output as it stands in the page, with its colors and what was found in it. */

import { PLAIN } from "./ansi.js";
import { isError } from "./error_words.js";
import { look } from "./palette.js";
import { cut } from "./search.js";
import { size } from "./line_requests.js";
import { element } from "../ui/element.js";
import { t } from "../ui/words.js";

/** @typedef {import("./search.js").Hit} Hit */
/** @typedef {import("./output_lines.js").Line} Line */

/**
 * Write a line into its element.
 * @param {HTMLElement} div
 * @param {Line} line
 * @param {Hit[]} hits
 * @param {number} current which of them is looked at
 * @param {boolean} isRanked whether the ranks are told, since several tasks wrote
 */
export function fill(div, line, hits, current, isRanked = false) {
  div.dataset["stream"] = line.stream;
  // A program writes its progress and its warnings on stderr, too.
  const isBad = line.stream === "stderr" && isError(line.text);
  if (isBad) div.dataset["level"] = "error";
  else delete div.dataset["level"];
  // Tells the meaning of the mark beside its number.
  div.title = isBad ? t("output.looks_like_error") : "";
  if (line.rank) div.dataset["rank"] = line.rank;
  const rank = isRanked && line.rank ? [element("span", { className: "rank", textContent: `${line.rank}: ` })] : [];
  const sign = line.goesOn ? [signOf(t("output.goes_on"))] : line.leftOut ? [signOf(t("output.left_out", { size: size(line.leftOut) }))] : [];
  if (!hits.length && line.spans.every(({ style }) => style === PLAIN)) {
    div.replaceChildren(...rank, line.text, ...sign, "\n");
    return;
  }
  div.replaceChildren(
    ...rank,
    ...cut(line.spans, hits).map(({ text, style, hit }) => {
      if (hit !== undefined) {
        return element("mark", { textContent: text, className: hit === current ? "current" : "" });
      }
      const { className, color, background, shade } = look(style);
      if (!className && !background) return document.createTextNode(text);
      const span = element("span", { textContent: text, className });
      span.style.color = color;
      span.style.background = background;
      if (shade) span.style.setProperty("--shade", shade);
      return span;
    }),
    ...sign,
    "\n",
  );
}

/** Return the sign at the end of the shown part of a long line; it is no text, so it is not copied. @param {string} name */
function signOf(name) {
  const made = element("span", { className: "goes-on", title: name });
  made.dataset["icon"] = "wrap";
  made.setAttribute("role", "img");
  made.setAttribute("aria-label", name);
  return made;
}
