/**
 * The login page: takes a code or a token from the end of the address, which no request contains,
 * out of the address and so out of the history, and logs in with it.
 */

const form = /** @type {HTMLFormElement | null} */ (document.getElementById("login"));
const given = new URLSearchParams(location.hash.slice(1));
const secret = given.get("code") ?? given.get("token");

if (location.hash) history.replaceState(null, "", location.pathname + location.search);
if (form && secret) {
  const field = (/** @type {string} */ name) => /** @type {HTMLInputElement} */ (form.elements.namedItem(name));
  field("token").value = secret;
  // The service leads to none but its own pages.
  field("next").value = given.get("next") ?? "/";
  form.submit();
}
