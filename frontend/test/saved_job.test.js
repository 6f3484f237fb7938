/** Requests that a template, a link or the list of recent ones keeps. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { fragmentOf, MAX_LINK_CHARS, readFragment } from "../src/submit/link.js";
import { checkSaved, titleOf, valuesOfSaved, withoutDependencies, withoutNamelessGroup, withoutSecrets } from "../src/submit/saved_job.js";

/** @typedef {import("../src/submit/form.js").Field} Field */

const FIELDS = /** @type {Field[]} */ (
  [["command", "command"], ["script", "whole"], ["num_tasks", "integer"], ["exclusive", "flag"], ["environment", "pairs"], ["duration", "duration"]].map(
    ([name, kind]) => ({ name, kind, section: "what" }),
  )
);

const SECRETS = {
  command: "true",
  environment: { KEY: "secret-1" },
  env_expand: { OTHER: "secret-2" },
  attributes: {
    "system.environment": { A: "secret-3" },
    "environment.B": "secret-4",
    "attributes.system.environment.C": "secret-5",
    system: { environment: { D: "secret-6" }, cwd: "/x" },
    "user.k": 1,
  },
  jobspec: { attributes: { system: { environment: { E: "secret-7" }, duration: 1 } } },
};

test("no value of an environment is kept, however it is given, and all names are told", () => {
  const { saved, variables } = withoutSecrets({ job: SECRETS });
  assert.doesNotMatch(JSON.stringify(saved), /secret/);
  for (const name of ["KEY", "OTHER", "A", "D", "E"]) assert.ok(variables.includes(name), name);
  assert.equal(saved.job["attributes"]["user.k"], 1);
  assert.equal(SECRETS.environment.KEY, "secret-1");
});

test("a link holds the request without those values", () => {
  const { fragment = "", variables } = fragmentOf({ job: SECRETS, cc: "0-3" });
  assert.ok(variables.includes("KEY"));
  assert.match(fragment, /^job=[A-Za-z0-9_-]+$/);
  const read = readFragment(`#${fragment}`);
  assert.equal(read?.cc, "0-3");
  assert.doesNotMatch(JSON.stringify(read), /secret/);
});

test("any text goes through a link", () => {
  const job = { command: "echo 'ü 漢 🦊' \u202e <b>" };
  assert.deepEqual(readFragment(`#${fragmentOf({ job }).fragment}`), { job });
});

test("a request that is too long for a link has none", () => {
  const { fragment, length } = fragmentOf({ job: { script: "x".repeat(MAX_LINK_CHARS) } });
  assert.equal(fragment, undefined);
  assert.ok(length > MAX_LINK_CHARS);
});

test("a script is called by the name that it gives itself, or else by what it runs first", () => {
  const script = (/** @type {string[]} */ ...lines) => titleOf({ job: { script: ["#!/bin/sh", ...lines].join("\n") } });
  assert.equal(script("#flux: -N1", "#flux: --job-name=nightly -t 5m", "./run"), "nightly");
  assert.equal(script("# flux: -N1 --job-name='nightly'", "./run"), "nightly");
  assert.equal(script("#flux: -N1", "", "./run --all"), "./run --all");
  assert.equal(script("# does nothing"), "# does nothing");
  assert.equal(titleOf({ job: { name: "mine", script: "#flux: --job-name=other" } }), "mine");
});

test("a fragment of another form is refused", () => {
  assert.equal(readFragment(""), undefined);
  assert.equal(readFragment("#content"), undefined);
  for (const bad of ["#job=", "#job=%41", "#job=!!", "#job=AAAA", `#job=${btoa("[]")}`, `#job=${btoa('{"job":[]}').replace(/=+$/, "")}`, `#job=${"A".repeat(MAX_LINK_CHARS)}`]) {
    assert.throws(() => readFragment(bad), { name: "Error" }, bad);
  }
});

test("a request becomes the values of the inputs, and the fields without one are told", () => {
  const job = { command: ["sh", "-c", "a b"], num_tasks: 2, exclusive: true, environment: { A: "1" }, duration: 60, workdir: "/x", queue: null };
  const { values, unknown } = valuesOfSaved({ job, copies: 3 }, FIELDS);
  assert.deepEqual(values, { what: "command", many: "copies", copies: "3", command: "sh -c 'a b'", num_tasks: "2", exclusive: true, environment: "A=1", duration: "60" });
  assert.deepEqual(unknown, ["workdir"]);
  assert.equal(valuesOfSaved({ job: { script: "#!/bin/sh\n" } }, FIELDS).values["what"], "script");
});

test("a value that no input can show is told, not thrown", () => {
  assert.deepEqual(valuesOfSaved({ job: { environment: null, num_tasks: { a: 1 } } }, FIELDS).unknown, []);
});

test("numbers of copies that are none are left out", () => {
  assert.deepEqual(checkSaved({ job: {}, copies: "3", cc: 4, more: 1 }), { job: {} });
});

test("a request is known by its name, else by what runs", () => {
  assert.equal(titleOf({ job: { name: "n", command: "c" } }), "n");
  assert.equal(titleOf({ job: { command: ["a", "b"] } }), "a b");
  assert.equal(titleOf({ job: { script: "#!/bin/sh\n\n#flux: -N1\nx" } }), "x");
  assert.equal(titleOf({ job: {} }), "");
});

test("dependencies on jobs are taken out, those on a time stay", () => {
  const job = { command: "true", dependencies: ["afterok:f1", "begin-time:10", { scheme: "after", value: "f2" }] };
  const { saved, dependencies } = withoutDependencies({ job });
  assert.deepEqual([saved.job["dependencies"], dependencies], [["begin-time:10"], ["afterok:f1", "after:f2"]]);
  assert.equal(job.dependencies.length, 3);
  assert.ok(!("dependencies" in withoutDependencies({ job: { dependencies: ["afterok:f1"] } }).saved.job));
});

test("a template keeps a group by its name, not by an ID that ends with its jobs", () => {
  const of = (/** @type {string} */ group) => withoutNamelessGroup({ job: { command: "true", group }, copies: 2 });
  assert.deepEqual(of("g0123456789abcde"), { job: { command: "true" }, copies: 2 });
  assert.deepEqual(of("sweep"), { job: { command: "true", group: "sweep" }, copies: 2 });
  const { fragment = "" } = fragmentOf({ job: { command: "true", group: "g0123456789abcde" } });
  assert.deepEqual(readFragment(fragment), { job: { command: "true" } });
});

test("an object in a link cannot make its conversion to text fail", () => {
  const odd = { toString: 1, valueOf: 2, more: 3 };
  const job = { command: "x", group: odd, dependencies: [{ scheme: "after", value: odd }] };
  const coded = Buffer.from(JSON.stringify({ job })).toString("base64url");
  const read = /** @type {import("../src/submit/saved_job.js").Saved} */ (readFragment(`job=${coded}`));
  assert.equal(`${read.job["dependencies"][0].value}`, "[object Object]");
  assert.deepEqual(withoutDependencies(withoutNamelessGroup(read)).dependencies, ["after:[object Object]"]);
});
