// A form with data-passkey fetches the WebAuthn options from its address, and sends the browser's answer in its hidden
// field. Without passkeys in the browser, or without this script, the button stays hidden: the reader types a code.
(() => {
  "use strict";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (character) => character.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const decodedIds = (credentials) => (credentials ?? []).map((item) => ({ ...item, id: bytes(item.id) }));

  const ceremonies = {
    async create(options) {
      const publicKey = { ...options, challenge: bytes(options.challenge), user: { ...options.user, id: bytes(options.user.id) } };
      publicKey.excludeCredentials = decodedIds(options.excludeCredentials);
      return navigator.credentials.create({ publicKey });
    },
    async get(options) {
      const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: decodedIds(options.allowCredentials) };
      return navigator.credentials.get({ publicKey });
    },
  };

  function answer(credential) {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
      if (credential.response[name]) response[name] = text(credential.response[name]);
    }
    return JSON.stringify({ id: credential.id, rawId: text(credential.rawId), type: credential.type, response });
  }

  async function fetchOptions(form) {
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const response = await fetch(form.dataset.options, { method: "POST", headers: { "X-CSRFToken": token, "X-Requested-With": "fetch" } });
    if (response.headers.has("HX-Redirect")) location.assign(response.headers.get("HX-Redirect"));
    if (response.status !== 200) throw new Error(`answered ${response.status}`);
    return (await response.json()).publicKey;
  }

  async function use(form, button) {
    const error = form.querySelector("[data-message]");
    error.hidden = true;
    if (form.dataset.passkey === "create" && !form.reportValidity()) return;
    button.disabled = true;
    try {
      form.querySelector("[data-answer] input").value = answer(await ceremonies[form.dataset.passkey](await fetchOptions(form)));
      form.submit(); // not requestSubmit: the field for a code may stay empty
    } catch {
      // Refused, too late, already registered or not allowed here: browsers hide the cause from a page.
      error.textContent = error.dataset.message;
      error.hidden = false;
      button.disabled = false;
    }
  }

  if (!window.PublicKeyCredential || !navigator.credentials) return;
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("[data-use]");
    button.addEventListener("click", () => use(form, button));
    for (const part of form.querySelectorAll("[data-with-passkeys]")) part.hidden = false;
    for (const part of form.querySelectorAll("[data-without-passkeys]")) part.hidden = true;
    // Enter in the field of the name is the button, for there is no other.
    if (form.dataset.passkey === "create") {
      form.addEventListener("submit", (event) => {
        event.preventDefault();
        use(form, button);
      });
    }
  }
})();
