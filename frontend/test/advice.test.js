import assert from "node:assert/strict";
import { test } from "node:test";

import { shellSyntax } from "../src/submit/advice.js";

for (const [command, found] of [
  ["a | b", "|"],
  ["a && b", "&&"],
  ["a > out", ">"],
  ["a; b", ";"],
  ["echo $HOME", "$HOME"],
  ["echo ${HOME}", "${HOME}"],
  ["echo $(date)", "$("],
  ["echo `date`", "`"],
  ["A=1 echo", "A="],
  ["echo 'a | b' \"$HOME\"", ""],
  ["echo a\\|b", ""],
  ["prog --a=b x=1", ""],
  ["bash -c 'a | b' > x", ""],
  ["/bin/sh x.sh | y", ""],
  ["echo {cc} $5", ""],
  ["", ""],
]) {
  test(`shell syntax in ${command}`, () => assert.equal(shellSyntax(String(command)), found));
}
