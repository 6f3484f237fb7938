import assert from "node:assert/strict";
import { test } from "node:test";

import { shellSyntax, sizeAdvice } from "../src/submit/advice.js";

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

const SIZE = { cores: 16, gpus: 2, nodes: 4 };

test("what fits needs no advice", () => {
  assert.deepEqual(sizeAdvice({}, false, SIZE), []);
  assert.deepEqual(sizeAdvice({ num_tasks: 16, gpus_per_task: 0 }, false, SIZE), []);
  assert.deepEqual(sizeAdvice({ num_nodes: 4 }, true, SIZE), []);
});

test("GPUs are counted for all tasks", () => {
  assert.deepEqual(sizeAdvice({ num_tasks: 2, gpus_per_task: 1 }, false, undefined), ["2 tasks with 1 GPU each are 2 GPUs in all."]);
  assert.match(sizeAdvice({ num_slots: 2, gpus_per_slot: 2 }, true, SIZE).join(" "), /asks for 4 GPUs \(2 are up\)\. It does not start/);
});

test("more than there is is said", () => {
  assert.match(sizeAdvice({ num_tasks: 4, cores_per_task: 8, num_nodes: 5 }, false, SIZE).join(" "), /32 cores \(16 are up\); 5 nodes \(4 in the instance\)/);
  assert.deepEqual(sizeAdvice({ num_tasks: "many" }, false, SIZE), []);
});

test("tasks per resource ask for cores and nodes, whatever the number of tasks", () => {
  assert.deepEqual(sizeAdvice({ num_cores: 16, tasks_per_core: 4 }, false, SIZE), []);
  assert.deepEqual(sizeAdvice({ num_nodes: 4, tasks_per_node: 100 }, false, SIZE), []);
  assert.match(sizeAdvice({ num_cores: 17 }, false, SIZE).join(" "), /asks for 17 cores \(16 are up\)\. It does not start/);
  assert.match(sizeAdvice({ num_nodes: 5, tasks_per_node: 2 }, false, SIZE).join(" "), /asks for 5 nodes \(4 in the instance\)/);
  assert.deepEqual(sizeAdvice({ num_nodes: 3, gpus_per_node: 1 }, false, SIZE), [
    "3 nodes with 1 GPU each are 3 GPUs in all.",
    "The job asks for 3 GPUs (2 are up). It does not start until there are more.",
  ]);
});
