/** The page to submit from: the form, what it would send, and what came of it. */

import { address, call, Problem } from "../ui/api.js";
import { Channel } from "../channel/channel.js";
import { shellAdvice, shellSyntax, sizeAdvice } from "../submit/advice.js";
import { collect, fieldOf, hint, request } from "../submit/form.js";
import { ScriptEditor } from "../submit/script.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { besides, valuesOf } from "../submit/resubmit.js";
import { curl, line, split } from "../submit/shell.js";
import { watchOn } from "../notify/notify.js";
import * as status from "../channel/connection_status.js";
import { MEDIUM, visible } from "../ui/visible.js";

/** @typedef {import("../submit/form.js").Field} Field */
/** @typedef {import("../submit/form.js").Values} Values */
/** @typedef {import("../submit/form.js").Wrong} Wrong */

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Links to new jobs that are shown; the page of jobs has all. */
const LINKS = 20;
/** Characters of a line above which it is not shown, but can be copied. */
const SHOWN = 20_000;

const form = /** @type {HTMLFormElement} */ ($("form"));
const go = /** @type {HTMLButtonElement} */ ($("go"));
/** @type {Field[]} */
const fields = JSON.parse($("facts").textContent ?? "[]");
const user = $("facts").dataset["user"] ?? "";
const launchers = ($("facts").dataset["launchers"] ?? "").split(" ").filter(Boolean);
const from = new URLSearchParams(location.search).get("from");
const DRAFT = `fluxapi.submit ${at("/")} ${from ?? ""}`;
/** Title of the button that submits what was submitted already. */
const AGAIN = "Submit again";
/** The request that was answered last: it is sent again only by the button that says so. */
let answered = "";
/** @type {Set<string>} fields that were refused and not changed since */
const refused = new Set();
const lines = { curl: "", line: "" };

/** @typedef {HTMLInputElement | HTMLTextAreaElement} Input */
/** @param {string} name */
const input = (name) => /** @type {Input | null} */ (form.elements.namedItem(name));
const NAMES = [...fields.map((field) => field.name), "copies", "cc"];

const many = () =>
  /** @type {import("../submit/form.js").Many} */ (/** @type {RadioNodeList} */ (form.elements.namedItem("many")).value);

/** What is submitted: a command, or a batch script. */
const what = () =>
  /** @type {import("../submit/form.js").What} */ (/** @type {RadioNodeList} */ (form.elements.namedItem("what")).value);
/** The fields of what is submitted. */
const current = () => fields.filter(({ only }) => !only || only === what());
/** @type {import("../submit/advice.js").Size | undefined} */
let size;

/** @returns {Values} */
function typed() {
  /** @type {Values} */
  const values = {};
  for (const name of NAMES) {
    const it = input(name);
    if (it) values[name] = it.type === "checkbox" ? /** @type {HTMLInputElement} */ (it).checked : it.value;
  }
  return values;
}

/** @param {Values} values */
function fill(values) {
  for (const name of NAMES) {
    const it = input(name);
    if (!it) continue;
    const value = values[name];
    if (it.type === "checkbox") /** @type {HTMLInputElement} */ (it).checked = value === true;
    else it.value = typeof value === "string" ? value : "";
  }
  const chosen = /** @type {RadioNodeList} */ (form.elements.namedItem("many"));
  chosen.value = String(values["many"] ?? "one");
  /** @type {RadioNodeList} */ (form.elements.namedItem("what")).value = String(values["what"] ?? "command");
  const more = fields.some((field) => !field.usual && values[field.name]);
  if (more) /** @type {HTMLDetailsElement} */ ($("more")).open = true;
}

/** Show what the inputs ask for, and keep it. */
function update() {
  const values = typed();
  $("field-copies").hidden = many() !== "copies";
  $("field-cc").hidden = many() !== "cc";
  for (const { name, only } of fields) $(`field-${name}`).hidden = Boolean(only) && only !== what();
  if ($("as-task")) $("as-task").hidden = what() !== "script";
  editor.update(what() === "script", values);
  const { job } = collect(current(), values);
  advise(values, job);
  const { path, body } = request(job, many(), values);
  const said = line(job, /** @type {{ copies?: unknown, cc?: unknown }} */ (many() === "one" ? {} : body));
  lines.curl = curl(at(path), body, user);
  lines.line = said.line;
  for (const name of /** @type {const} */ (["curl", "line"])) {
    const text = lines[name];
    $(name).textContent = text.length > SHOWN ? `${text.slice(0, SHOWN)}… (${text.length} characters; Copy takes all)` : text;
  }
  $("go").textContent = path + JSON.stringify(body) === answered ? AGAIN : "Submit";
  $("unsaid").textContent = said.unsaid.length ? `It has no option for ${said.unsaid.join(", ")}: use curl for that.` : "";
  checkLauncher(values);
  keep({ ...values, many: many(), what: what() });
}

/** Say what will not work as it looks. @param {Values} values @param {Record<string, unknown>} job */
function advise(values, job) {
  const isScript = what() === "script";
  const shell = isScript ? "" : shellAdvice(shellSyntax(String(values["command"] ?? "")));
  if (!refused.has("command") && $("wrong-command").textContent !== shell) say("command", shell);
  const notes = sizeAdvice({ ...(isScript ? editor.fields : {}), ...job }, isScript, size);
  const texts = [...$("size-notes").children].map((it) => it.textContent);
  if (texts.join("\n") === notes.join("\n")) return;
  $("size-notes").replaceChildren(...notes.map((textContent) => element("li", { textContent })));
}

/** Whether the service takes this command as a launcher: it decides by the name of the program. @param {Values} values */
function checkLauncher(values) {
  const program = split(String(values["command"]))?.[0]?.split("/").at(-1) ?? "";
  const fits = !values["is_launcher"] || !program || launchers.includes(program);
  const allowed = launchers.length ? `one of ${launchers.join(", ")}` : "none: this service allows no launchers";
  const text = fits ? "" : `${visible(program, { most: MEDIUM })} is no launcher that this service knows; it may be ${allowed}.`;
  if ($("wrong-is_launcher")?.textContent !== text) say("is_launcher", text);
}

const editor = new ScriptEditor(fields, () => update());

/** @param {Values} values */
function keep(values) {
  try {
    sessionStorage.setItem(DRAFT, JSON.stringify(values));
  } catch {
    // A browser that keeps nothing forgets the draft.
  }
}

/** @returns {Values | undefined} */
function draft() {
  try {
    return JSON.parse(sessionStorage.getItem(DRAFT) ?? "") ?? undefined;
  } catch {
    return undefined;
  }
}

/** Say what is wrong with a field, or that nothing is.
 * @param {string} name @param {string} text @param {boolean} [refused] not only a hint
 */
function say(name, text, refused = false) {
  const where = $(`wrong-${name}`);
  if (!where) return;
  where.textContent = text;
  where.classList.toggle("hint", !refused);
  const it = input(name);
  if (text && refused) it?.setAttribute("aria-invalid", "true");
  else it?.removeAttribute("aria-invalid");
}

function forget() {
  for (const name of NAMES) say(name, "");
  refused.clear();
  $("summary").hidden = true;
  $("done").replaceChildren();
}

/** A field was changed: it is to be mended no more. @param {string} name */
function mend(name) {
  if (!refused.delete(name) || $("summary").querySelector("ul")) return;
  $("summary").hidden = !refused.size;
  $("summary").textContent = toMend(refused.size);
}

/** @param {number} n */
const toMend = (n) => `Not submitted. Fix ${count(n, "field")}.`;

/** Put what is wrong beside the fields, and go to the first of them.
 * @param {Wrong[]} wrong @param {string} detail @param {boolean} bulk
 */
function refuse(wrong, detail, bulk) {
  /** @type {Map<string, string[]>} */
  const by = new Map();
  for (const { pointer, detail: text } of wrong) {
    const name = fieldOf(pointer, bulk);
    const inner = pointer.split("/").slice(bulk && pointer.startsWith("/job/") ? 3 : 2).join("/");
    const known = NAMES.includes(name);
    const place = known ? inner : pointer;
    by.set(known ? name : "", [...(by.get(known ? name : "") ?? []), place ? `${place} ${text}` : text]);
  }
  for (const [name, texts] of by) {
    if (!name) continue;
    // The editor lists the wrong lines of a script; they do not stand below it once more.
    say(name, (name === "script" ? editor.refuse(texts) : texts).join(" "), true);
    input(name)?.setAttribute("aria-invalid", "true");
    refused.add(name);
  }
  const rest = by.get("") ?? [];
  const first = NAMES.find((name) => by.has(name));
  const where = $("summary");
  where.replaceChildren(
    element("p", { textContent: first && !rest.length ? toMend(by.size) : `Not submitted. ${detail}` }),
  );
  if (rest.length) {
    const list = element("ul", {});
    list.append(...rest.map((text) => element("li", { textContent: text })));
    where.append(list);
  }
  where.hidden = false;
  const inMore = NAMES.some((name) => by.has(name) && $("more").contains(input(name)));
  if (inMore) /** @type {HTMLDetailsElement} */ ($("more")).open = true;
  (first ? input(first) : where)?.focus();
}

/** @param {number} n @param {string} noun */
const count = (n, noun) => `${n.toLocaleString()} ${noun}${n === 1 ? "" : "s"}`;

/**
 * A request that may have been taken, although its answer never came, is sent again under the same
 * key: it then gives the same jobs.
 * @type {{ key: string, text: string } | undefined}
 */
let unanswered;

/** @param {string} path @param {object} body */
async function send(path, body) {
  const text = path + JSON.stringify(body);
  if (unanswered?.text !== text) {
    const key = [...crypto.getRandomValues(new Uint8Array(16))].map((it) => it.toString(16).padStart(2, "0")).join("");
    unanswered = { key, text };
  }
  const answer = await call("POST", path, body, { "Idempotency-Key": unanswered.key }).catch((problem) => {
    if (problem instanceof Problem && problem.document["status"] < 500) unanswered = undefined;
    throw problem;
  });
  unanswered = undefined;
  return answer;
}

/** @param {boolean} isAgain whether a request that was answered is meant to be sent once more */
async function submit(isAgain) {
  const values = typed();
  const { job, wrong } = collect(current(), values);
  const bulk = many() !== "one";
  const { path, body } = request(job, many(), values);
  const text = path + JSON.stringify(body);
  if (text === answered && !wrong.length && !isAgain) return show();
  forget();
  if (wrong.length) return refuse(wrong, "", false);
  go.disabled = true;
  $("done").textContent = "Submitting…";
  $("done").scrollIntoView({ block: "nearest" });
  try {
    done(await send(path, body));
    answered = text;
    update();
    show();
  } catch (problem) {
    $("done").replaceChildren();
    const document = problem instanceof Problem ? problem.document : {};
    refuse(document["errors"] ?? [], problem instanceof Error ? problem.message : String(problem), bulk);
  } finally {
    go.disabled = false;
  }
}

/** Bring the answer into sight, wherever the form was submitted from. */
function show() {
  $("done").focus({ preventScroll: true });
  $("done").scrollIntoView({ block: "nearest" });
}

/** @param {Record<string, any>} answer */
function done(answer) {
  /** @type {{ id?: string, error?: { detail?: string } }[]} */
  const jobs = answer["jobs"] ?? [{ id: answer["id"] }];
  const ids = jobs.flatMap((it) => it.id ?? []);
  const failed = jobs.flatMap((it) => (it.error ? [it.error.detail ?? "refused"] : []));
  const said = element("p", { textContent: `${count(ids.length, "job")} submitted: ` });
  for (const id of ids.slice(0, LINKS)) said.append(element("a", { href: at(`/ui/jobs/${encodeURIComponent(id)}`), textContent: id }), " ");
  if (ids.length > LINKS) said.append("… ", element("a", { href: at("/"), textContent: "all jobs" }));
  $("done").replaceChildren(...(ids.length ? [said] : []));
  for (const warning of answer["warnings"] ?? []) $("done").append(element("p", { className: "soft", textContent: warning }));
  if (failed.length) {
    const reasons = [...new Set(failed)].slice(0, 5).join(" ");
    $("done").append(element("p", { className: "wrong", textContent: `${count(failed.length, "job")} refused. ${reasons}` }));
  }
}

/** @param {"curl" | "line"} name */
async function copy(name) {
  let said = "Copied.";
  try {
    await navigator.clipboard.writeText(lines[name]);
  } catch {
    // Without HTTPS a page may not write there: the reader copies what is selected.
    getSelection()?.selectAllChildren($(name));
    said = "The line is selected: copy it with Ctrl+C.";
  }
  $("copied").textContent = said;
  const button = document.querySelector(`[data-copy="${name}"]`);
  if (!button) return;
  button.textContent = said === "Copied." ? "Copied" : "Selected";
  setTimeout(() => (button.textContent = "Copy"), 2000);
}

/** Say what the form shows, and what it cannot. @param {string} id @param {boolean} isWhole */
function tellOrigin(id, isWhole) {
  const link = element("a", { href: at(`/ui/jobs/${encodeURIComponent(id)}`), textContent: id });
  const rest = isWhole ? " The fields cannot say all that it asked for: its whole jobspec is under More." : "";
  $("origin").hidden = false;
  $("origin").replaceChildren(
    "The same as ", link, `, but for its environment variables: this service gives none out, since they may hold secrets. Give those that it needs.${rest}`,
  );
}

/** Fill the form with another job. @param {string} id */
async function fillFrom(id) {
  const where = $("origin");
  where.hidden = false;
  try {
    const place = `/v1/jobs/${encodeURIComponent(id)}`;
    const [jobspec, events] = await Promise.all([call("GET", `${place}/jobspec`), call("GET", `${place}/eventlog`)]);
    const values = { ...valuesOf(jobspec, fields), ...besides(events) };
    fill(values);
    tellOrigin(id, "jobspec" in values);
  } catch (problem) {
    where.textContent = `The form cannot be filled from ${id}. ${problem instanceof Error ? problem.message : problem}`;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const isAgain = isPressed;
  isPressed = false;
  if (!go.disabled) submit(isAgain);
});
/** Whether the button itself was pressed: Enter in a field clicks it, too. */
let isPressed = false;
go.addEventListener("click", (event) => {
  isPressed = document.activeElement === go || event.detail === 1;
  // The second half of a double click is no wish of its own.
  if (event.detail > 1) event.preventDefault();
});
form.addEventListener("input", (event) => {
  const name = /** @type {Input} */ (event.target).name;
  if (NAMES.includes(name)) {
    say(name, "");
    mend(name);
  }
  update();
});
form.addEventListener("change", (event) => {
  const it = /** @type {Input} */ (event.target);
  const field = fields.find((one) => one.name === it.name);
  if (field && field.kind !== "flag" && field.name !== "command") say(field.name, hint(field, it.value));
});
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
});
$("clear").addEventListener("click", () => {
  answered = "";
  forget();
  fill({});
  (from ? fillFrom(from) : Promise.resolve()).then(update);
  input(what())?.focus();
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy(/** @type {"curl"} */ (/** @type {HTMLElement} */ (button).dataset["copy"])));
}

const kept = draft();
if (kept) {
  fill(kept);
  if (from) tellOrigin(from, Boolean(kept["jobspec"]));
} else if (from) await fillFrom(from);
update();

const channel = new Channel(address);
status.show(channel, $("state"));
channel.follow("stats", { stream: "stats" }, ({ nodes }) => {
  if (!nodes) return;
  const { cores, gpus } = nodes;
  size = { cores: cores.total, gpus: gpus.total, nodes: nodes.total };
  advise(typed(), collect(current(), typed()).job);
  const free = [`${cores.free} of ${cores.total} cores`];
  if (gpus.total) free.push(`${gpus.free} of ${gpus.total} GPUs`);
  $("free").textContent = `Free now: ${free.join(", ")}`;
});
watchOn(channel);
