// A form with data-passkey asks its own address what the browser is to sign, and sends the answer in its hidden field.
// Without passkeys in the browser, or without this script, the button is not there: codes are typed.
(() => {
  "use strict";

  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (one) => one.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  const listed = (known) => (known ?? []).map((one) => ({ ...one, id: bytes(one.id) }));

  const ways = {
    async create(asked) {
      const publicKey = { ...asked, challenge: bytes(asked.challenge), user: { ...asked.user, id: bytes(asked.user.id) } };
      publicKey.excludeCredentials = listed(asked.excludeCredentials);
      return navigator.credentials.create({ publicKey });
    },
    async get(asked) {
      const publicKey = { ...asked, challenge: bytes(asked.challenge), allowCredentials: listed(asked.allowCredentials) };
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

  async function ask(form) {
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const found = await fetch(form.dataset.options, { method: "POST", headers: { "X-CSRFToken": token } });
    if (!found.ok || found.redirected) throw new Error(`answered ${found.status}`);
    return (await found.json()).publicKey;
  }

  async function use(form, button) {
    const said = form.querySelector("[data-said]");
    said.hidden = true;
    if (form.dataset.passkey === "create" && !form.reportValidity()) return;
    button.disabled = true;
    try {
      form.querySelector("[data-answer] input").value = answer(await ways[form.dataset.passkey](await ask(form)));
      form.submit(); // not requestSubmit: the field for a code may stay empty
    } catch {
      // Turned down, too late, already there or not allowed here: browsers do not tell a page which.
      said.textContent = said.dataset.said;
      said.hidden = false;
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
