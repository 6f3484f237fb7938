/** The page to submit from: the form, what it would send, and what came of it. */

import { address, call, Problem } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { shellAdvice, shellSyntax } from "../submit/advice.js";
import { Answer, sizeInWords } from "../submit/answer.js";
import { Attachments, filesOf, withFiles } from "../submit/attachments.js";
import { showDefaultLimit } from "../submit/default_limit.js";
import { FreeResources } from "../submit/free_resources.js";
import { collect, fieldOf, hint, jobCount, lacking, request } from "../submit/form.js";
import { duration, Inputs } from "../submit/inputs.js";
import { keepRecent } from "../submit/kept.js";
import { readFragment } from "../submit/link.js";
import { LiveCheck } from "../submit/live_check.js";
import { Origin } from "../submit/origin.js";
import { titleOf, valuesOfSaved, withoutSecrets } from "../submit/saved_job.js";
import { LINE, ScriptEditor, inForm } from "../submit/script.js";
import { readJob } from "../submit/read_job.js";
import { Refusals, aboutField, withOthers } from "../submit/refusals.js";
import { Sender } from "../submit/sender.js";
import { split } from "../submit/shell.js";
import { TellMade, watchOf } from "../submit/tell_made.js";
import { Templates } from "../submit/templates.js";
import { TerminalLines } from "../submit/terminal_lines.js";
import { WaitFor } from "../submit/wait_for.js";
import { watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";
import { closeMenus } from "../ui/menu.js";
import { message, warningsOf } from "../ui/message.js";
import { at } from "../ui/root.js";
import { MEDIUM, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** @typedef {import("../submit/form.js").Field} Field */
/** @typedef {import("../submit/form.js").Values} Values */
/** @typedef {import("../submit/saved_job.js").Saved} Saved */
/** @typedef {import("../submit/live_check.js").Report} Report */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

const form = /** @type {HTMLFormElement} */ ($("form"));
const go = /** @type {HTMLButtonElement} */ ($("go"));
/** @type {Field[]} */
const fields = JSON.parse($("facts").textContent ?? "[]");
const launchers = ($("facts").dataset["launchers"] ?? "").split(" ").filter(Boolean);
const query = new URLSearchParams(location.search);
const from = query.get("from");
const template = query.get("template");
/** Time without a key before a value that is not ready is called wrong. */
const HINT_PAUSE_MS = 350;
let hinting = 0;
/** The code of findings about dependencies on jobs that the instance does not have. */
const GONE = "gone";
/** The code of an error about a dependency that names no job ID, which is among those findings. */
const NO_JOB_ID = "dependency_jobid";
/** The request that the form makes as it is. */
let asked = "";
/** The request that was answered last: it is sent again only by the button that says so. */
let answered = "";
/** The request that was sent last. */
let sent = "";
/** True if every job of that request was made: the answer then replaces the form. */
let isDone = false;
/** @type {Report | undefined} */
let report;
let problem = "";

const inputs = new Inputs(form, fields, `fluxapi.submit ${at("/")} ${from ?? (template ? `template ${template}` : "")}`);
const answer = new Answer((name) => inputs.focus(name));
const terminal = new TerminalLines($("facts").dataset["user"] ?? "");
const sender = new Sender();
const origin = new Origin();
const editor = new ScriptEditor(fields, () => update());
const refusals = new Refusals({ inputs, fields, answer, editor });
const waitFor = new WaitFor(/** @type {HTMLTextAreaElement} */ ($("dependencies")), () => plan());
const files = new Attachments($("attached"), $("wrong-files"), /** @type {HTMLInputElement} */ ($("attach")), () => update());

/** Show what the inputs ask for, have it checked, and keep it. */
function update() {
  const values = inputs.values();
  const isScript = inputs.what === "script";
  inputs.arrange();
  if ($("as-task")) $("as-task").hidden = !isScript;
  files.arrange(inputs.what);
  editor.update(isScript, values);
  const { job } = collect(inputs.current, values);
  advise(values);
  editor.compare(values);
  const made = request(withFiles(job, files.entries), inputs.many, values);
  terminal.show(job, made, files.names);
  asked = made.path + JSON.stringify(made.body);
  const isAnswered = asked === answered;
  isDone &&= isAnswered;
  $("content").classList.toggle("submitted", isDone);
  go.textContent = t(isDone ? "submit.another" : isAnswered ? "submit.again" : "submit.go");
  go.classList.toggle("primary", !isAnswered);
  if (!isAnswered) answer.changed();
  if (asked !== sent) answer.outdated();
  const isReady = Boolean(job["command"] || job["script"] || job["jobspec"]);
  check.update(isReady ? job : undefined);
  plan();
  // A form that was submitted is no draft: it would be ready to submit the same once more.
  if (isDone) inputs.drop();
  else inputs.keep(files.wanted);
}

/** Show the form again after its answer, with what was submitted. */
function reopen() {
  answered = "";
  refusals.forget();
  update();
  inputs.focus(inputs.what);
}

const free = new FreeResources($("free"));
/** Say what will not work as it looks. @param {Values} values */
function advise(values) {
  const shell = inputs.what === "script" ? "" : shellAdvice(shellSyntax(String(values["command"] ?? "")));
  if (!refusals.has("command")) inputs.say("command", shell);
  const queue = String(values["queue"] ?? "").trim() || String(editor.fields["queue"] ?? "");
  free.choose(queue);
  const { from, zero } = showDefaultLimit(queue);
  editor.zero = zero;
  const typed = String(values["duration"] ?? "").trim();
  const limit = typed || editor.fields["duration"] !== undefined ? duration(typed, zero) : from;
  if (!refusals.has("duration")) inputs.understood("duration", limit);
  const program = split(String(values["command"]))?.[0]?.split("/").at(-1) ?? "";
  const fits = !values["is_launcher"] || !program || launchers.includes(program);
  const shown = visible(program, { most: MEDIUM });
  const words = launchers.length ? t("submit.no_launcher", { program: shown, names: launchers.join(", ") }) : t("submit.no_launcher_allowed", { program: shown });
  if (!refusals.has("is_launcher")) inputs.say("is_launcher", fits ? "" : words);
}

/** Return whether the instance has ended, so that it takes no job. */
const hasEnded = () => document.body.dataset["state"] === "ended" || document.getElementById("ended") !== null;

/** Say what the button will do, and what stands against it. */
function plan() {
  const values = inputs.values();
  const jobs = jobCount(inputs.many, values);
  const { wrong } = collect(inputs.current, values);
  const isEmpty = !values[inputs.what] && !values["jobspec"];
  if (hasEnded()) {
    answer.plan(t("submit.plan_ended"), false);
    answer.findings([]);
    go.disabled = true;
    return;
  }
  const lacks = lacking(inputs.many, values);
  if (isEmpty) answer.plan(t(inputs.what === "script" ? "submit.plan_empty_script" : "submit.plan_empty"), false);
  else if (wrong.length) answer.plan(t("submit.plan_unreadable"), false);
  else if (lacks) answer.plan(lacks, false);
  else if (problem) answer.plan(t("submit.plan_unchecked", { why: problem }), false);
  else if (!report) answer.plan(t("submit.plan_checking"), false);
  else if (!report.valid || waitFor.gone.refused || report.findings.some(({ outcome }) => outcome === "refused")) answer.plan(t("submit.plan_invalid"), false);
  else answer.plan(t("submit.plan", { count: jobs }), true, sizeInWords(report.size, jobs));
  // Somebody may submit before the form was checked, so what the jobs ask for may be told after them.
  if (report && check.isCurrent && asked === answered) answer.sized(sizeInWords(report.size, jobs));
  const found = report && !isEmpty && !lacks ? told(report) : [];
  answer.findings(found);
  // The editor lists the wrong lines of a script itself.
  const beside = found.filter(({ name, code }) => name && !refusals.has(name) && !(name === "script" && code === LINE) && code !== GONE);
  inputs.notes(new Map(beside.map((it) => [it.name, it])));
  answer.makeRoom();
}

/** Return the errors and findings of a report, by field. @param {Report} report */
function told(report) {
  const { errors, findings, unknown } = report;
  const named = (/** @type {{ pointer: string }} */ { pointer }) => {
    const name = fieldOf(pointer, false);
    return inputs.names.includes(name) ? name : "";
  };
  return [
    ...errors.filter(({ code }) => !(waitFor.gone.refused && code === NO_JOB_ID)).map((it) => ({ name: named(it), outcome: "refused", code: it.code, detail: refusals.misread(named(it)) || inputs.labeled(inForm(it)) })),
    // It stands beside the field, with a button that takes the jobs out.
    ...(waitFor.gone.refused ? [{ name: "dependencies", outcome: "refused", code: GONE, detail: waitFor.gone.refused }] : []),
    ...findings.map((it) => ({ name: named(it), outcome: it.outcome, code: it.code, detail: message("findings", it, it.detail) })),
    // The editor shows the warnings about a script itself.
    ...(inputs.what === "script" ? [] : warningsOf(report).map((detail) => ({ name: "", outcome: "note", code: "", detail }))),
    ...(unknown.length ? [{ name: "", outcome: "note", code: "", detail: t("submit.not_compared") }] : []),
  ];
}

const check = new LiveCheck((found, why) => {
  report = found;
  problem = why;
  plan();
});

/** @param {boolean} isAgain whether a request that was answered is meant to be sent once more */
async function submit(isAgain) {
  const values = inputs.values();
  const { job, wrong } = collect(inputs.current, values);
  const bulk = inputs.many !== "one";
  const { path, body } = request(withFiles(job, files.entries), inputs.many, values);
  const text = path + JSON.stringify(body);
  if (isDone && isAgain) return reopen();
  if (text === answered && !wrong.length && !isAgain) return $("done").focus({ preventScroll: true });
  refusals.forget();
  advise(values);
  const lacks = lacking(inputs.many, values);
  if (lacks) wrong.push({ pointer: `/${inputs.many}`, detail: lacks });
  go.disabled = true;
  if (wrong.length) {
    const all = await withOthers(bulk ? wrong.map((it) => ({ ...it, pointer: it.pointer === `/${inputs.many}` ? it.pointer : `/job${it.pointer}` })) : wrong, job, bulk);
    go.disabled = hasEnded();
    refusals.show(all, "", bulk);
    // The findings of the check stay beside the other fields.
    return plan();
  }
  sent = text;
  answer.sending();
  try {
    const made = await sender.send(path, body);
    const { ids, isWhole } = answer.submitted(made);
    answered = text;
    isDone = isWhole;
    if (ids.length) keepRecent({ when: Date.now() / 1000, ids, count: ids.length, ...withoutSecrets(savedOf(job, values)) });
    templates.refresh();
    update();
    for (const { detail } of (made["jobs"] ?? []).flatMap((/** @type {any} */ { error }) => (error ? aboutField(error, String(error.detail), true) : [])).slice(0, 1)) {
      refusals.add("dependencies", detail);
    }
    tell.offer(watchOf(made, String(job["name"] ?? "")));
    $("done").focus({ preventScroll: !isDone });
  } catch (error) {
    answer.clear();
    const document = error instanceof Problem ? error.document : {};
    const detail = error instanceof Error ? error.message : String(error);
    const errors = document["errors"] ? await withOthers(document["errors"], job, bulk) : aboutField(document, detail, bulk);
    refusals.show(errors, detail, bulk);
    plan();
  } finally {
    go.disabled = hasEnded();
  }
}

/** Return the request as a template keeps it. @param {Record<string, unknown>} job @param {Values} values @returns {Saved} */
function savedOf(job, values) {
  const { body } = request(job, inputs.many, values);
  const saved = /** @type {Saved} */ (/** @type {unknown} */ (inputs.many === "one" ? { job } : body));
  return files.wanted.length ? { ...saved, files: files.wanted } : saved;
}

/** Return the request of the form, to be saved; undefined, with a message, if it cannot be read. */
function current() {
  const values = inputs.values();
  const { job, wrong } = collect(inputs.current, values);
  if (wrong.length) {
    refusals.show(wrong, "", false);
    return undefined;
  }
  return savedOf(job, values);
}

/** Return a function that fills the form again as it is now; nothing when it is empty. */
function restorer() {
  const values = inputs.values();
  const isTyped = Object.entries(values).some(([name, value]) => value && !["many", "what"].includes(name));
  if (!isTyped && !files.wanted.length) return undefined;
  const attach = files.keep();
  return () => {
    inputs.fill(values);
    editor.view.refresh();
    attach();
    update();
  };
}

/** @param {Saved} saved @param {string} words where it is from @param {string[]} variables names whose values are not kept */
function fillSaved(saved, words, variables) {
  const undo = restorer();
  const { values, unknown } = valuesOfSaved(saved, fields);
  refusals.forget();
  inputs.typedAt = Date.now();
  answered = "";
  inputs.fill(values);
  editor.view.refresh();
  const sentences = [words];
  if (variables.length) sentences.push(t("submit.values_not_kept", { names: variables.slice(0, 12).map((it) => visible(it, { most: 40 })).join(", ") }));
  if (unknown.length) sentences.push(t("submit.fields_unknown", { names: unknown.slice(0, 12).map((it) => visible(it, { most: 40 })).join(", ") }));
  origin.tell(sentences.join(" "), undo);
  files.expect(filesOf(saved));
}

/** Fill the form with another job. @param {string} id */
async function fillFrom(id) {
  try {
    const { values, record } = await readJob(id, fields);
    inputs.fill(values);
    editor.view.refresh();
    origin.resubmit(id, values, record, (limit) => {
      inputs.set("duration", limit);
      inputs.focus("duration");
      update();
    });
  } catch (error) {
    origin.failed(id, error instanceof Error ? error.message : String(error));
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const isAgain = isPressed;
  isPressed = false;
  if (!go.disabled) void submit(isAgain);
});
/** True if the button itself was pressed: Enter in a field clicks it, too. */
let isPressed = false;
go.addEventListener("click", (event) => {
  isPressed = document.activeElement === go || event.detail === 1;
  // The second half of a double click is no wish of its own.
  if (event.detail > 1) event.preventDefault();
});
form.addEventListener("input", (event) => {
  const { name } = /** @type {HTMLInputElement} */ (event.target);
  if (inputs.names.includes(name)) {
    inputs.say(name, "");
    hintLater();
    refusals.changed(name);
  }
  update();
});
/** Say what is likely to be refused once nobody types; said when a field is left, it would move what is pressed then. */
function hintLater() {
  clearTimeout(hinting);
  hinting = window.setTimeout(() => {
    const values = inputs.values();
    for (const field of inputs.current) {
      if (field.kind === "flag" || refusals.has(field.name)) continue;
      inputs.hint(field.name, hint(field, String(values[field.name] ?? "")));
    }
    answer.makeRoom();
  }, HINT_PAUSE_MS);
}
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
files.takeDrops(form);
$("clear").addEventListener("click", async () => {
  const undo = restorer();
  answered = "";
  refusals.forget();
  inputs.fill({});
  inputs.typedAt = 0;
  files.clear();
  editor.view.refresh();
  origin.hide();
  /** @type {HTMLDetailsElement} */ ($("more")).open = false;
  if (from) {
    await fillFrom(from);
    origin.offer(undo);
  } else if (undo) origin.tell(t("submit.cleared"), undo);
  update();
  inputs.focus(inputs.what);
});

const templates = new Templates({ current, fill: fillSaved, tell: (text) => origin.tell(text) });
$("tools").hidden = false;
closeMenus();

const shared = location.hash;
// A template may have changed since the draft was kept; only who comes back to the page wants the draft.
const isBack = /** @type {PerformanceNavigationTiming | undefined} */ (performance.getEntriesByType("navigation")[0])?.type !== "navigate";
const kept = template && !isBack ? undefined : inputs.draft();
if (shared.startsWith("#job=")) {
  // The request leaves the history of the browser with the fragment.
  history.replaceState(history.state, "", location.pathname + location.search);
  try {
    const saved = readFragment(shared);
    if (saved) fillSaved(withoutSecrets(saved).saved, t("submit.from_link", { title: visible(titleOf(saved), { most: MEDIUM }) }), []);
  } catch (error) {
    origin.tell(error instanceof Error ? error.message : String(error));
  }
} else if (kept) {
  inputs.fill(kept.values);
  editor.view.refresh();
  files.expect(kept.files);
  // The record says whose job it is.
  if (from) origin.resubmit(from, kept.values, await call("GET", `/v1/jobs/${encodeURIComponent(from)}`).catch(() => undefined));
  if (kept.when) origin.draft(kept.when, () => $("clear").click());
} else if (from) await fillFrom(from);
else if (template) await templates.load(template);
update();
if (location.hash === "#duration") inputs.focus("duration");

const channel = new Channel(address);
status.show(channel, $("state"));
channel.addEventListener("state", () => hasEnded() && plan());
let instance = "";
channel.follow("stats", { stream: "stats" }, ({ nodes, queues }) => {
  const now = JSON.stringify([queues, nodes?.states, nodes?.total]);
  if (instance && now !== instance) check.renew();
  instance = now;
  free.take({ nodes, queues });
});
const tell = new TellMade(watchOn(channel), $("tell"), $("tell-said"));
