// Behaviour of every page: menus that close, a standing that is polled, a print button.
(() => {
  "use strict";

  // Milliseconds between polls: short after an action, because a worker counts it within seconds, and then every 15 s.
  const quickDelays = [200, 400, 800, 1600];
  const steadyDelay = 15000;
  let timer = 0;
  let remaining = [];

  const standing = () => document.getElementById("standing");
  const invalidField = () => document.querySelector("#quick-add [aria-invalid=true]");

  function schedule() {
    clearTimeout(timer);
    if (!standing() || document.hidden) return;
    timer = setTimeout(poll, remaining.length ? remaining.shift() : steadyDelay);
  }

  function poll() {
    const place = standing();
    if (place && window.htmx) window.htmx.trigger(place, "poll");
    schedule();
  }

  function pollQuickly() {
    remaining = [...quickDelays];
    schedule();
  }

  // A live region must outlive what it reports: screen readers ignore a region that is swapped together with its text. So
  // the swapped section carries the sentence, and this copies it into a region that stays.
  // When the target is reached while the page is open, a class on the card plays one short animation.
  let reached = true;
  function announce() {
    const place = standing();
    const region = document.getElementById("announcement");
    const now = place?.classList.contains("reached");
    if (now && !reached) place.classList.add("arriving");
    reached = now;
    if (!place || !region || place.dataset.announcement === region.dataset.announced) return;
    if (region.dataset.announced) region.textContent = place.dataset.announcement;
    region.dataset.announced = place.dataset.announcement;
  }

  document.addEventListener("DOMContentLoaded", () => {
    announce();
    const place = standing();
    if (place) "pollQuickly" in place.dataset ? pollQuickly() : schedule();
    invalidField()?.focus();
    for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
  document.addEventListener("recorded", () => {
    pollQuickly();
    document.querySelector("#quick-add input:not([type=hidden])")?.focus();
  });

  // A field for one line or a pasted list: Enter sends one line, in a list it begins the next; with Ctrl it always sends.
  const hasSeveralLines = (field) => field.value.trim().includes("\n");
  const growsItself = CSS.supports("field-sizing", "content");
  document.addEventListener("input", ({ target }) => {
    if (!target.matches("textarea[data-enter]")) return;
    target.enterKeyHint = hasSeveralLines(target) ? "enter" : "send";
    if (!growsItself) target.rows = Math.min(12, target.value.split("\n").length);
  });
  document.addEventListener("keydown", (event) => {
    // An Enter that only ends a composition (pinyin, kana) belongs to the keyboard.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (!event.target.matches("textarea[data-enter]")) return;
    const always = event.ctrlKey || event.metaKey;
    if (!always && (event.shiftKey || event.altKey || hasSeveralLines(event.target))) return;
    event.preventDefault();
    if (!event.repeat) event.target.form.requestSubmit();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "quick-add") invalidField()?.focus();
    if (event.detail.target.id === "list") markChosenTile();
    if (event.detail.target.id !== "standing") return;
    announce();
    document.dispatchEvent(new CustomEvent("standing-changed"));
  });
  // After another filter of the list, mark the total above it that the list now shows.
  function markChosenTile() {
    const { status } = document.getElementById("list").dataset;
    for (const tile of document.querySelectorAll(".tiles > a, .totals a")) {
      const chosen = status && new URL(tile.href).searchParams.get("status") === status;
      chosen ? tile.setAttribute("aria-current", "true") : tile.removeAttribute("aria-current");
    }
  }
  // 304: nothing changed, and a header of the response says as of when.
  document.addEventListener("htmx:afterRequest", (event) => {
    const asOf = event.detail.xhr.getResponseHeader("X-As-Of");
    const shown = document.querySelector("#standing [data-as-of]");
    if (event.detail.xhr.status === 304 && asOf && shown) shown.textContent = asOf;
  });

  // A slider beside a field: each follows the other.
  document.addEventListener("input", ({ target }) => {
    const partner = target.dataset.partner && document.getElementById(target.dataset.partner);
    if (partner) partner.value = target.value;
  });

  // A suggestion takes the place of what was typed, a copy button copies a field, and a tick shows passwords.
  document.addEventListener("click", async ({ target }) => {
    const button = target.closest("[data-fill], [data-copy]");
    if (!button) return;
    const field = document.getElementById(button.dataset.fill ?? button.dataset.copy);
    if (button.dataset.fill) {
      const { typed } = button.dataset;
      field.value = field.value.includes(typed) ? field.value.replace(typed, button.value) : button.value;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      field.focus();
      return;
    }
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy"); // without TLS there is no clipboard
    }
    button.querySelector("[data-copied]").hidden = false;
  });
  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-reveal]")) return;
    for (const field of target.form.querySelectorAll("[autocomplete$=password]")) field.type = target.checked ? "text" : "password";
  });
  // Browsers store only what stands in fields for passwords.
  document.addEventListener("submit", ({ target }) => {
    for (const field of target.querySelectorAll("[autocomplete$=password]")) field.type = "password";
  }, true);

  // Menus are <details>: close them on Escape and on a click elsewhere.
  function close(except) {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== except) menu.open = false;
  }
  document.addEventListener("click", (event) => close(event.target.closest("details.menu")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.querySelector("details.menu[open]");
    close(null);
    open?.querySelector("summary").focus();
  });

  // A choice in a filter takes effect at once; the button stays for those without this script.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form[data-instant]");
    if (form && event.target.matches("select")) form.requestSubmit();
  });
})();
