/** Applies the theme that the reader chose before anything is drawn; a plain script in the head of each page. */

try {
  const theme = localStorage.getItem("fluxapi.theme");
  if (theme) document.documentElement.dataset["theme"] = theme;
} catch {
  // A browser that keeps nothing follows the system.
}
