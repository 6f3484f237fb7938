import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { placed } from "../src/ui/root.js";

/** As tests/web/test_places.py has them, too. */
const CASES = JSON.parse(readFileSync(new URL("places.json", import.meta.url), "utf8"));

for (const [path, instance, place] of CASES)
  test(`${path} of ${instance || "the root"} is ${place}`, () => assert.equal(placed(path, instance), place));
