// A file that is too large is said to be so before it is sent, and progress is heard as well as seen.
(() => {
  "use strict";

  const form = document.querySelector("form[data-upload]");
  const input = form?.querySelector("input[type=file]");
  const tooLarge = () => (input?.files[0]?.size ?? 0) > Number(form.dataset.upload);
  function tell() {
    form.querySelector("[data-too-large]").hidden = !tooLarge();
    input.setAttribute("aria-invalid", String(tooLarge()));
  }
  input?.addEventListener("change", tell);
  form?.addEventListener("submit", (event) => {
    tell();
    if (tooLarge()) event.preventDefault();
  });

  // Once when it starts and once when it is over: every percent would be noise.
  let said = "";
  function say() {
    const heading = document.querySelector("#import-state h2")?.textContent.trim() ?? "";
    const tiles = [...document.querySelectorAll("#import-state .tiles > *")].map((tile) => tile.textContent.trim().replace(/\s+/g, " "));
    const text = tiles.length ? tiles.join(", ") : heading;
    const region = document.getElementById("import-said");
    if (region && text !== said) region.textContent = said = text;
  }
  document.addEventListener("htmx:afterSettle", say);
})();
