/** The visibility of the page: a page that nobody looks at costs nothing. */

/** Milliseconds for which a page that is not seen stays connected: many look away and come back. */
const GRACE = 10_000;
/** Milliseconds that a second may take before the machine is taken to have slept. */
const SLEPT = 15_000;

/**
 * Do something again and again, but only while the page is seen.
 * @param {number} milliseconds
 * @param {() => void} act
 */
export function every(milliseconds, act) {
  /** @type {ReturnType<typeof setInterval> | undefined} */
  let timer;
  const turn = () => {
    clearInterval(timer);
    timer = document.hidden ? undefined : setInterval(act, milliseconds);
  };
  document.addEventListener("visibilitychange", turn);
  turn();
}

/**
 * Keep a channel open while the page is seen, and have it look for the service at once when the
 * machine has slept or is back in its network: what seemed open may long be dead.
 * @param {import("./channel.js").Channel} channel
 * @param {EventTarget & { isNeeded: boolean }} [work] needs the channel also while nobody looks; it tells when that changes
 */
export function attend(channel, work) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let leaving;
  const isWanted = () => !document.hidden || work?.isNeeded === true;
  let isGone = false;
  const wake = () => {
    if (isWanted()) channel.start();
  };
  const turn = () => {
    clearTimeout(leaving);
    if (isGone) return;
    if (!isWanted()) leaving = setTimeout(() => channel.rest(), GRACE);
    else if (channel.state.phase === "resting") channel.start();
  };
  document.addEventListener("visibilitychange", turn);
  work?.addEventListener("change", turn);
  let last = Date.now();
  document.addEventListener("visibilitychange", () => (last = Date.now()));
  every(1000, () => {
    const now = Date.now();
    if (now - last > SLEPT) wake();
    last = now;
  });
  addEventListener("online", wake);
  // A page that the browser keeps for the way back must not hold a connection.
  addEventListener("pagehide", () => {
    isGone = true;
    channel.rest();
  });
  addEventListener("pageshow", (event) => {
    isGone = false;
    if (event.persisted) wake();
  });
  if (isWanted()) channel.start();
  else channel.rest();
}
