/** Gives the English texts to the scripts under test, as words-en.js does in a page. */

import { readFileSync } from "node:fs";

const file = JSON.parse(readFileSync(new URL("../fluxapi/web/words/en.json", import.meta.url), "utf8"));
/** @type {Record<string, unknown>} */
const texts = {};
for (const [section, words] of Object.entries(file)) {
  for (const [name, text] of Object.entries(words)) texts[`${section}.${name}`] = text;
}
Object.assign(globalThis, { fluxapiWords: { lang: "en", texts } });
