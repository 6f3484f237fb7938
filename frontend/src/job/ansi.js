/**
 * The rendering of a text as in a terminal, as far as a page may: colors and weights (SGR,
 * ECMA-48). All other control sequences are dropped: nothing moves, titles, links or answers.
 */

/**
 * @typedef {object} Style
 * @property {Color | undefined} fg
 * @property {Color | undefined} bg
 * @property {boolean} bold
 * @property {boolean} dim
 * @property {boolean} italic
 * @property {boolean} underline
 * @property {boolean} strike
 * @property {boolean} inverse
 */
/** @typedef {number | readonly [number, number, number]} Color 0 to 15 of the palette, or red, green, blue */
/**
 * @typedef {object} Sink what a text comes to
 * @property {(text: string, style: Style) => void} text
 * @property {() => void} newline
 * @property {() => void} home back to the beginning of the line
 */

/** @type {Style} */
export const PLAIN = Object.freeze({
  fg: undefined, bg: undefined,
  bold: false, dim: false, italic: false, underline: false, strike: false, inverse: false,
});

/** Characters of an escape sequence that may wait for their end in the next piece. */
const MAX_CARRY = 256;
/** Parameters of one sequence that are looked at. */
const MAX_PARAMETERS = 64;

const TEXT = /[^\x00-\x08\x0a-\x1f\x7f-\x9f]+/y;
const CSI = /(?:\x1b\[|\x9b)([0-?]*)([ -/]*)([@-~])/y;
const BROKEN_CSI = /(?:\x1b\[|\x9b)[0-?]*[ -/]*/y;
/** Operating system command, device control, start of string, privacy message, application command. */
const STRING = /\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f]/y;
const ESCAPE = /\x1b[ -/]*[0-~]/y;
const UNFINISHED = /(?:\x1b(?:\[[0-?]*)?|\x9b[0-?]*)[ -/]*$/y;
/** The end of such a string; the end of a line counts, too, so that an unterminated string hides no other line. */
const STRING_END = /[\x07\x18\x1a\x9c\n\x1b]/g;

export class Ansi {
  style = PLAIN;
  #carry = "";
  #inString = false;

  /** @param {string} piece @param {Sink} sink */
  write(piece, sink) {
    const text = this.#carry + piece;
    this.#carry = "";
    let at = 0;
    while (at < text.length) {
      if (this.#inString) {
        at = this.#skip(text, at);
        continue;
      }
      const run = match(TEXT, text, at);
      if (run) {
        sink.text(run[0], this.style);
        at += run[0].length;
        continue;
      }
      at = this.#control(text, at, sink);
    }
  }

  /** @param {string} text @param {number} at @param {Sink} sink */
  #control(text, at, sink) {
    const char = text[at];
    if (char === "\n") sink.newline();
    if (char === "\r") sink.home();
    const sequence = match(CSI, text, at);
    if (sequence) {
      const [all, parameters, intermediate, final] = sequence;
      if (final === "m" && !intermediate) this.style = render(this.style, parameters ?? "");
      return at + all.length;
    }
    const string = match(STRING, text, at);
    if (string) {
      this.#inString = true;
      return at + string[0].length;
    }
    const unfinished = match(UNFINISHED, text, at);
    if (unfinished) {
      if (unfinished[0].length <= MAX_CARRY) this.#carry = unfinished[0];
      return text.length;
    }
    const dropped = match(BROKEN_CSI, text, at) ?? match(ESCAPE, text, at);
    return at + (dropped ? dropped[0].length : 1);
  }

  /** @param {string} text @param {number} at */
  #skip(text, at) {
    STRING_END.lastIndex = at;
    const end = STRING_END.exec(text);
    if (!end) return text.length;
    const { index } = end;
    if (end[0] === "\x1b" && index + 1 === text.length) {
      this.#carry = "\x1b";
      return text.length;
    }
    this.#inString = false;
    if (end[0] === "\n") return index;
    if (end[0] === "\x1b") return text[index + 1] === "\\" ? index + 2 : index;
    return index + 1;
  }
}

/** @param {RegExp} pattern sticky @param {string} text @param {number} at */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/** Return the style after "select graphic rendition". @param {Style} before @param {string} parameters */
function render(before, parameters) {
  if (/[<-?]/.test(parameters)) return before;
  const groups = parameters.split(";", MAX_PARAMETERS);
  let style = { ...before };
  for (let i = 0; i < groups.length; i++) {
    const parts = (groups[i] ?? "").split(":").map(Number);
    const code = parts[0] ?? 0;
    if (code === 38 || code === 48 || code === 58) {
      /** @type {Color | undefined} */
      let color;
      if (parts.length > 1) color = extended(parts[1], parts.slice(parts.length > 5 ? 3 : 2));
      else {
        const kind = Number(groups[i + 1]);
        const count = kind === 2 ? 3 : kind === 5 ? 1 : 0;
        color = extended(kind, groups.slice(i + 2, i + 2 + count).map(Number));
        i += 1 + count;
      }
      if (color !== undefined && code === 38) style.fg = color;
      if (color !== undefined && code === 48) style.bg = color;
    } else if (code === 0) style = { ...PLAIN };
    else if (code >= 30 && code <= 37) style.fg = code - 30;
    else if (code >= 40 && code <= 47) style.bg = code - 40;
    else if (code >= 90 && code <= 97) style.fg = code - 82;
    else if (code >= 100 && code <= 107) style.bg = code - 92;
    else if (code === 4) style.underline = parts[1] !== 0;
    else Object.assign(style, CODES[code]);
  }
  return style;
}

/** @type {Record<number, Partial<Style>>} hidden and blinking text (8, 5, 6) is shown as any other */
const CODES = {
  1: { bold: true }, 2: { dim: true }, 3: { italic: true }, 7: { inverse: true }, 9: { strike: true },
  21: { underline: true }, 22: { bold: false, dim: false }, 23: { italic: false },
  24: { underline: false }, 27: { inverse: false }, 29: { strike: false },
  39: { fg: undefined }, 49: { bg: undefined },
};

/** @param {number | undefined} kind @param {number[]} values @returns {Color | undefined} */
function extended(kind, values) {
  if (!values.every((value) => value >= 0 && value <= 255)) return undefined;
  const [a, b, c] = values;
  if (kind === 2 && a !== undefined && b !== undefined && c !== undefined) return [a, b, c];
  if (kind !== 5 || a === undefined) return undefined;
  if (a < 16) return a;
  if (a >= 232) return [8 + 10 * (a - 232), 8 + 10 * (a - 232), 8 + 10 * (a - 232)];
  const level = (/** @type {number} */ n) => (n ? 55 + 40 * n : 0);
  return [level(Math.floor((a - 16) / 36)), level(Math.floor((a - 16) / 6) % 6), level((a - 16) % 6)];
}
