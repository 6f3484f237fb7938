/** Local files that go along with the job (RFC 37): each node gets a copy in the temporary directory of the job. */

import { element } from "../ui/element.js";
import { SHORT, visible } from "../ui/visible.js";
import { t } from "../ui/words.js";

/** Bytes of all files: the jobspec that holds them has a limit, and base64 takes a third more. */
const MAX_BYTES = 6_000_000;
const MAX_FILES = 50;
/** Names that Flux and the service use themselves. */
const RESERVED = new Set(["script", "conf.json", "stdin"]);
const REGULAR_FILE = 0o100000;
const MODE = 0o600;
const RUNNABLE_MODE = 0o700;
const KILOBYTE = 1000;
/** The temporary directory of a job, as its command names it. */
const TMPDIR = "{{tmpdir}}";
/** The same directory in a script: Flux sets FLUX_JOB_TMPDIR for the tasks of a job, not for a batch script. */
const BESIDE = '$(dirname "$0")';
/** A file there, as a command and a script name it; longer texts are not searched. */
const NAMED = /(?:\{\{tmpdir\}\}|\$\(dirname "?\$0"?\))\/([^\s"'`;|&<>(){}$\\/]{1,100})/g;
const MAX_SEARCHED_CHARS = 100_000;
/** Names that a notice lists. */
const MAX_NAMES = 12;

/** @typedef {import("./form.js").What} What */
/** @typedef {import("./saved_job.js").Saved} Saved */

/** Return the place at which the job finds the file. @param {What} what @param {string} name */
export const placeOf = (what, name) => (what === "script" ? `"${BESIDE}/${name}"` : `${TMPDIR}/${name}`);

/** Return the files that a saved request needs: those that were attached, and those that its command or script names. @param {Saved} saved */
export function filesOf({ job, files = [] }) {
  const runs = job["script"] ?? job["command"] ?? "";
  const text = (Array.isArray(runs) ? runs.map(String).join("\n") : String(runs)).slice(0, MAX_SEARCHED_CHARS);
  const named = [...text.matchAll(NAMED)].map(([, name = ""]) => name);
  return [...new Set([...files, ...named])].filter((name) => !RESERVED.has(name)).slice(0, MAX_FILES);
}

/** @param {string} id */
const $ = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** Format a size in one unit, with at most one digit after the point. @param {number} bytes */
function size(bytes) {
  if (bytes < KILOBYTE) return t("submit.bytes", { count: bytes });
  const isMega = bytes >= KILOBYTE ** 2;
  const count = Math.round((bytes / KILOBYTE ** (isMega ? 2 : 1)) * 10) / 10;
  return t(isMega ? "submit.megabytes" : "submit.kilobytes", { count });
}

/**
 * Return the entry of a file in a jobspec: text if possible, else base64.
 * @param {Uint8Array} bytes
 */
export function entryOf(bytes) {
  const mode = REGULAR_FILE | (bytes[0] === 0x23 && bytes[1] === 0x21 ? RUNNABLE_MODE : MODE);
  try {
    // Flux keeps texts as C strings.
    if (!bytes.includes(0)) return { mode, size: bytes.length, encoding: "utf-8", data: new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes) };
  } catch {
    // It is no text.
  }
  let text = "";
  for (let at = 0; at < bytes.length; at += 0x8000) text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return { mode, size: bytes.length, encoding: "base64", data: btoa(text) };
}

export class Attachments {
  /** @type {Map<string, { size: number, entry: Record<string, unknown> }>} */
  #files = new Map();
  /** Names of files that the form was filled without. @type {string[]} */
  #missing = [];
  /** @type {What} */
  #what = "command";

  /** @param {HTMLElement} list @param {HTMLElement} said @param {HTMLInputElement} input @param {() => void} changed */
  constructor(list, said, input, changed) {
    this.list = list;
    this.said = said;
    this.changed = changed;
    $("files-dismiss").addEventListener("click", () => {
      this.expect([]);
      input.focus();
    });
    input.addEventListener("change", () => {
      void this.add([...(input.files ?? [])]);
      input.value = "";
    });
  }

  /** Take the files that are dropped onto a form; those that the editor of a script opens are prevented there. @param {HTMLFormElement} form */
  takeDrops(form) {
    form.addEventListener("dragover", (event) => {
      if (event.dataTransfer?.types.includes("Files")) event.preventDefault();
    });
    form.addEventListener("drop", (event) => {
      if (event.defaultPrevented || !event.dataTransfer?.files.length) return;
      event.preventDefault();
      void this.add([...event.dataTransfer.files]);
    });
  }

  get names() {
    return [...this.#files.keys()];
  }

  /** The names of the attached files, and of those that are still to be attached again. */
  get wanted() {
    return [...new Set([...this.names, ...this.#missing])];
  }

  /** The files as the attribute of a job; nothing when there is none. */
  get entries() {
    return this.#files.size ? Object.fromEntries([...this.#files].map(([name, { entry }]) => [name, entry])) : undefined;
  }

  /** @param {File[]} files */
  async add(files) {
    /** @type {string[]} */
    const refused = [];
    for (const file of files) {
      const name = visible(file.name, { most: SHORT });
      const used = [...this.#files].reduce((sum, [other, it]) => (other === file.name ? sum : sum + it.size), 0);
      if (RESERVED.has(file.name)) refused.push(t("submit.file_reserved", { name }));
      else if (used + file.size > MAX_BYTES || this.#files.size >= MAX_FILES) refused.push(t("submit.file_too_large", { name, most: size(MAX_BYTES) }));
      else {
        try {
          this.#files.set(file.name, { size: file.size, entry: entryOf(new Uint8Array(await file.arrayBuffer())) });
        } catch {
          refused.push(t("submit.file_unreadable", { name }));
        }
      }
    }
    this.said.textContent = refused.join(" ");
    this.#show();
  }

  clear() {
    this.#files.clear();
    this.#missing = [];
    this.said.textContent = "";
    this.#show();
  }

  /** Return a function that attaches again what is attached now, or was to be. */
  keep() {
    const [files, missing] = [new Map(this.#files), this.#missing];
    return () => {
      this.#files = files;
      this.expect(missing);
    };
  }

  /** Say which files the form was filled without, until they are attached. @param {string[]} names */
  expect(names) {
    this.#missing = names;
    this.#show();
  }

  /** Name the files as a command or a script finds them. @param {What} what */
  arrange(what) {
    if (what === this.#what) return;
    this.#what = what;
    for (const it of /** @type {const} */ (["command", "script"])) {
      /** @type {HTMLElement} */ (document.querySelector(`#help-files .for-${it}`)).hidden = it !== what;
    }
    this.#list();
  }

  #show() {
    this.#missing = this.#missing.filter((name) => !this.#files.has(name));
    const count = this.#missing.length;
    const shown = this.#missing.slice(0, MAX_NAMES).map((name) => visible(name, { most: SHORT }));
    const words = count ? t("submit.files_missing", { count, names: [...shown, ...(count > shown.length ? ["…"] : [])].join(", ") }) : "";
    $("files-missing").hidden = !count;
    $("files-missing-words").textContent = words;
    this.#list();
    this.changed();
  }

  #list() {
    this.list.replaceChildren(
      ...[...this.#files].map(([name, it]) => {
        const row = element("li", { className: "chip" });
        const label = visible(name, { most: SHORT });
        const remove = element("button", { type: "button", ariaLabel: t("submit.file_remove", { name: label }) });
        remove.dataset["icon"] = "close";
        remove.addEventListener("click", () => {
          this.#files.delete(name);
          this.#show();
        });
        row.append(element("code", { textContent: placeOf(this.#what, label) }), element("span", { className: "soft numeric", textContent: size(it.size) }), remove);
        return row;
      }),
    );
  }
}

/** Return a job with the files beside its other attributes. @param {Record<string, any>} job @param {Record<string, unknown> | undefined} files */
export function withFiles(job, files) {
  if (!files) return job;
  const attributes = job["attributes"] ?? {};
  return { ...job, attributes: { ...attributes, "system.files": { ...attributes["system.files"], ...files } } };
}
