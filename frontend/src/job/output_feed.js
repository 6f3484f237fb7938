/** The output of a job as it comes over the channel: its end first, then what is written. */

import { detailOf, endOf } from "../ui/problem.js";
import { t } from "../ui/words.js";
import { LineNumbers } from "./line_numbers.js";
import { read, size } from "./line_requests.js";
import { Terminal } from "./output_lines.js";
import { followsOthers, resume, sourceOf } from "./sources.js";

/** @typedef {import("../channel/channel.js").Channel} Channel */
/** @typedef {import("../channel/channel.js").Message} Message */
/** @typedef {import("./output_lines.js").Line} Line */

/** Entries to begin with. */
const TAIL = 2000;
/** Milliseconds before an output that could not be read is asked for again. */
const AGAIN = 3000;

/** Milliseconds without a line after which something is said in its place. */
const QUIET = 1500;
/** Milliseconds after which the service is asked if there is a line at all: the channel tells only what there is. */
const SOON = 250;
/** Milliseconds after which it is asked again if it could not answer. */
const LOOK_AGAIN = 5000;

let feeds = 0;

/**
 * @typedef {object} Tell
 * @property {() => void} changed there are new lines, or numbers
 * @property {(text: string) => void} said
 * @property {(entry: Message) => void} file a file that receives output
 * @property {() => void} ended
 * @property {(message: string) => void} memory what the job's shell says of memory that ran out
 */

export class Feed {
  terminal = new Terminal();
  hasEnded = false;
  /** True if the history has left out lines between the present ones. */
  hasGap = false;
  /** True if no line has arrived for a while. */
  isQuiet = false;
  /** True if the job has written nothing, according to the service. */
  isSilent = false;
  /** The message if only the end of the output is here. */
  cutSaid = t("output.only_end");
  /** @type {Map<number, number>} index of the last entry that came, of each source */
  #last = new Map();
  /** @type {Set<number>} files that the service reads */
  #files = new Set();
  /** @type {Set<number>} files of which data came */
  #read = new Set();
  /** True if a file has lines before the present ones. */
  #isFileCut = false;
  #firstIndex = -1;
  #entries = 0;
  /** True if the search for the end was given up at its limit. */
  #isCut = false;
  #isStopped = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #waiting;
  #asking = new AbortController();
  /** Each time another: what is still on its way to the one before is not taken for it. */
  #name = `output${++feeds}`;

  /** @param {Channel} channel @param {string} job @param {string} stream the only stream, or empty @param {Tell} tell */
  constructor(channel, job, stream, tell) {
    this.channel = channel;
    this.job = job;
    this.stream = stream;
    this.tell = tell;
    let isCounting = false;
    this.numbers = new LineNumbers(job, stream, {
      known: () => {
        if (isCounting) tell.said(this.hasEnded ? t("output.end") : "");
        isCounting = false;
        tell.changed();
      },
      progress: (bytes) => {
        isCounting = true;
        tell.said(t("output.counting", { size: size(bytes) }));
      },
    });
    tell.said(t("output.loading"));
    this.#wait();
    this.#later(SOON);
    this.#ask();
  }

  stop() {
    this.#isStopped = true;
    clearTimeout(this.#waiting);
    this.#asking.abort();
    this.channel.leave(this.#name);
    this.numbers.stop();
  }

  /** Note that the job has started while its output was followed: nothing that it has written is missing. */
  begin() {
    this.isQuiet = this.isSilent = this.terminal.lines.length === 0;
  }

  /** True if there are lines before the present ones. */
  get isCut() {
    return this.#isCut || this.#isFileCut || this.terminal.first !== 0 || (this.#firstIndex > 1 && this.#entries >= TAIL);
  }

  #wait() {
    clearTimeout(this.#waiting);
    this.#waiting = setTimeout(() => {
      this.isQuiet = this.terminal.lines.length === 0;
      this.tell.changed();
    }, QUIET);
  }

  /** @param {number} wait milliseconds until the service is asked if there is a line */
  #later(wait) {
    setTimeout(() => this.#look(), wait);
  }

  /**
   * Ask if the output has a line, while none comes. However long that takes, only the service knows that nothing is written:
   * the lines may be behind others on their way.
   */
  async #look() {
    const isOpen = () => !this.#isStopped && !this.hasEnded && !this.terminal.lines.length;
    if (!isOpen()) return;
    try {
      for (const source of [0, ...this.#files]) if (await this.#hasLine(source)) return;
      if (!isOpen()) return;
    } catch {
      this.#later(LOOK_AGAIN);
      return;
    }
    this.isQuiet = this.isSilent = true;
    this.tell.changed();
  }

  /** Return whether a source has a line, as far as the service can tell. @param {number} source */
  async #hasLine(source) {
    let hasLine = false;
    const query = { first: 1, count: 1, ...(source ? { source } : {}), ...(this.stream ? { stream: this.stream } : {}) };
    const end = await read(this.job, "lines", query, this.#asking.signal, (item) => (hasLine ||= item["type"] === "line"));
    return hasLine || end["reason"] !== "end";
  }

  #ask() {
    const wish = () => ({
      stream: "output",
      job: this.job,
      ...(this.stream ? { streams: [this.stream] } : {}),
      ...(this.#last.size === 0 ? { tail: TAIL } : resume(this.#last)),
    });
    this.channel.follow(this.#name, wish, (message) => this.#take(message));
  }

  /** @param {Message} message */
  #take(message) {
    if (message.type === "output") this.#add(message);
    else if (message.type === "progress") this.#progress(message);
    else if (message.type === "end") this.#end(message["reason"], endOf(message));
    else if (message.type === "error") this.tell.said(detailOf({ ...message, type: message["problem"] }));
  }

  /** Say how far the search for the end of one stream has come. @param {Message} message */
  #progress(message) {
    const [searched = "", limit = ""] = [message["searched"], message["limit"]].map(size);
    if (message["cut"]) {
      this.cutSaid = t("output.only_searched", { size: searched });
      this.#isCut = true;
      this.tell.changed();
    } else this.tell.said(t("output.reading", { searched, limit }));
    this.#wait();
  }

  /** @param {Message} entry */
  #add(entry) {
    const index = entry["index"];
    const source = sourceOf(index);
    if (index <= (this.#last.get(source) ?? -1)) return;
    if (this.#firstIndex < 0 && source === 0) this.#firstIndex = index;
    if (this.#last.size === 0) this.tell.said("");
    if (entry["name"] === undefined || entry["name"] === "log") {
      // The header comes first, and the entry of a file that tells its name.
      const isFirst = source === 0 ? index <= 1 : entry["name"] === undefined && !this.#read.has(source) && !followsOthers(entry);
      this.numbers.begin(source, index, isFirst);
    }
    if (source > 0 && entry["name"] === undefined && !this.#read.has(source)) {
      this.#isFileCut ||= followsOthers(entry);
      this.#read.add(source);
    }
    this.#last.set(source, index);
    this.#entries++;
    if (entry["name"] === "file") {
      if (!entry["unread"]) this.#files.add(source);
      this.tell.file(entry);
    }
    this.terminal.take(entry);
    if (this.terminal.lines.length) this.isQuiet = this.isSilent = false;
    else if (!this.isSilent) this.#wait();
    this.tell.changed();
    // The history says so itself; if a job does, the service is asked for numbers that the page could count.
    if (entry["name"] === "log" && entry["component"] === "fluxapi") this.hasGap = this.numbers.hasGap = true;
    // Words of flux-core's src/shell/oom.c.
    if (entry["name"] === "log" && /out of memory/i.test(entry["message"] ?? "")) this.tell.memory(String(entry["message"]));
  }

  /** @param {string} reason @param {string} detail */
  #end(reason, detail) {
    if (reason === "lost" || reason === "failed") {
      this.tell.said(t("output.again", { detail }));
      setTimeout(() => !this.#isStopped && this.#ask(), AGAIN);
      return;
    }
    this.hasEnded = true;
    if (this.#firstIndex >= 0 && !this.isCut) this.numbers.whole();
    const isEmpty = this.terminal.lines.length === 0;
    if (isEmpty && this.#isCut) this.tell.said(t("output.end_unsearched"));
    else if (reason === "finished") this.tell.said(isEmpty ? t(NOTHING[this.stream] ?? "output.nothing") : t("output.end"));
    else if (reason === "no-output") this.tell.said(t("output.nothing"));
    else if (reason === "instance-ended") this.tell.said(t(isEmpty ? "output.gone" : "output.instance_ended"));
    else this.tell.said(detail);
    this.tell.ended();
  }
}

/** @type {Record<string, import("../ui/words.js").Key>} */
const NOTHING = { "": "output.nothing", stdout: "output.nothing_stdout", stderr: "output.nothing_stderr" };
