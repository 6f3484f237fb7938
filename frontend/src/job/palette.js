/** How a style shows: by classes where the theme may choose the shade, else by colors that can be read. */

/** @typedef {import("./ansi.js").Style} Style */
/** @typedef {import("./ansi.js").Color} Color */
/** @typedef {[number, number, number]} Rgb */

/** @type {readonly Rgb[]} */
const SIXTEEN = [
  [0, 0, 0], [205, 49, 49], [13, 188, 121], [229, 229, 16], [36, 114, 200], [188, 63, 188], [17, 168, 205], [229, 229, 229],
  [102, 102, 102], [241, 76, 76], [35, 209, 139], [245, 245, 67], [59, 142, 234], [214, 112, 214], [41, 184, 219], [255, 255, 255],
];
/** @type {Rgb} */
const BLACK = [0, 0, 0];
/** @type {Rgb} */
const WHITE = [255, 255, 255];
/** Contrast of text to its ground, WCAG 2.2 AA. */
const ENOUGH = 4.5;

/**
 * @param {Style} style
 * @returns {{ className: string, color: string, background: string, shade: string }}
 *   empty for what the theme says; shade is a color whose lightness the theme adapts
 */
export function look(style) {
  const names = /** @type {const} */ (["bold", "dim", "italic", "underline", "strike"]).filter((name) => style[name]);
  /** @type {string[]} */
  const classes = names.map((name) => `t-${name}`);
  const [fg, bg] = style.inverse ? [style.bg, style.fg] : [style.fg, style.bg];
  const found = { color: "", background: "", shade: "" };
  if (bg !== undefined) {
    const ground = rgb(bg);
    found.background = css(ground);
    found.color = css(legible(fg === undefined ? undefined : rgb(fg), ground));
  } else if (style.inverse) classes.push("t-inverse");
  else if (typeof fg === "number") classes.push(`t-${fg}`);
  else if (fg !== undefined) {
    classes.push("t-shade");
    found.shade = css(rgb(fg));
  }
  return { className: classes.join(" "), ...found };
}

/** Return the color itself if it can be read on that ground, else black or white. @param {Rgb | undefined} color @param {Rgb} ground */
function legible(color, ground) {
  if (color && contrast(color, ground) >= ENOUGH) return color;
  return contrast(BLACK, ground) > contrast(WHITE, ground) ? BLACK : WHITE;
}

/** @param {Color} color @returns {Rgb} */
function rgb(color) {
  if (typeof color !== "number") return [...color];
  return SIXTEEN[color] ?? WHITE;
}

/** @param {Rgb} color */
function css([red, green, blue]) {
  return `rgb(${red} ${green} ${blue})`;
}

/** Return the contrast of two colors, by WCAG 2.2. @param {Rgb} a @param {Rgb} b */
export function contrast(a, b) {
  const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
  return ((light ?? 0) + 0.05) / ((dark ?? 0) + 0.05);
}

/** @param {Rgb} color */
function luminance(color) {
  const [red, green, blue] = color.map((value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * (red ?? 0) + 0.7152 * (green ?? 0) + 0.0722 * (blue ?? 0);
}
