/** The place of the output that the reader looks at: it holds still while lines are read before and after it, or wrap in another way. */

/** Pixels between a match and the edge of the screen that are enough to see it. */
const MARGIN = 16;
/** A match in the first or the last of so many parts of the screen, or of the window, is brought to the middle. */
const EDGE = 6;

/** @typedef {import("./output_view.js").OutputView} OutputView */
/** @typedef {import("./output_lines.js").Line} Line */

export class HeldPlace {
  /** @type {{ isMatch: boolean, line: Line | undefined, number: number | undefined, top: number } | undefined} */
  #place;
  #isHeld = false;
  /** The height of the screen when it was last told, which is after the layout. */
  #height = NaN;

  /** @param {HTMLElement} screen @param {OutputView} view */
  constructor(screen, view) {
    this.screen = screen;
    this.view = view;
  }

  get #match() {
    return this.screen.querySelector("mark.current") ?? undefined;
  }

  /** True if the current match is in sight. */
  get seesMatch() {
    return this.#match !== undefined && this.#sees(this.#match);
  }

  /** The first line in sight. */
  get first() {
    return this.view.lines[this.#from()];
  }

  /**
   * Remember the place in sight: that of the current match, or else of the first line. In a screen whose new height is not
   * told yet, for example because a list has appeared above it, the place that was remembered is still to be restored.
   */
  note() {
    if (this.screen.clientHeight === this.#height) this.#take();
  }

  #take() {
    const match = this.#match;
    const line = this.#firstLine();
    const isMatch = match !== undefined && this.#sees(match);
    const held = isMatch ? match : this.view.elementOf(line);
    this.#place = held && { isMatch, line, number: line && this.view.numberOf(line), top: this.#top(held) };
  }

  /** Let the screen show the place where it was before. */
  restore() {
    const place = this.#place;
    if (!place) return;
    const match = place.isMatch ? this.#match : undefined;
    const held = match ?? this.#elementOf(place);
    if (held) this.screen.scrollTop += this.#top(held) - place.top;
    // The screen may be lower than it was.
    if (match && !this.#sees(match)) this.#center(match);
  }

  /** Show the place, or the end while that is followed, in a screen of another size. @param {boolean} isFollowing */
  resized(isFollowing) {
    this.#height = this.screen.clientHeight;
    if (isFollowing) this.screen.scrollTop = this.screen.scrollHeight;
    else this.restore();
  }

  /** Make a change that leaves the place where it is. @param {() => void} change */
  during(change) {
    // A change may consist of others.
    if (this.#isHeld) return change();
    this.#isHeld = true;
    try {
      this.note();
      change();
      this.restore();
    } finally {
      this.#isHeld = false;
    }
  }

  /**
   * Scroll an element to the middle of the screen unless it is well in sight, and the page, whose window may be lower than
   * the screen, too.
   * @param {Element} target
   */
  reveal(target) {
    if (!this.#sees(target, this.screen.clientHeight / EDGE)) this.#center(target);
    target.scrollIntoView({ block: "nearest", inline: "nearest" });
    const screen = this.screen.getBoundingClientRect();
    const { top, bottom } = target.getBoundingClientRect();
    // A keyboard on the glass leaves a part of the window.
    const height = globalThis.visualViewport?.height ?? innerHeight;
    const isCut = screen.top < 0 || screen.bottom > height;
    if (isCut && (top < height / EDGE || bottom > height - height / EDGE)) scrollBy({ top: (top + bottom - height) / 2 });
    this.#take();
  }

  /** Scroll to the current match. */
  revealMatch() {
    if (this.#match) this.reveal(this.#match);
  }

  /** @param {Element} target */
  #center(target) {
    const { height } = target.getBoundingClientRect();
    this.screen.scrollTop += this.#top(target) - Math.max((this.screen.clientHeight - height) / 2, 0);
  }

  /** Return the pixels from the upper edge of the screen. @param {Element} target */
  #top(target) {
    return target.getBoundingClientRect().top - this.screen.getBoundingClientRect().top;
  }

  /** @param {Element} target @param {number} [margin] pixels between it and the edge of the screen */
  #sees(target, margin = MARGIN) {
    const top = this.#top(target);
    const { height } = target.getBoundingClientRect();
    return top >= margin && top + height <= this.screen.clientHeight - margin;
  }

  /** Find the element of a line that was noted, by its number, which is the same on another page. @param {{ line: Line | undefined, number: number | undefined }} place */
  #elementOf({ line, number }) {
    if (line && number !== undefined) return this.view.find(line.source, number);
    return line && this.view.lines.includes(line) ? this.view.elementOf(line) : undefined;
  }

  /** Return the place of the first line in sight among the lines. */
  #from() {
    const { lines } = this.view;
    let [from, to] = [0, lines.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      const div = this.view.elementOf(lines[middle]);
      if (div && this.#top(div) + div.offsetHeight <= 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Return the first line in sight that has a number, or the last one before it; without numbers, the first line in sight. */
  #firstLine() {
    const { lines } = this.view;
    const from = this.#from();
    const hasNumber = (/** @type {Line} */ line) => this.view.numberOf(line) !== undefined;
    return lines.slice(from).find(hasNumber) ?? lines.slice(0, from).findLast(hasNumber) ?? lines[from];
  }
}
