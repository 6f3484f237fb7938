/** The folders of the scripts: which one may import which, and that no circle goes around. */

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, sep } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const source = fileURLToPath(new URL("../src/", import.meta.url));
const files = readdirSync(source, { recursive: true }).map(String).filter((name) => name.endsWith(".js"));

/** @type {Map<string, string[]>} */
const imports = new Map();
for (const file of files) {
  const text = readFileSync(join(source, file), "utf8");
  const targets = [...text.matchAll(/^import .*"(\.[^"]+)";$/gm)].map((match) => normalize(join(dirname(file), match[1] ?? "")));
  imports.set(file, targets);
}

/** @param {string} file */
const folder = (file) => file.split(sep)[0] ?? "";

/** @param {Map<string, string[]>} graph */
function circle(graph) {
  /** @type {Set<string>} */
  const done = new Set();
  /** @param {string} node @param {string[]} path @returns {string[] | undefined} */
  const walk = (node, path) => {
    if (path.includes(node)) return [...path, node];
    if (done.has(node)) return undefined;
    for (const next of graph.get(node) ?? []) {
      const found = walk(next, [...path, node]);
      if (found) return found;
    }
    done.add(node);
    return undefined;
  };
  for (const node of graph.keys()) {
    const found = walk(node, []);
    if (found) return found;
  }
  return undefined;
}

test("no circle of imports goes around files", () => {
  assert.ok(files.length > 30);
  assert.equal(circle(imports), undefined);
});

test("no circle of imports goes around folders", () => {
  /** @type {Map<string, string[]>} */
  const folders = new Map();
  for (const [file, targets] of imports) {
    const others = targets.map(folder).filter((name) => name !== folder(file));
    folders.set(folder(file), [...(folders.get(folder(file)) ?? []), ...others]);
  }
  assert.equal(circle(folders), undefined);
});
