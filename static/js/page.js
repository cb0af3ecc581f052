// What a page does besides being a page: menus that close, a number that follows, a print button.
(() => {
  "use strict";

  const after = [200, 400, 800, 1600]; // milliseconds after an action; then every 15 s while the page is seen
  const steady = 15000;
  let timer = 0;
  let quick = [];

  const standing = () => document.getElementById("standing");
  const wrong = () => document.querySelector("#quick-add [aria-invalid=true]");

  function schedule() {
    clearTimeout(timer);
    if (!standing() || document.hidden) return;
    timer = setTimeout(poll, quick.length ? quick.shift() : steady);
  }

  function poll() {
    const place = standing();
    if (place && window.htmx) window.htmx.trigger(place, "poll");
    schedule();
  }

  function hurry() {
    quick = [...after];
    schedule();
  }

  // A live region must outlive what it reports: the swapped section carries the sentence, this puts it into the region.
  // A target that is reached while the page is looked at is a small moment: the card says so once, by a class.
  let reached = true;
  function announce() {
    const place = standing();
    const region = document.getElementById("announcement");
    const now = place?.classList.contains("reached");
    if (now && !reached) place.classList.add("arriving");
    reached = now;
    if (!place || !region || place.dataset.says === region.dataset.said) return;
    if (region.dataset.said) region.textContent = place.dataset.says;
    region.dataset.said = place.dataset.says;
  }

  document.addEventListener("DOMContentLoaded", () => {
    announce();
    const place = standing();
    if (place) "hurry" in place.dataset ? hurry() : schedule();
    wrong()?.focus();
    for (const button of document.querySelectorAll("[data-print]")) button.addEventListener("click", () => window.print());
  });
  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : poll()));
  document.addEventListener("recorded", () => {
    hurry();
    document.querySelector("#quick-add input:not([type=hidden])")?.focus();
  });

  // A field for one line or a pasted list: Enter sends one line, in a list it begins the next; with Ctrl it always sends.
  const several = (field) => field.value.trim().includes("\n");
  const grows = CSS.supports("field-sizing", "content");
  document.addEventListener("input", ({ target }) => {
    if (!target.matches("textarea[data-enter]")) return;
    target.enterKeyHint = several(target) ? "enter" : "send";
    if (!grows) target.rows = Math.min(12, target.value.split("\n").length);
  });
  document.addEventListener("keydown", (event) => {
    // An Enter that only ends a composition (pinyin, kana) belongs to the keyboard.
    if (event.key !== "Enter" || event.isComposing || event.keyCode === 229) return;
    if (!event.target.matches("textarea[data-enter]")) return;
    const always = event.ctrlKey || event.metaKey;
    if (!always && (event.shiftKey || event.altKey || several(event.target))) return;
    event.preventDefault();
    if (!event.repeat) event.target.form.requestSubmit();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id === "quick-add") wrong()?.focus();
    if (event.detail.target.id === "list") follow();
    if (event.detail.target.id !== "standing") return;
    announce();
    document.dispatchEvent(new CustomEvent("standing-changed"));
  });
  // A list that was narrowed anew: the total it is about is the one that is marked above it.
  function follow() {
    const { status } = document.getElementById("list").dataset;
    for (const tile of document.querySelectorAll(".tiles > a")) {
      const chosen = status && new URL(tile.href).searchParams.get("status") === status;
      chosen ? tile.setAttribute("aria-current", "true") : tile.removeAttribute("aria-current");
    }
  }
  // 304: nothing moved, and the answer says until when that is known.
  document.addEventListener("htmx:afterRequest", (event) => {
    const known = event.detail.xhr.getResponseHeader("X-As-Of");
    const shown = document.querySelector("#standing [data-as-of]");
    if (event.detail.xhr.status === 304 && known && shown) shown.textContent = known;
  });

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
