/** The room that the names of nodes need, so that none is cut. */

import { SHORT, visible } from "../ui/visible.js";

/** Names whose width is measured, the longest. */
const MEASURED = 20;
/** The part of the frame that names may take on one line, and on several; on a narrow screen, all of it. */
const LINE_SHARE = 0.4;
const LINES_SHARE = 0.3;
const NARROW = "(width < 58rem)";
/** Pixels beside a name in its cell. */
const PADDING_PX = 24;
const LEAST_PX = 128;

/** @type {CanvasRenderingContext2D | null | undefined} */
let canvas;

/**
 * Return the pixels of the column of names, and the lines that the longest one takes in it.
 * @param {readonly string[]} names
 * @param {HTMLElement} frame
 */
export function nameRoom(names, frame) {
  const longest = [...names].sort((a, b) => b.length - a.length).slice(0, MEASURED);
  canvas ??= document.createElement("canvas").getContext("2d");
  if (!canvas) return { width: LEAST_PX, lines: 1 };
  const { fontFamily, fontSize } = getComputedStyle(frame.querySelector("table") ?? frame);
  const isNarrow = matchMedia(NARROW).matches;
  canvas.font = `${isNarrow ? 600 : 500} ${fontSize} ${fontFamily}`;
  const needed = Math.max(0, ...longest.map((name) => canvas?.measureText(visible(name, { most: SHORT })).width ?? 0));
  return divided(Math.ceil(needed), frame.clientWidth, isNarrow);
}

/**
 * @param {number} needed pixels of the longest name
 * @param {number} room pixels of the frame
 * @param {boolean} isNarrow
 */
export function divided(needed, room, isNarrow) {
  const share = needed + PADDING_PX <= room * LINE_SHARE ? LINE_SHARE : LINES_SHARE;
  const most = isNarrow ? room : room * share;
  const width = Math.max(LEAST_PX, Math.min(needed + PADDING_PX, Math.floor(most)));
  // A line ends between two letters, so it is not quite full.
  const lines = needed + PADDING_PX <= width ? 1 : Math.ceil((needed * 1.05) / Math.max(width - PADDING_PX, 1));
  return { width, lines };
}
