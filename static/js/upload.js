// Refuses a file that is too large before the browser spends minutes on sending it.
(() => {
  "use strict";

  const uploads = "form[data-upload]";
  function refuses(form) {
    const input = form.querySelector("input[type=file]");
    const tooLarge = (input.files[0]?.size ?? 0) > Number(form.dataset.upload);
    form.querySelector("[data-too-large]").hidden = !tooLarge;
    input.setAttribute("aria-invalid", String(tooLarge));
    return tooLarge;
  }
  document.addEventListener("change", ({ target }) => target.form?.matches(uploads) && refuses(target.form));
  // While the event goes down to the form: forms.js sends what is left when it comes up.
  document.addEventListener("submit", (event) => event.target.matches(uploads) && refuses(event.target) && event.preventDefault(), true);
})();
