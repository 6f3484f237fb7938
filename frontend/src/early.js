/** Applies the theme and the density that the reader chose before anything is drawn; a plain script in the head of each page. */

try {
  for (const name of ["theme", "density"]) {
    const value = localStorage.getItem(`fluxapi.${name}`);
    if (value) document.documentElement.dataset[name] = value;
  }
} catch {
  // A browser that keeps nothing follows the system.
}
