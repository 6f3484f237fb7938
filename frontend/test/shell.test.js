import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";

import { curl, join, line, split, unclosed } from "../src/submit/shell.js";

const HOSTILE = [
  "plain",
  "",
  "two words",
  "it's",
  "''",
  '"double" `backtick` $(touch x) ${HOME} $HOME',
  "a;b|c&d>e<f(g)h",
  "!history! #comment ~ *.js [a-z] ? {a,b}",
  "back\\slash\\",
  "line\nbreak\n",
  "\r\t\u001b[31m\u0007\u0008\u007f\u0003",
  "\u001b",
  "\u202eright to left\u2066 \u2028 \u200d",
  "\u009b31m",
  "ünïcödé 日本 🚀",
  "-n",
  "--",
  "%s %d \\033",
];

/** Return the words that a shell hands to the program of a line. @param {string} text */
function words(text) {
  const program = `curl() { printf '%s\\0' "$@"; }; fluxapi() { printf '%s\\0' "$@"; }; ${text}`;
  const out = execFileSync("sh", ["-c", program], { encoding: "utf-8", env: { HOME: "/nowhere" } });
  return out.split("\0").slice(0, -1);
}

/** @param {string} text */
const isShown = (text) => !/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/u.test(text);

for (const text of HOSTILE) {
  test(`curl gets ${JSON.stringify(text)} as it is`, () => {
    const body = { command: text, environment: { [text]: text } };
    const made = curl("http://[::1]:8080/v1/jobs", body, text);
    assert.ok(isShown(made));
    const got = words(made);
    const login = text ? ["--user", text] : [];
    assert.deepEqual(got.slice(0, -2), [...login, "-H", "Content-Type: application/json", "--data-raw"]);
    assert.deepEqual(JSON.parse(/** @type {string} */ (got.at(-2))), body);
    assert.equal(got.at(-1), "http://[::1]:8080/v1/jobs");
  });

  test(`fluxapi submit gets ${JSON.stringify(text)} as it is`, () => {
    const job = { command: join(["run", text]), num_tasks: 2, name: text, environment: { A: text }, queue: text };
    const made = line(job, { cc: text });
    assert.ok(isShown(made.line));
    assert.deepEqual(words(made.line), [
      "submit", "-n", "2", `--job-name=${text}`, `--env=A=${text.replaceAll("$", () => "$$")}`, `--queue=${text}`, `--cc=${text}`, "run", text,
    ]);
  });
}

test("a command is split as the service splits it", () => {
  for (const text of HOSTILE) assert.deepEqual(split(join(["x", text])), ["x", text]);
  assert.deepEqual(split(String.raw`a\ b "c \" \\ \d" 'e\'f  g"h"i ''`), ["a b", String.raw`c " \ \d`, "e\\f", "ghi", ""]);
  assert.deepEqual(split("  \n"), []);
  for (const open of ["'a", '"a', "a\\", '"a\\']) assert.equal(split(open), undefined);
});

test("a template in a variable is its text, and tasks per resource have their options", () => {
  const job = { command: "x", num_cores: 4, tasks_per_core: 2, environment: { A: "{{b}} $c", "d.e": "1" } };
  assert.deepEqual(words(line(job, {}).line), [
    "submit", "--cores=4", "--tasks-per-core=2", "--setattr=system.environment.A={{b}} $c", "--env=d.e=1", "x",
  ]);
});

test("every option has the flag of flux submit", () => {
  const job = {
    command: "-x y", cores_per_task: 2, gpus_per_task: 1, num_nodes: 3, exclusive: true, duration: "90", bank: "b", group: "g",
    cwd: "/a", urgency: "hold", env_expand: { A: "{{id}}" }, rlimits: { core: -1 }, input: "i", output: "o", error: "e",
    label_io: true, unbuffered: true, shell_options: { verbose: 1, mpi: "none", n: "1" }, attributes: { "user.x": { y: 1 } },
    dependencies: ["afterok:f1", { scheme: "after", value: "f2", k: ["a b", 2] }], constraints: { properties: ["p"] },
    waitable: true, debug: true, stdin: "no", is_launcher: true,
  };
  const made = line(job, { copies: 4 });
  assert.deepEqual(words(made.line).slice(1), [
    "-c", "2", "-g", "1", "-N", "3", "-x", "-t", "90s", "--bank=b", "--group=g", "--cwd=/a", "--urgency=hold",
    '--setopt=env-expand={"A":"{{id}}"}', "--rlimit=core=-1", "--input=i", "--output=o", "--error=e", "--label-io",
    "--unbuffered", "--setopt=verbose=1", "--setopt=mpi=none", '--setopt=n="1"', '--setattr=user.x={"y":1}',
    "--dependency=afterok:f1", "--dependency=after:f2?k=a%20b&k=2", '--setattr=system.constraints={"properties":["p"]}',
    "-n", "3", "--flags=waitable,debug", "--bcc=1-4", "--", "-x", "y",
  ]);
  assert.deepEqual(made.unsaid, ["stdin", "is_launcher"]);
});

test("a time limit that is none stays as it is typed", () => {
  const given = (/** @type {unknown} */ duration) => words(line({ command: "x", duration }, {}).line).slice(1, 3);
  for (const typed of ["2h30", "soon5", "1:2:3:4", "1.2.3"]) assert.deepEqual(given(typed), ["-t", typed]);
  assert.deepEqual([given("90"), given(".5"), given("1."), given(90), given("2h")].map(([, text]) => text), ["90s", ".5s", "1.s", "90s", "2h"]);
});

test("an open quote at the end of a command is named", () => {
  for (const closed of ["", "a b", "'a' \"b\"", "a\\ b"]) assert.equal(unclosed(closed), "");
  assert.equal(unclosed("sh -c 'a \"b"), "'");
  assert.equal(unclosed('echo "it\'s'), '"');
  assert.equal(unclosed("a\\"), "\\");
});
