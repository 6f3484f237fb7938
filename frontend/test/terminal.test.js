import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_LINES, Terminal } from "../src/job/output_lines.js";

/** @param {Record<string, any>[]} entries */
function shown(...entries) {
  const terminal = new Terminal();
  for (const entry of entries) terminal.take({ stream: "stdout", rank: "0", ...entry });
  return terminal;
}

/** @param {Terminal} terminal */
const texts = (terminal) => terminal.lines.map((line) => line.text);

test("entries become lines, however they are cut", () => {
  assert.deepEqual(texts(shown({ data: "one\ntw" }, { data: "o\n\nthree" })), ["one", "two", "", "three"]);
});

test("tasks do not write into each other's lines", () => {
  const terminal = shown(
    { data: "left", rank: "0" },
    { data: "right", rank: "1" },
    { data: " end\n", rank: "0" },
    { data: "err", stream: "stderr" },
    { data: " end\n", rank: "1" },
  );
  assert.deepEqual(texts(terminal), ["left end", "right end", "err"]);
  assert.deepEqual(terminal.lines.map(({ stream, rank }) => [stream, rank]), [["stdout", "0"], ["stdout", "1"], ["stderr", "0"]]);
  assert.equal(terminal.ranks.size, 2);
});

test("a return begins the line anew", () => {
  assert.deepEqual(texts(shown({ data: "10%\r20%\r" }, { data: "30%\r\ndone\r\n" })), ["30%", "done"]);
});

test("a color goes on in the next line of the same task only", () => {
  const terminal = shown({ data: "\x1b[31mred\nstill" }, { data: "plain", rank: "1" });
  assert.deepEqual(terminal.lines.map((line) => line.spans[0]?.style.fg), [1, 1, undefined]);
});

test("bytes are decoded across entries", () => {
  const [first, second] = [Buffer.from([0xc3]), Buffer.from([0xa9, 0xff, 0x0a])];
  const encoded = [first, second].map((bytes) => ({ data: bytes.toString("base64"), encoding: "base64" }));
  assert.deepEqual(texts(shown(...encoded)), ["é\ufffd"]);
});

test("repeated data is written as often as it fits", () => {
  assert.equal(shown({ data: "x\n", repeat: 3 }).lines.length, 3);
  assert.equal(shown({ data: "x\n", repeat: 1e12 }).lines.length, 1);
});

test("a file that is not shown is a note", () => {
  const file = { name: "file", stream: "stdout", path: "/a", host: "n1" };
  const terminal = shown({ ...file, read: "node" }, { ...file, unread: "It is a directory." });
  assert.deepEqual(terminal.lines.map(({ text }) => text), ["/a is not shown. It is a directory."]);
});

test("the shell's own words are notes", () => {
  const terminal = shown({ name: "redirect", path: "/tmp/a" }, { name: "log", message: "no such file" });
  assert.deepEqual(texts(terminal), ["flux-shell: no such file"]);
  // It says how bad it is, and which part of the shell says it, as the text of the service does.
  const told = shown(
    { name: "log", rank: 0, level: 3, component: "cpu-affinity", message: "failed to\nget cpuset" },
    { name: "log", rank: 1, level: 5, message: "hello" },
    { name: "log", rank: {}, level: "map", component: 1, message: 2 },
  );
  assert.deepEqual(texts(told), ["flux-shell[0]: ERROR: cpu-affinity: failed to get cpuset", "flux-shell[1]: hello", "flux-shell: 2"]);
  assert.deepEqual(terminal.lines.map((line) => line.stream), ["note"]);
});

test("of very many lines the last are kept", () => {
  const terminal = shown({ data: Array.from({ length: 100_000 }, (_, n) => `${n}\n`).join("") });
  assert.equal(terminal.lines.length, MAX_LINES);
  assert.equal(terminal.lines.at(-1)?.text, "99999");
  assert.equal(terminal.first, 100_000 - MAX_LINES);
});

test("a line without an end is cut into lines", () => {
  const terminal = shown({ data: "x".repeat(10_000) });
  assert.deepEqual(terminal.lines.map((line) => line.text.length), [4096, 4096, 1808]);
});

test("the first piece of a long line has its number", () => {
  const terminal = shown({ data: `first\n${"x".repeat(10_000)}` }, { data: `y\n${"z".repeat(4096)}` }, { data: "\nlast\n" });
  assert.deepEqual(terminal.lines.map((line) => [line.text.length, line.ended]), [[5, 1], [4096, 2], [4096, 0], [1809, 0], [4096, 3], [4, 4]]);
});

test("a long line whose first piece is gone has its number at its end", () => {
  const terminal = shown({ data: "x".repeat(4096 * (MAX_LINES + 1)) }, { data: "end\nlast\n" });
  assert.deepEqual(terminal.lines.slice(-2).map((line) => [line.text, line.ended]), [["end", 1], ["last", 2]]);
});

test("long lines and changes of style are bounded too", () => {
  const terminal = new Terminal();
  for (let n = 0; n < 300; n++) terminal.take({ stream: "stdout", rank: "0", data: `${"\x1b[31mx\x1b[0my".repeat(1000)}\n` });
  const spans = terminal.lines.reduce((sum, line) => sum + line.spans.length, 0);
  assert.ok(spans < 70_000, `${spans} spans`);
  assert.ok(terminal.lines.every((line) => line.spans.length <= 512));
});

test("a task whose line has gone begins a new one", () => {
  const terminal = shown({ data: "begun", rank: "1" }, { data: "x\n".repeat(2 * MAX_LINES) }, { data: " ended\n", rank: "1" });
  assert.equal(terminal.lines.at(-1)?.text, " ended");
});

test("each piece of a long line but the last one goes on", () => {
  const terminal = shown({ data: `${"x".repeat(10_000)}\n` }, { data: `${"y".repeat(4096)}\nz\n` });
  assert.deepEqual(terminal.lines.map(({ goesOn }) => Boolean(goesOn)), [true, true, false, false, false]);
  assert.deepEqual(terminal.lines.map(({ of }) => of), [undefined, 0, 0, undefined, undefined]);
});
