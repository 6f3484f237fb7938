/** The table of columns in the scripts: tests/handlers/test_columns.py says what each column shows. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { TABLE } from "../src/table/column_table.js";
import { columns } from "../src/table/columns.js";
import { row } from "../src/table/rows.js";
import { Situation } from "../src/ui/situation.js";

/** A record, and the text of each column for it that does not show a field as it is. */
const { record, texts, zoned } = JSON.parse(readFileSync(new URL("columns.json", import.meta.url), "utf8"));
/** The kinds of columns that do, and a value. @type {Record<string, unknown>} */
const PLAIN = { text: "physics", number: 7 };

for (const column of columns(new Situation()))
  test(`the column ${column.title}`, () => {
    if (column.kind in PLAIN) {
      const value = PLAIN[column.kind];
      assert.equal(column.text(row({ revision: 1, id: "f1", [column.field ?? ""]: value }), 0), String(value));
      assert.equal(column.text(row({ revision: 1, id: "f1" }), 0), "");
      return;
    }
    const it = row({ revision: 1, ...record });
    const said = column.text(it, 0);
    if (zoned.includes(column.key)) assert.notEqual(said, "");
    else assert.equal(said, texts[column.key], `texts.${column.key} of frontend/test/columns.json`);
    assert.notEqual(column.sort(it, 0), undefined);
  });

test("every column has its own name", () => {
  assert.equal(new Set(TABLE.map(({ key }) => key)).size, TABLE.length);
});
