// A file that is too large is said to be so before it is sent.
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
})();
