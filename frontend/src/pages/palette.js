/** The palette and the list of shortcuts, which are loaded when they are first wanted. */

export { openPalette } from "../palette/palette.js";
export { openShortcuts } from "../palette/shortcuts.js";
