/** The edges of the lines that are shown: what is missing before them and after them, and buttons to read it. */

import { element } from "../ui/element.js";
import { t } from "../ui/words.js";

export class OutputEdges {
  /** @param {HTMLElement} foot below the lines @param {(isEarlier: boolean) => void} read */
  constructor(foot, read) {
    this.foot = foot;
    this.top = element("p", { className: "cut", hidden: true });
    this.said = element("span", {});
    this.top.append(this.said, " ", button(t("output.earlier"), () => read(true)));
    foot.append(button(t("output.later"), () => read(false)));
  }

  /** True if the first line that is shown is the first one of all. */
  get isBegin() {
    return this.top.hidden;
  }

  /** @param {{ isBegin: boolean, isEnd: boolean, said?: string }} shown said: what is missing before the lines */
  show({ isBegin, isEnd, said = "" }) {
    this.top.hidden = isBegin;
    this.foot.hidden = isEnd;
    this.said.textContent = said;
    this.said.hidden = !said;
  }
}

/** @param {string} textContent @param {() => void} press */
function button(textContent, press) {
  const made = element("button", { type: "button", className: "quiet", textContent });
  made.addEventListener("click", press);
  return made;
}
