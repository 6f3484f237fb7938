/** Work that waits until the page shows what its reader did. */

/** Milliseconds after which it begins in a page that paints nothing, such as one that is hidden. */
const LATEST_MS = 100;

/** Resolve once the next frame is painted. @returns {Promise<void>} */
export function painted() {
  return new Promise((done) => {
    const late = setTimeout(done, LATEST_MS);
    requestAnimationFrame(() => {
      setTimeout(() => {
        clearTimeout(late);
        done();
      });
    });
  });
}
