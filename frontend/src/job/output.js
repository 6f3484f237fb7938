/**
 * What a job writes, as it writes it. The view follows the end until the reader scrolls up or
 * pauses; then it stands still, and what comes waits. It can be searched, and each stream seen apart.
 */

import { session } from "../ui/api.js";
import { element } from "../ui/element.js";
import { at } from "../ui/root.js";
import { fill } from "./line_view.js";
import { find } from "./search.js";
import { OutputFiles } from "./output_files.js";
import { MAX_LINES, Terminal } from "./output_lines.js";
import { OutputTools } from "./output_tools.js";
import { followsOthers, resume, sourceOf } from "./sources.js";
import { WholeSearch } from "./whole_search.js";

/** @typedef {import("../channel/channel.js").Channel} Channel */
/** @typedef {import("../channel/channel.js").Message} Message */
/** @typedef {import("./search.js").Hit} Hit */
/** @typedef {import("./output_lines.js").Line} Line */

/** Entries to begin with. */
const TAIL = 2000;
/** Milliseconds between two looks at what is new. */
const EVERY = 100;
/** At most one part in so many of the time goes into drawing: the page stays at hand. */
const SHARE = 4;
/** Milliseconds before an output that could not be read is asked for again. */
const AGAIN = 3000;
/** Pixels from the end that count as the end. */
const NEAR = 24;

const ONLY_END = "Only the end of the output is shown here.";

export class Output {
  #terminal = new Terminal();
  /** @type {Map<number, { div: HTMLElement, key: string }>} */
  #shown = new Map();
  #stream = "";
  /** @type {Map<number, number>} index of the last entry that came, of each source */
  #last = new Map();
  /** @type {Set<number>} files of which data came */
  #read = new Set();
  /** Whether a file has lines before those that are shown. */
  #isFileCut = false;
  #firstIndex = -1;
  #entries = 0;
  /** Whether the search for the end was given up at its limit. */
  #isCut = false;
  #subscriptions = 0;
  #following = true;
  /** Whether scrolling to the end is enough to follow again. */
  #scrolledAway = false;
  #ended = false;
  #changed = false;
  /** When it may be drawn again, as performance.now() has it. */
  #rest = 0;
  /** @type {Line[]} the lines that are shown, while the terminal goes on */
  #drawn = [];
  #heldBack = 0;
  #query = "";
  /** @type {Hit[]} */
  #hits = [];
  #hit = -1;

  /**
   * @param {{ screen: HTMLElement, tools: HTMLElement, said: HTMLElement, whole: HTMLAnchorElement }} parts
   * @param {Channel} channel
   * @param {string} job
   * @param {object} [tell]
   * @param {(message: string) => void} [tell.memory] what the job's shell says of memory that ran out
   * @param {(line: string) => void} [tell.error] the last line on stderr of a job that writes no more
   */
  constructor(parts, channel, job, tell = {}) {
    this.tell = tell;
    this.screen = parts.screen;
    this.said = parts.said;
    this.whole = parts.whole;
    this.channel = channel;
    this.job = job;
    this.cutOff = element("p", { className: "cut", textContent: ONLY_END });
    this.cutOff.hidden = true;
    this.screen.replaceChildren(this.cutOff);
    this.screen.hidden = false;
    this.tools = new OutputTools(parts.tools, {
      choose: (stream) => this.#choose(stream),
      search: (query) => this.#search(query),
      step: (by) => this.#step(by),
      wrap: (wraps) => this.screen.classList.toggle("unwrapped", !wraps),
      toggle: () => (this.#following ? this.#pause(false) : this.#resume()),
    });
    this.#label();
    this.wholeSearch = new WholeSearch(parts.tools);
    this.files = new OutputFiles(this.screen, job);
    this.screen.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.#following && this.#toEnd()).observe(this.screen);
    this.whole.addEventListener("click", (event) => this.#download(event));
    setInterval(() => {
      if (this.#changed && !document.hidden && performance.now() >= this.#rest) this.#draw();
    }, EVERY);
    this.#begin();
  }

  /** Show one stream, or both. @param {string} stream */
  #choose(stream) {
    this.#stream = stream;
    this.wholeSearch?.clear();
    this.#begin();
    const address = new URL(this.whole.href);
    if (stream) address.searchParams.set("stream", stream);
    else address.searchParams.delete("stream");
    this.whole.href = address.href;
  }

  /** Address of all that the job has written. */
  get #soFar() {
    return at(`/v1/jobs/${this.job}/output${this.#stream ? `?stream=${this.#stream}` : ""}`);
  }

  /** The link gives all up to the end of the job; while that is not there, what there is. @param {Event} event */
  async #download(event) {
    if (this.#ended) return;
    event.preventDefault();
    this.#tell("Fetching the whole output so far.");
    try {
      const response = await fetch(this.#soFar, { headers: { ...session.headers, Accept: "text/plain" } });
      if (!response.ok) throw new Error(`The service answered ${response.status}.`);
      const href = URL.createObjectURL(await response.blob());
      element("a", { href, download: `${this.job}.txt` }).click();
      URL.revokeObjectURL(href);
      this.#tell("");
    } catch (problem) {
      this.#tell(String(problem));
    }
  }

  /** Ask for the output from its tail. */
  #begin() {
    this.channel.leave(this.#name);
    this.#subscriptions++;
    this.#terminal = new Terminal();
    for (const { div } of this.#shown.values()) div.remove();
    this.#shown.clear();
    this.#last.clear();
    this.#read.clear();
    this.files?.clear();
    this.#isFileCut = false;
    this.#firstIndex = -1;
    this.#entries = 0;
    this.#isCut = false;
    this.cutOff.textContent = ONLY_END;
    this.#ended = false;
    this.#following = true;
    this.#scrolledAway = false;
    this.#drawn = [];
    this.cutOff.hidden = true;
    this.#changed = true;
    this.#tell("Loading output …");
    this.#ask();
  }

  /** Each time another name: what is still on its way to the one before is not taken for it. */
  get #name() {
    return `output${this.#subscriptions}`;
  }

  #ask() {
    const wish = () => ({
      stream: "output",
      job: this.job,
      ...(this.#stream ? { streams: [this.#stream] } : {}),
      ...(this.#last.size === 0 ? { tail: TAIL } : resume(this.#last)),
    });
    this.channel.follow(this.#name, wish, (message) => this.#take(message));
  }

  /** @param {Message} message */
  #take(message) {
    if (message.type === "output") this.#add(message);
    else if (message.type === "progress") this.#progress(message);
    else if (message.type === "end") this.#end(message["reason"], message["detail"]);
    else if (message.type === "error") this.#tell(message["detail"]);
  }

  /** Say how far the search for the end of one stream has come. @param {Message} message */
  #progress(message) {
    const [searched, limit] = [message["searched"], message["limit"]].map((bytes) => `${Math.round(bytes / 1e6)} MB`);
    if (message["cut"]) {
      this.cutOff.textContent = `Only the last ${searched} of the output were searched for this stream.`;
      this.#isCut = this.#changed = true;
    } else this.#tell(`Reading the output: ${searched} of at most ${limit}`);
  }

  /** @param {Message} entry */
  #add(entry) {
    const index = entry["index"];
    const source = sourceOf(index);
    if (index <= (this.#last.get(source) ?? -1)) return;
    if (this.#firstIndex < 0 && source === 0) this.#firstIndex = index;
    if (this.#last.size === 0) this.#tell("");
    if (source > 0 && entry["name"] === undefined && !this.#read.has(source)) {
      this.#isFileCut ||= followsOthers(entry);
      this.#read.add(source);
    }
    this.#last.set(source, index);
    this.#entries++;
    if (entry["name"] === "file") this.files.show(entry);
    this.#terminal.take(entry);
    this.#changed = true;
    // Words of flux-core's src/shell/oom.c.
    if (entry["name"] === "log" && /out of memory/i.test(entry["message"] ?? "")) this.tell.memory?.(String(entry["message"]));
  }

  /** @param {string} reason @param {string} detail */
  #end(reason, detail) {
    if (reason === "lost" || reason === "failed") {
      this.#tell(`${detail} Asking again.`);
      const name = this.#name;
      setTimeout(() => name === this.#name && this.#ask(), AGAIN);
      return;
    }
    this.#ended = true;
    const error = this.#terminal.lines.findLast(({ stream, text }) => stream === "stderr" && text.trim());
    if (error) this.tell.error?.(error.text.trim());
    const isEmpty = this.#terminal.lines.length === 0;
    if (isEmpty && this.#isCut) this.#tell("The end: nothing of this stream in what was searched.");
    else if (reason === "finished") this.#tell(isEmpty ? NOTHING[this.#stream] ?? "" : "The end: the job writes no more.");
    else if (reason === "no-output") this.#tell(NOTHING[""] ?? "");
    else this.#tell(detail);
    this.#draw();
  }

  /** @param {string} text */
  #tell(text) {
    this.said.textContent = text;
  }

  #draw() {
    const began = performance.now();
    this.#changed = false;
    if (this.#following) this.#sync();
    else {
      const newest = this.#terminal.first + this.#terminal.lines.length;
      this.#heldBack = newest - ((this.#drawn.at(-1)?.number ?? -1) + 1);
    }
    this.#label();
    const ended = performance.now();
    this.#rest = ended + (SHARE - 1) * (ended - began);
  }

  /** Bring the lines that are shown to what the terminal holds. */
  #sync() {
    const { lines, first, ranks } = this.#terminal;
    this.#drawn = lines.slice();
    this.#hits = find(lines, this.#query);
    this.#hit = -1;
    for (const [number, { div }] of this.#shown) {
      if (number >= first) break;
      div.remove();
      this.#shown.delete(number);
    }
    this.#paint();
    this.screen.classList.toggle("ranked", ranks.size > 1);
    this.cutOff.hidden = !this.#isCut && !this.#isFileCut && first === 0 && !(this.#firstIndex > 1 && this.#entries >= TAIL);
    this.#heldBack = 0;
    this.#say();
    if (this.#following) this.#toEnd();
  }

  /** Write the lines whose text or matches are others than those in sight. */
  #paint() {
    const byLine = new Map();
    for (const hit of this.#hits) {
      const known = byLine.get(hit.number);
      if (known) known.push(hit);
      else byLine.set(hit.number, [hit]);
    }
    const current = this.#hits[this.#hit];
    const fresh = document.createDocumentFragment();
    for (const line of this.#drawn) {
      const hits = byLine.get(line.number) ?? [];
      const at = hits.indexOf(current);
      const key = `${line.version} ${hits.map((/** @type {Hit} */ hit) => hit.start)} ${hits.length ? this.#query : ""} ${at}`;
      const known = this.#shown.get(line.number);
      if (known?.key === key) continue;
      const div = known?.div ?? element("div", { className: "line" });
      fill(div, line, hits, at);
      this.#shown.set(line.number, { div, key });
      if (!known) fresh.append(div);
    }
    this.screen.append(fresh);
  }

  #toEnd() {
    this.screen.scrollTop = this.screen.scrollHeight;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.screen;
    const isAtEnd = scrollHeight - scrollTop - clientHeight < NEAR;
    if (isAtEnd && this.#scrolledAway) this.#resume();
    else if (!isAtEnd && this.#following) this.#pause(true);
  }

  /** @param {boolean} scrolledAway */
  #pause(scrolledAway) {
    this.#following = false;
    this.#scrolledAway = scrolledAway;
    this.#label();
  }

  #resume() {
    this.#following = true;
    this.#scrolledAway = false;
    this.#sync();
    this.#label();
  }

  #label() {
    const waiting = Math.min(this.#heldBack, MAX_LINES);
    const more = waiting ? ` (${waiting}${waiting === MAX_LINES ? "+" : ""} new)` : "";
    const text = this.#following ? "Pause" : `Follow${more}`;
    this.tools.labelFollow(text, this.#ended && (this.#following || !waiting));
  }

  /** @param {string} query */
  #search(query) {
    this.#query = query;
    this.#hits = find(this.#drawn, query);
    this.#hit = -1;
    if (this.#hits.length) this.#step(-1);
    else this.#paint();
    this.#say();
    // The lines shown are not all that there is.
    this.wholeSearch?.ask(this.cutOff.hidden ? "" : query, this.#soFar);
  }

  /** Go to another match: the first one looked at is the last one written. @param {number} by */
  #step(by) {
    const count = this.#hits.length;
    if (!count) return;
    this.#pause(false);
    this.#hit = this.#hit < 0 && by < 0 ? count - 1 : (this.#hit + by + count) % count;
    this.#paint();
    this.screen.querySelector("mark.current")?.scrollIntoView({ block: "nearest", inline: "nearest" });
    this.#say();
  }

  #say() {
    const none = !this.#query ? "" : this.cutOff.hidden ? "Not found" : "Not in the lines shown";
    this.tools.tellHits(this.#hits.length, this.#hit, none);
  }
}

/** @type {Record<string, string>} */
const NOTHING = {
  "": "The job wrote nothing.",
  stdout: "The job wrote nothing to stdout.",
  stderr: "The job wrote nothing to stderr.",
};
