// Announces long work to screen readers, once when it starts and once when it ends: every per cent would be noise.
(() => {
  "use strict";

  let announced = "";
  function announce() {
    const tiles = [...document.querySelectorAll(".work .tiles > *")].map((tile) => tile.textContent.trim().replace(/\s+/g, " "));
    const text = tiles.length ? tiles.join(", ") : (document.querySelector(".work h2")?.textContent.trim() ?? "");
    const region = document.getElementById("progress-announcement");
    if (region && text !== announced) region.textContent = announced = text;
  }
  document.addEventListener("htmx:afterSettle", announce);
})();
