// Sends the forms of a page by fetch, unless htmx sends them, so that nothing typed is lost. When sending fails, a notice
// beside the form says why, with "Try again". After an expired session or an error page, the page comes back with its
// fields filled. Until then they are in the session storage of this tab, for the same reader and page alone.
(() => {
  "use strict";

  const stored = "typed";
  const scripted = { "X-Requested-With": "fetch" };
  const patience = 30000; // milliseconds without an answer; _htmx_head.html has the same number
  const uploadPatience = 600000;
  const pollAgain = 5000; // milliseconds until a poll that failed is repeated
  const { reader } = document.body.dataset;
  const here = () => location.pathname + location.search;
  const postForms = () => [...document.querySelectorAll("main form[method=post]")];

  // -- What was typed

  const ticks = (field) => field.type === "checkbox" || field.type === "radio";
  const kept = (field) => field.name && (field.name === "key" || !/^(hidden|password|file|submit|button|reset|fieldset|output)$/.test(field.type));
  const secret = (form) => form.querySelector("[type=password], [autocomplete*=password], [autocomplete=one-time-code]");
  // Left to the browser: password managers watch these, and passkeys.js knows the forms that were there when it began.
  const native = (form) => secret(form) || document.querySelector("[data-passkey]");
  function changed(field) {
    if (ticks(field)) return field.checked !== field.defaultChecked;
    if (field.options) return [...field.options].some((option) => option.selected !== option.defaultSelected) && field.selectedIndex > 0;
    return field.type !== "hidden" && field.value !== field.defaultValue;
  }

  // Two forms of a page may have one action; the place among them tells which is meant, unless the form has an id.
  function identify(form) {
    const action = form.getAttribute("action");
    const twins = postForms().filter((candidate) => candidate.getAttribute("action") === action);
    return JSON.stringify([action, form.id || twins.indexOf(form)]);
  }

  let over = false; // the reader signs out: an answer that is still on its way must keep nothing

  function drop() {
    sessionStorage.removeItem(stored);
  }

  // `waiting`: to be filled in when this page is next loaded; otherwise only after a sign-in or an error page.
  function keep(sent, waiting = false) {
    if (over) return;
    const forms = postForms().filter((form) => !secret(form)).flatMap((form) => {
      const fields = [...form.elements].filter(kept);
      if (form !== sent && !form.querySelector("[aria-invalid=true]") && !fields.some(changed)) return [];
      const file = Boolean(form.querySelector("[type=file]")?.value);
      return [{ key: identify(form), file, fields: fields.map(({ name, type, value, checked }) => ({ name, type, value, checked })) }];
    });
    try {
      sessionStorage.setItem(stored, JSON.stringify({ page: here(), reader, waiting, forms }));
    } catch {
      drop(); // no room: better nothing than an older text
    }
  }

  function fill(form, fields) {
    for (const { name, type, value, checked } of fields) {
      for (const field of form.elements) {
        if (field.name !== name || field.type !== type) continue;
        if (!ticks(field)) field.value = value;
        else if (field.value === value) field.checked = checked;
        if (type !== "hidden") field.dispatchEvent(new Event("input", { bubbles: true }));
      }
    }
  }

  function restore({ forms }) {
    for (const { key, file, fields } of forms) {
      const form = postForms().find((candidate) => identify(candidate) === key);
      if (!form) continue;
      fill(form, fields);
      const typed = [...form.elements].find((field) => kept(field) && field.type !== "hidden" && (ticks(field) ? changed(field) : field.value));
      if (!typed && !file) continue;
      form.before(notice(file ? "file" : "restored"));
      (typed ?? form.querySelector("[type=file]")).focus();
    }
  }

  // -- Notices

  const explained = (reason) => ([403, 404, 413, 429, 503, "offline", "timeout"].includes(reason) ? String(reason) : "other");

  // A copy from the page's template (components/_form_notices.html) with the text of these reasons alone.
  function notice(...reasons) {
    const [failure, back] = document.getElementById("form-notices").content.children;
    const of = (element) => [...element.querySelectorAll("[data-reason]")];
    const shown = (of(back).some(({ dataset }) => reasons.includes(dataset.reason)) ? back : failure).cloneNode(true);
    for (const text of of(shown)) if (!reasons.includes(text.dataset.reason)) text.remove();
    return shown;
  }

  // An answer to an earlier attempt must not be taken for the answer to this one.
  function clear(attempt) {
    // The form of an Undo button stands in the message itself.
    for (const old of document.querySelectorAll("main .form-notice, main .messages > li")) if (!old.contains(attempt)) old.remove();
  }

  function fail(form, submitter, reason) {
    keep(form, true);
    const shown = notice("saving", explained(reason));
    shown.querySelector("button").addEventListener("click", async () => {
      if (reason === 403 && !(await renewToken())) return;
      form.requestSubmit(submitter);
    });
    form.after(shown);
    shown.scrollIntoView({ block: "nearest" });
  }

  function visit(address) {
    const next = new URL(address, location.href);
    const same = next.pathname + next.search === here() && next.hash;
    location.assign(next);
    if (same) location.reload(); // with a fragment, the browser would stay on the page
  }

  // A page that was open during another sign-in has an old token. False: the page is left, or it is another reader's now.
  async function renewToken() {
    try {
      const answer = await fetch(location.href, { headers: scripted });
      if (answer.headers.has("HX-Redirect")) return visit(answer.headers.get("HX-Redirect"));
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (page.body.dataset.reader !== reader) return location.reload();
      const { value } = page.querySelector("[name=csrfmiddlewaretoken]");
      for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = value;
    } catch {
      // Offline: the next attempt says so.
    }
    return true;
  }

  // -- Sending

  // The answer is a page: the form with its errors, or a preview.
  function replaceMain(html, address) {
    drop();
    const page = new DOMParser().parseFromString(html, "text/html");
    for (const sheet of page.querySelectorAll("link[rel=stylesheet]")) {
      if (!document.querySelector(`link[href="${sheet.getAttribute("href")}"]`)) document.head.append(sheet);
    }
    const main = page.querySelector("main");
    document.querySelector("main").replaceWith(main);
    document.title = page.title;
    window.htmx?.process(main);
    document.dispatchEvent(new Event("main-replaced")); // people.js
    const invalid = main.querySelector("[aria-invalid=true]");
    const part = document.getElementById(new URL(address, location.href).hash.slice(1));
    invalid ? invalid.focus() : (part ?? main).scrollIntoView();
  }

  async function send(form, submitter) {
    const upload = form.querySelector("[type=file]");
    const address = submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href;
    const body = new FormData(form, submitter);
    const busy = (is) => {
      is ? form.setAttribute("aria-busy", "true") : form.removeAttribute("aria-busy");
      for (const button of form.querySelectorAll("button")) button.disabled = is;
    };
    keep(form);
    busy(true);
    let answer, page;
    try {
      const signal = AbortSignal.timeout(upload ? uploadPatience : patience);
      answer = await fetch(address, { method: "POST", body, headers: scripted, signal });
      page = await answer.text();
    } catch (error) {
      busy(false);
      return fail(form, submitter, error.name === "TimeoutError" ? "timeout" : "offline");
    }
    if (answer.headers.has("HX-Redirect")) {
      window.addEventListener("pagehide", () => busy(false), { once: true });
      return visit(answer.headers.get("HX-Redirect"));
    }
    if (answer.ok || answer.status === 409 || answer.status === 422) return replaceMain(page, address);
    fail(form, submitter, answer.status);
    busy(false);
  }

  function submitted(event) {
    const form = event.target;
    if (form.method !== "post") return;
    if (!form.closest("main")) {
      over = true; // sign-out, or another language
      return drop();
    }
    clear(form);
    if (event.defaultPrevented) return; // htmx sends it, or a script has refused it
    if (native(form)) return;
    event.preventDefault();
    if (!form.hasAttribute("aria-busy")) send(form, event.submitter);
  }

  // -- htmx

  const isRedirect = (detail) => detail.xhr.getResponseHeader("HX-Redirect");
  const isPoll = (element) => /poll|every/.test(element.dataset.hxTrigger);

  function failedRequest({ detail }, reason) {
    const { elt: element, target, requestConfig, pathInfo } = detail;
    if (requestConfig.verb === "post" && element.tagName !== "FORM") return; // what the form understands as one types
    if (requestConfig.verb === "post") return fail(element, null, reason);
    if (isPoll(element)) return; // it comes again by itself, and the page says as of when it is
    if (element.dataset.hxTrigger?.startsWith("load")) {
      setTimeout(() => element.isConnected && window.htmx.ajax("GET", requestConfig.path, { source: element, target: element, swap: "outerHTML" }), pollAgain);
      return;
    }
    clear(element);
    const shown = notice("not-loaded", explained(reason));
    shown.querySelector("button").addEventListener("click", () => location.assign(pathInfo.finalRequestPath));
    target.before(shown);
    shown.scrollIntoView({ block: "nearest" });
  }

  // -- This page

  let typed = null;
  try {
    typed = JSON.parse(sessionStorage.getItem(stored));
  } catch {
    drop();
  }
  if ("keepsTyped" in document.body.dataset) {
    // The sign-in or an error page: the page to which it leads back fills the fields in.
    if (typed) sessionStorage.setItem(stored, JSON.stringify({ ...typed, waiting: true }));
    return;
  }
  drop();
  const cameBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward";
  if (typed && typed.page === here() && typed.reader === reader && (typed.waiting || cameBack)) restore(typed);
  document.addEventListener("submit", submitted);
  // charts.js and people.js: the answer was an address to open.
  document.addEventListener("leave", ({ detail }) => {
    keep();
    visit(detail);
  });
  document.addEventListener("htmx:beforeOnLoad", ({ detail }) => isRedirect(detail) && keep(detail.elt));
  document.addEventListener("htmx:afterRequest", ({ detail }) => {
    if (detail.elt.tagName === "FORM" && detail.requestConfig.verb === "post" && detail.successful && !isRedirect(detail)) drop();
  });
  document.addEventListener("htmx:responseError", (event) => failedRequest(event, event.detail.xhr.status));
  document.addEventListener("htmx:sendError", (event) => failedRequest(event, "offline"));
  document.addEventListener("htmx:timeout", (event) => failedRequest(event, "timeout"));
})();
