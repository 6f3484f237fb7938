/** Options in a command, which a line breaks only where they are longer than it. */

import { element } from "./element.js";

/** Return a command in pieces: its options, and what is between them. @param {string} text */
export const unbroken = (text) => text.split(/(--\S+)/).map((part, index) => (index % 2 ? element("span", { className: "option", textContent: part }) : part));
