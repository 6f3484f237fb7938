import assert from "node:assert/strict";
import { test } from "node:test";

import { instead } from "../src/job/output_instead.js";

const RUNS = { isPending: false, isOver: false, hasRun: true };

test("an output that is long in coming is not called empty", () => {
  const feed = { hasEnded: false, isQuiet: false, isSilent: false };
  assert.deepEqual(instead(feed, "", RUNS), { text: "", isFinal: false });
  assert.deepEqual(instead({ ...feed, isQuiet: true }, "", RUNS), { text: "Loading output…", isFinal: false });
  assert.deepEqual(instead({ ...feed, isQuiet: true }, "Reading 1 MB", RUNS), { text: "Reading 1 MB", isFinal: false });
  const silent = { hasEnded: false, isQuiet: true, isSilent: true };
  assert.deepEqual(instead(silent, "", RUNS), { text: "The job has written nothing yet.", isFinal: true });
  assert.deepEqual(instead(silent, "", { ...RUNS, isOver: true }), { text: "Loading output…", isFinal: false });
});

test("a job that has not started, and an output that has ended, are told", () => {
  const feed = { hasEnded: false, isQuiet: false, isSilent: false };
  assert.equal(instead(feed, "", { ...RUNS, isPending: true }).text, "The output appears here when the job has started.");
  const canceled = { isPending: false, isOver: true, hasRun: false };
  assert.equal(instead({ ...feed, hasEnded: true }, "The job wrote nothing.", canceled).text, "The job never started, so there is no output.");
  assert.deepEqual(instead({ ...feed, hasEnded: true }, "The job wrote nothing.", RUNS), { text: "The job wrote nothing.", isFinal: true });
  assert.equal(instead({ ...feed, hasEnded: true }, "The job wrote nothing.", RUNS, true).text, "The output went to a file, which is named below.");
  assert.equal(instead({ ...feed, hasEnded: true }, "The output could not be read.", RUNS, true).text, "The output could not be read.");
});
