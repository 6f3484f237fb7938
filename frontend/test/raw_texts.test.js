/** No script holds a text that people read: those are in the words, where a translation finds them. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import ts from "typescript";

const source = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(source, { recursive: true }).map(String).filter((name) => name.endsWith(".js")).sort();

/** Properties, attributes and parameters that are shown. */
const SHOWN = new Set(["textContent", "title", "ariaLabel", "ariaDescription", "placeholder", "label", "heading", "words", "innerText", "aria-label", "aria-description"]);
/** Functions whose texts are shown. */
const SHOWING = new Set(["secret", "Option", "watchButton", "say", "Error"]);
/** Names that are the same in every language, and words of Flux. */
const NAMES = /\b(?:fluxapi|flux|Flux|curl|UTC|FLUX_JOB_CC|HTTP|JSON|CSV|CPU|GPU|stdin|stdout|stderr|F58|R)\b|\{\{\w+\}\}/g;
/** Names of keys, events and headers, and fonts. */
const TECHNICAL = /^(?:Alt|Ctrl(?: K)?|Esc|Space|Page [↑↓]|https:\/\/|\d+px .*|[A-Z]+|Arrow(?:Down|Left|Right|Up)|Backspace|Control|Delete|End|Enter|Escape|Home|Meta|Page(?:Down|Up)|Shift|Tab|Accept|Content-Type|Date|Last-Event-ID|Retry-After|Idempotency-Key|X-Requested-With|If-None-Match|Infinity|NaN|Link|Range)$/;
/** A sentence, or a word that begins as one. */
const PROSE = /^[A-Z][a-z]+(?:[ ,:;.…?!]|$)|[a-z]{2,}, [a-z]|[a-z]{2,} [a-z]+ [a-z]{2,}/;

/** @param {ts.Node} node @returns {boolean} whether it is a selector, a module, a type, or a name that is looked up */
function isTechnical(node) {
  const { parent } = node;
  if (!parent) return false;
  if (ts.isImportDeclaration(parent) || ts.isImportTypeNode(parent) || ts.isElementAccessExpression(parent)) return true;
  if (ts.isPropertyAssignment(parent)) return parent.name === node || ["className", "id", "name", "type"].includes(parent.name.getText());
  if (ts.isBinaryExpression(parent) && /^(?:\w+\.)*className$/.test(parent.left.getText())) return true;
  if (ts.isBinaryExpression(parent) && /^[!=]==$/.test(parent.operatorToken.getText())) return true;
  if (ts.isCaseClause(parent)) return true;
  if (ts.isConditionalExpression(parent)) return ts.isElementAccessExpression(parent.parent);
  // An error of the program itself, which nobody can do anything about.
  if (ts.isNewExpression(parent)) return /^(?:Type|Range)Error$/.test(parent.expression.getText());
  if (!ts.isCallExpression(parent)) return false;
  const called = parent.expression.getText();
  return /(?:querySelector(?:All)?|closest|matches|matchMedia|addEventListener|getItem|setItem|removeItem|assert|RegExp|has|get|set|split|join|includes|startsWith|bySignal|follow|leave|t|rich|#say|inputs\.say)$/.test(called) && parent.arguments[0] === node;
}

/** Return the name of the property, attribute or function that a literal goes to. @param {ts.Node} node @returns {string} */
function target(node) {
  const { parent } = node;
  if (!parent) return "";
  if (ts.isPropertyAssignment(parent)) return parent.name.getText().replace(/^"|"$/g, "");
  if (ts.isBinaryExpression(parent)) {
    if (/^(?:=|\?\?=|\+=)$/.test(parent.operatorToken.getText())) return parent.left.getText().split(".").at(-1) ?? "";
    return parent.operatorToken.getText() === "," || /==/.test(parent.operatorToken.getText()) ? "" : target(parent);
  }
  if (ts.isConditionalExpression(parent)) return parent.condition === node ? "" : target(parent);
  if (ts.isTemplateSpan(parent)) return target(parent.parent);
  if (ts.isParenthesizedExpression(parent)) return target(parent);
  if (ts.isNewExpression(parent) || ts.isCallExpression(parent)) {
    const called = parent.expression.getText().split(".").at(-1) ?? "";
    const [first] = parent.arguments ?? [];
    if (called === "Option" && first !== node) return "";
    if (called === "setAttribute") return first && ts.isStringLiteral(first) && first !== node ? first.text : "";
    // The field of a dialog has a title and an input; the field of a form has a name.
    return SHOWING.has(called) || (called === "field" && parent.arguments?.length === 2) ? "textContent" : "";
  }
  return "";
}

/** Return the raw texts of a file. @param {string} name @param {string} text */
function raw(name, text) {
  const parsed = ts.createSourceFile(name, text, ts.ScriptTarget.ES2022, true, ts.ScriptKind.JS);
  /** @type {string[]} */
  const found = [];
  /** @param {ts.Node} node */
  const visit = (node) => {
    ts.forEachChild(node, visit);
    if (!ts.isStringLiteralLike(node) && !ts.isTemplateHead(node) && !ts.isTemplateMiddle(node) && !ts.isTemplateTail(node)) return;
    const whole = ts.isTemplateHead(node) ? node.parent : ts.isTemplateMiddle(node) || ts.isTemplateTail(node) ? node.parent.parent : node;
    if (isTechnical(whole)) return;
    const words = node.text.replace(NAMES, "").trim();
    if (TECHNICAL.test(words)) return;
    const isShown = SHOWN.has(target(whole));
    if (isShown ? /[A-Za-z]{2,}/.test(words) && !/^[a-z_]+\.[a-z0-9_]+$/.test(words) : PROSE.test(words)) found.push(node.text.trim());
  };
  visit(parsed);
  return found;
}

test("texts are in the words", () => {
  /** @type {Record<string, string[]>} */
  const found = Object.fromEntries(files.map((file) => [file, raw(file, readFileSync(join(source, file), "utf8"))]));
  const misplaced = files.filter((file) => found[file]?.length).map((file) => [file, found[file]]);
  assert.deepEqual(misplaced, [], "move these texts to fluxapi/web/words/en.json");
});

test("numbers and times have the format of the page's language", () => {
  for (const file of files) {
    const text = readFileSync(join(source, file), "utf8");
    const found = text.match(/\.toLocale(?:Date|Time)?String\(|Intl\.(?!Collator)\w+\((?!locale|lang|\))/g);
    assert.equal(found, null, `${file}: use ui/words.js and ui/times.js`);
  }
});

test("a raw text is found wherever it is shown", () => {
  /** @type {[code: string, found: string[]][]} */
  const cases = [
    ['button.textContent = "Copy";', ["Copy"]],
    ['element("b", { title: count ? `${count} left` : "none" });', ["left", "none"]],
    ['box.setAttribute("aria-label", "all of it");', ["all of it"]],
    ['field("Name", input); field("name");', ["Name"]],
    ['throw new Error("no such job");', ["no such job"]],
    ['throw new TypeError("no such job");', []],
    ['const WORDS = ["The job has ended.", "RUN"];', ["The job has ended."]],
    ['button.textContent = t("common.copy"); kind === "Copy"; names["Copy"];', []],
    ['element("p", { className: "soft and small", id: "one" }).textContent = "stdout";', []],
    ['import { a } from "./a.js"; key === "Escape" && call("GET", "/v1/jobs");', []],
  ];
  for (const [code, found] of cases) assert.deepEqual(raw("case.js", code), found, code);
});
