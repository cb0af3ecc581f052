// Marks the section in view in the list of contents.
(() => {
  "use strict";

  const links = new Map([...document.querySelectorAll(".contents a")].map((link) => [link.hash.slice(1), link]));
  const headings = [...document.querySelectorAll(".document :is(h2, h3)[id]")];
  // A heading counts as reached a little below the upper edge, where a click on its link puts it.
  const reachedBelow = 80; // pixels

  function mark() {
    const reached = headings.filter((heading) => heading.getBoundingClientRect().top < reachedBelow).at(-1);
    for (const [anchor, link] of links) {
      if (anchor === reached?.id) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  }

  addEventListener("scroll", () => requestAnimationFrame(mark), { passive: true });
  mark();
})();
