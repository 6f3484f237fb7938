/** Options in a command, which a line breaks only where they are longer than it. */

import { element } from "./element.js";

/** Characters of an option that stays whole: a longer one would begin a line of its own, and leave what follows it alone. */
const MAX_CHARS = 32;

/** Return a command in pieces: its options, and what is between them. @param {string} text */
export const unbroken = (text) => text.split(/(--\S+)/).map((part, index) => (index % 2 && part.length <= MAX_CHARS ? element("span", { className: "option", textContent: part }) : part));
