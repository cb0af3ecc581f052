// Long work is heard as well as seen: once when it starts and once when it is over, for every percent would be noise.
(() => {
  "use strict";

  let said = "";
  function say() {
    const tiles = [...document.querySelectorAll(".work .tiles > *")].map((tile) => tile.textContent.trim().replace(/\s+/g, " "));
    const text = tiles.length ? tiles.join(", ") : (document.querySelector(".work h2")?.textContent.trim() ?? "");
    const region = document.getElementById("work-said");
    if (region && text !== said) region.textContent = said = text;
  }
  document.addEventListener("htmx:afterSettle", say);
})();
