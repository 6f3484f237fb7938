/**
 * The live output of a job. The view follows the end until the reader scrolls up, pauses or goes to another line; then it
 * stands still, and new lines wait. A reader can see each stream and task apart, and search all of the output.
 */

import { element } from "../ui/element.js";
import { t } from "../ui/words.js";
import { Finder } from "./finder.js";
import { FirstError } from "./first_error.js";
import { HeldPlace } from "./held_place.js";
import { LinePage } from "./line_page.js";
import { size } from "./line_requests.js";
import { LineSelection } from "./line_selection.js";
import { save } from "./lines_download.js";
import { download, narrow } from "./output_download.js";
import { Feed } from "./output_feed.js";
import { instead } from "./output_instead.js";
import { OutputEdges } from "./output_edges.js";
import { OutputFiles } from "./output_files.js";
import { MAX_LINES } from "./output_lines.js";
import { OutputStatus } from "./output_status.js";
import { OutputTools } from "./output_tools.js";
import { OutputView } from "./output_view.js";
import { Reading } from "./reading.js";
import { isOfTask } from "./sources.js";
import { WholeSearch } from "./whole_search.js";

/** Milliseconds between two looks at what is new. */
const EVERY = 100;
/** At most one part in so many of the time goes into drawing: the page stays at hand. */
const SHARE = 4;
/** Lines that need less than the height of the window: the style gives a short output as much as 60 % of it. */
const FEW = 44;
/** Pixels from the end that count as the end. */
const NEAR = 24;
/** Pixels from the first and the last line of a page at which more lines are read. */
const MORE = 400;

export class Output {
  /** @type {Feed} */
  #feed;
  /** @type {LinePage | undefined} what is shown in place of the end */
  #page;
  #reading = new Reading();
  #stream = "";
  /** @type {number | undefined} */
  #task;
  #following = true;
  /** True if scrolling to the end is enough to follow again. */
  #scrolledAway = false;
  #changed = false;
  /** When it may be drawn again, as performance.now() has it. */
  #rest = 0;
  #heldBack = 0;

  /**
   * @param {{ screen: HTMLElement, tools: HTMLElement, foot: HTMLElement, said: HTMLElement, whole: HTMLAnchorElement }} parts
   * @param {import("../channel/channel.js").Channel} channel
   * @param {string} job
   * @param {object} [tell]
   * @param {number} [tell.ntasks] tasks of the job
   * @param {(isShort: boolean) => void} [tell.short] there is little to show, or nothing
   * @param {(isWaiting: boolean) => void} [tell.waiting] the job has not started
   * @param {(isFull: boolean) => void} [tell.full] the output is to fill the window
   * @param {(message: string) => void} [tell.memory] what the job's shell says of memory that ran out
   * @param {(line?: string) => void} [tell.error] the last line on stderr of a job that writes no more, unless it is before those that are here
   */
  constructor(parts, channel, job, tell = {}) {
    this.tell = tell;
    this.screen = parts.screen;
    this.status = new OutputStatus(parts.said, {
      // It tells its first words before it is known here.
      hasEnded: () => this.#feed?.hasEnded,
      isBeforeEnd: () => this.#page !== undefined && !this.#page.isEnd,
    });
    this.whole = parts.whole;
    this.channel = channel;
    this.job = job;
    this.nothing = element("p", { className: "empty", hidden: true });
    this.screen.replaceChildren(this.nothing);
    this.screen.hidden = false;
    this.view = new OutputView(this.screen, (line) => this.#feed.numbers.of(line));
    this.held = new HeldPlace(this.screen, this.view);
    this.edges = new OutputEdges(this.view.foot, (isEarlier) => this.#more(isEarlier));
    this.screen.prepend(this.edges.top);
    this.tools = new OutputTools(
      parts,
      {
        choose: (stream) => this.#choose(stream, this.#task),
        task: (task) => this.#choose(this.#stream, task),
        search: (query) => this.finder.search(query),
        step: (by) => this.finder.step(by),
        error: () => this.firstError.find(this.#part),
        line: (first) => this.selection.choose({ source: this.#source, first, last: first }),
        wrap: (wraps) => this.#still(() => this.screen.classList.toggle("unwrapped", !wraps)),
        time: (isTimed) => this.#time(isTimed),
        full: (isFull) => tell.full?.(isFull),
        toggle: () => (this.#following ? this.#pause(false) : this.#resume()),
      },
      tell.ntasks ?? 1,
    );
    this.wholeSearch = new WholeSearch(parts.tools, job, () => this.finder.say(), (lines) => this.selection.choose(lines), () => this.view.isRanked);
    this.finder = new Finder(
      {
        view: this.view,
        held: this.held,
        tools: this.tools,
        isWhole: () => this.#isWhole,
        part: () => this.#part,
        pause: () => this.#pause(false),
        paint: () => this.#paint(),
      },
      this.wholeSearch,
    );
    this.files = new OutputFiles(this.screen, job);
    this.selection = new LineSelection(this.screen, (lines) => this.#goTo(lines), (lines) => this.view.textOf(lines), (lines) => save(job, lines, this.#part));
    this.firstError = new FirstError(
      job,
      (text) => this.status.answer(text),
      (lines) => this.selection.choose(lines),
      (text) => this.tools.tellError(text),
      (isNext) => this.tools.nameError(isNext),
    );
    this.screen.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    new ResizeObserver(() => this.held.resized(this.#following)).observe(this.screen);
    this.whole.addEventListener("click", (event) => this.#download(event));
    setInterval(() => {
      if (this.#changed && !document.hidden && performance.now() >= this.#rest) this.#draw();
    }, EVERY);
    this.#feed = this.#follow();
    this.#label();
    this.selection.begin();
  }

  /** The part of the output that is shown, as requests name it. */
  get #part() {
    return { ...(this.#stream ? { stream: this.#stream } : {}), ...(this.#task === undefined ? {} : { task: this.#task }) };
  }

  /** The source of the lines that are shown: of several, that of the first. */
  get #source() {
    return this.#page?.source ?? this.#feed.terminal.lines.find(({ ended }) => ended)?.source ?? 0;
  }

  /** Show one stream, or both; one task, or all. @param {string} stream @param {number | undefined} task */
  #choose(stream, task) {
    this.#stream = stream;
    this.#task = task;
    this.wholeSearch.clear();
    this.firstError.clear();
    this.#begin();
    narrow(this.whole, this.job, this.#part);
  }

  /** Let the link give everything up to the end of the job; before it ends, or for one task, the output so far. @param {Event} event */
  #download(event) {
    if (this.#feed.hasEnded && this.#task === undefined) return;
    event.preventDefault();
    void download(this.job, this.#part, this.whole.download, (text) => this.status.answer(text));
  }

  /** Ask for the output from its tail. */
  #begin() {
    this.#feed?.stop();
    this.#leavePage();
    this.files?.clear();
    this.#following = true;
    this.#scrolledAway = false;
    this.edges.show({ isBegin: true, isEnd: true });
    this.#changed = true;
    this.#feed = this.#follow();
  }

  #follow() {
    return new Feed(this.channel, this.job, this.#stream, {
      changed: () => (this.#changed = true),
      said: (text) => this.status.hear(text),
      file: (entry) => this.files.show(entry),
      memory: (message) => this.tell.memory?.(message),
      ended: () => {
        if (this.#feed.terminal.lastError || this.#feed.isCut) this.tell.error?.(this.#feed.terminal.lastError);
        this.#draw();
      },
    });
  }

  #draw() {
    const began = performance.now();
    this.#changed = false;
    if (this.#following) this.#sync();
    else {
      this.#heldBack = this.#page ? 0 : this.#feed.terminal.next - ((this.view.lines.at(-1)?.number ?? -1) + 1);
      this.#feed.numbers.want(this.view.lines);
      this.#paint();
      this.#idle();
    }
    this.#label();
    const ended = performance.now();
    this.#rest = ended + (SHARE - 1) * (ended - began);
  }

  /** Bring the lines that are shown to what the terminal holds, or the page. */
  #sync() {
    const { ranks } = this.#feed.terminal;
    const task = this.#task;
    let lines = this.#page?.lines ?? this.#feed.terminal.lines.slice();
    if (!this.#page && task !== undefined) lines = lines.filter((line) => isOfTask(line.rank, task));
    this.finder.matches.search(lines, this.view.numberOf);
    this.#feed.numbers.want(lines);
    // Messages of the shell are of no task.
    const first = lines.find(({ rank }) => rank)?.rank;
    this.view.isRanked = task === undefined && (ranks.size > 1 || lines.some(({ rank }) => rank && rank !== first));
    this.view.show(lines, this.finder.matches.hits, this.finder.matches.current, this.finder.matches.query);
    this.edges.show(this.#page ?? { isBegin: !this.#feed.isCut, isEnd: true, said: this.#feed.cutSaid });
    this.#heldBack = 0;
    this.#idle();
    this.finder.say();
    if (this.#following) this.#toEnd();
  }

  /** Say in the middle why no line is there; few lines need no tall window. */
  #idle() {
    const count = this.view.lines.length;
    // The lines are on their way as long as the end of the output has not come.
    if (this.#state.isOver && !this.#feed.hasEnded && !this.status.text) this.status.tell(t("output.loading"));
    const isEmpty = !count && this.edges.isBegin;
    const { text, isFinal } = instead(this.#feed, this.status.text, this.#state, this.files.isAny);
    // A job that runs can write at any moment, so its window stays as it is; else nothing is there to search in.
    const isRest = isEmpty && isFinal && (this.#feed.hasEnded || this.#state.isPending);
    const isAll = !this.#stream && this.#task === undefined;
    this.tell.waiting?.(!count && (this.#state.isPending || (isRest && isAll)));
    this.nothing.hidden = !isEmpty || !text;
    if (!this.nothing.hidden && this.nothing.textContent !== text) this.nothing.textContent = text;
    if (isEmpty && isFinal && !this.#feed.hasEnded) this.status.tell("");
    this.tell.short?.(isRest || (this.#feed.hasEnded && count < FEW && this.#isWhole));
  }

  /** The state of the job: without lines, its output is still on its way unless the job has not started. */
  #state = { isPending: false, isOver: false, hasRun: true };

  /** Take the state of the job. @param {{ isPending: boolean, isOver: boolean, hasRun: boolean }} state */
  become(state) {
    if (this.#state.isPending && !state.isPending) this.#feed.begin();
    this.#changed ||= state.isPending !== this.#state.isPending || state.isOver !== this.#state.isOver;
    this.#state = state;
  }

  /** True if everything that the job has written is shown. */
  get #isWhole() {
    return this.#page ? this.#page.isWhole : this.edges.isBegin && !this.#feed.hasGap;
  }

  #leavePage() {
    this.status.forget();
    this.#page?.stop();
    this.#page = undefined;
    this.#reading.drop();
    this.view?.clear();
  }

  /** Show the lines that a link names, and stand still there. @param {import("./line_links.js").Lines | undefined} lines */
  async #goTo(lines) {
    this.view.selected = lines;
    this.#changed = true;
    this.status.forget();
    if (!lines) return;
    this.#pause(false);
    if (!this.view.find(lines.source, lines.first)) {
      const page = this.#newPage(lines.source);
      if (!(await this.#load(() => page.around(lines.first))) || this.view.selected !== lines) return;
      this.#leavePage();
      this.#page = page;
      this.#sync();
      this.status.settle();
      if (!this.view.find(lines.source, lines.first)) this.status.answer(page.absent(lines.first));
    }
    this.finder.matches.enter(this.view.lineOf(lines.source, lines.first)?.number);
    this.#paint();
    const line = this.view.find(lines.source, lines.first);
    // A match may be far down in a long line.
    if (line) this.held.reveal(line.querySelector("mark.current") ?? line);
    this.finder.say();
    this.#label();
  }

  /** @param {number} source */
  #newPage(source) {
    return new LinePage(this.job, source, { stream: this.#stream, task: this.#task }, (bytes) => this.status.tell(t("output.read_so_far", { size: size(bytes) })));
  }

  /** Read the lines before those that are shown, or after them. @param {boolean} isEarlier */
  async #more(isEarlier) {
    if (this.#reading.isOn) return;
    const page = this.#page ?? this.#newPage(this.#source);
    const top = this.view.lines.find((line) => this.#feed.numbers.of(line) !== undefined);
    const first = top && this.#feed.numbers.of(top);
    this.#pause(false);
    if (!this.#page) page.take(this.view.lines, (line) => this.#feed.numbers.of(line));
    if (!(await this.#load(() => (isEarlier ? page.earlier(this.#page ? undefined : first ?? Number.MAX_SAFE_INTEGER) : page.later())))) return;
    this.held.during(() => {
      if (this.#page !== page) this.#leavePage();
      this.status.forget();
      this.#page = page;
      this.#sync();
      this.status.settle();
    });
    if (first === undefined) this.#toEnd();
    this.#label();
  }

  /** Read lines, and say so if they cannot be read. @param {() => Promise<void>} request @returns {Promise<boolean>} whether they are there */
  async #load(request) {
    const said = this.status.text;
    if (!(await this.#reading.run(request, (problem) => this.status.tell(problem)))) return false;
    this.status.tell(this.#feed.hasEnded || said === t("output.loading") ? "" : said);
    return true;
  }

  #toEnd() {
    this.screen.scrollTop = this.screen.scrollHeight;
  }

  #scrolled() {
    if (!this.#following) this.held.note();
    const { scrollHeight, scrollTop, clientHeight } = this.screen;
    const below = scrollHeight - scrollTop - clientHeight;
    if (this.#page) {
      if (scrollTop < MORE && !this.#page.isBegin) this.#more(true);
      else if (below < MORE && !this.#page.isEnd) this.#more(false);
      return;
    }
    const isAtEnd = below < NEAR;
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
    if (this.#page) this.#leavePage();
    else this.status.forget();
    this.status.settle();
    this.finder.matches.leave();
    this.#following = true;
    this.#scrolledAway = false;
    this.#sync();
    this.#label();
  }

  /** True if the page shows everything without scrolling. */
  get #isInSight() {
    if (!this.#page || !this.#feed.hasEnded || !this.#isWhole) return false;
    if (this.screen.scrollHeight - this.screen.clientHeight >= NEAR) return false;
    return this.#feed.terminal.lines.every(({ source }) => source === this.#page?.source);
  }

  #label() {
    const waiting = Math.min(this.#heldBack, MAX_LINES);
    const many = `${waiting}${waiting === MAX_LINES ? "+" : ""}`;
    const text = this.#following ? t("output.pause") : this.#page ? t("output.to_end") : waiting ? t("output.follow_new", { many }) : t("output.follow");
    const hasEnded = this.#feed.hasEnded || this.#state.isOver || !this.view.lines.length;
    this.tools.labelFollow(text, this.#isInSight || (hasEnded && !this.#page && (this.#following || !waiting)));
  }

  /** @param {boolean} isTimed */
  #time(isTimed) {
    this.view.isTimed = isTimed;
    this.#still(() => this.screen.classList.toggle("timed", isTimed));
    this.#paint();
  }

  #paint() {
    this.#still(() => this.view.paint(this.finder.matches.hits, this.finder.matches.current, this.finder.matches.query));
  }

  /** Make a change that leaves in sight what is, or the end while that is followed. @param {() => void} change */
  #still(change) {
    if (!this.#following) return this.held.during(change);
    change();
    this.#toEnd();
  }
}
