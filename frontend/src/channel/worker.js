/** The worker that holds the one stream of all windows of a browser, where no WebSocket comes through. */

import { Switchboard } from "./shared.js";

const switchboard = new Switchboard();
addEventListener("connect", (event) => {
  const [port] = /** @type {MessageEvent} */ (event).ports;
  if (port) switchboard.join(port);
});
setInterval(() => switchboard.sweep(), 30_000);
