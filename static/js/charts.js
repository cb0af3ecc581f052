// Puts a live chart over the drawing that the server made: boxes with data-chart="<address of a figure>".
//
// The drawing says everything already, so Plotly, which is heavy, is loaded only for somebody who is there: when a box is
// near the screen, the page is loaded and idle, and its reader has moved, scrolled, touched or typed, or has looked for a
// while. Paper gets the drawing. The figure comes with an ETag, is kept, and is drawn again when the theme changes.
(() => {
  "use strict";

  const library = document.currentScript.dataset.library;
  const narrow = 420; // pixels of a box that gets fewer ticks and shorter names; rows.css has the same number
  const looking = 4000; // milliseconds of looking at a page without touching anything
  const signs = ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown"];
  const drawn = new Map(); // box -> {etag, figure}
  let loading = null;

  function load() {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = library;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error("chart library"));
      document.head.append(script);
    });
    return loading;
  }

  const loaded = new Promise((resolve) => {
    if (document.readyState === "complete") resolve();
    else window.addEventListener("load", resolve, { once: true });
  });
  const present = new Promise((resolve) => {
    for (const sign of signs) window.addEventListener(sign, resolve, { once: true, passive: true, capture: true });
    loaded.then(() => setTimeout(resolve, looking));
  });
  const idle = () => new Promise((resolve) => ("requestIdleCallback" in window ? requestIdleCallback(resolve, { timeout: 5000 }) : setTimeout(resolve, 200)));

  // "var(--brand)" anywhere in a figure becomes the colour that the token has in the theme in force.
  function resolved(value, style) {
    if (typeof value === "string") {
      const token = /^var\((--[\w-]+)\)$/.exec(value);
      return token ? style.getPropertyValue(token[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((one) => resolved(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, resolved(one, style)]));
    }
    return value;
  }

  function fitted(figure, box) {
    const { data, layout } = resolved(figure, getComputedStyle(document.documentElement));
    layout.font.family = getComputedStyle(document.body).fontFamily;
    for (const part of [layout.xaxis, layout.yaxis, layout]) {
      if (part.narrow && box.clientWidth < narrow) {
        Object.assign(part, part.narrow, part.narrow.margin && { margin: { ...part.margin, ...part.narrow.margin } });
      }
      delete part.narrow;
    }
    layout.width = box.clientWidth;
    layout.height = box.clientHeight;
    return { data, layout };
  }

  async function draw(box) {
    const first = !box.querySelector(".live");
    const place = first ? document.createElement("div") : box.querySelector(".live");
    if (first) {
      place.className = "live";
      box.append(place);
    }
    const { data, layout } = fitted(drawn.get(box).figure, box);
    await window.Plotly.react(place, data, layout, { displayModeBar: false });
    box.dataset.state = "drawn";
    if (!first) return;
    place.on("plotly_click", (event) => follow(event.points[0]));
    readable(box, place);
  }

  function follow(point) {
    const address = point?.customdata;
    if (typeof address === "string" && address.startsWith("/")) window.location.assign(address);
  }

  // By keyboard: arrows along a trace and from trace to trace, Home and End, Enter where a point leads somewhere. What the
  // pointer would show is shown, and said.
  function readable(box, place) {
    const region = document.createElement("p");
    region.className = "sr-only";
    region.setAttribute("aria-live", "polite");
    box.after(region);
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    let at = null;
    const texts = (curve) => place.data[curve]?.hovertext ?? [];
    const curves = () => place.data.map((trace, curve) => curve).filter((curve) => texts(curve).length);

    function show(curve, number) {
      at = { curve, number: Math.max(0, Math.min(number, texts(curve).length - 1)) };
      window.Plotly.Fx.hover(place, [{ curveNumber: at.curve, pointNumber: at.number }]);
      const said = new DOMParser().parseFromString(texts(at.curve)[at.number], "text/html");
      region.textContent = said.body.textContent;
    }

    box.addEventListener("keydown", (event) => {
      const known = curves();
      if (event.ctrlKey || event.metaKey || event.altKey || !known.length) return;
      const flat = place.data[known[0]].orientation === "h";
      const [back, on] = flat ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
      const [before, after] = flat ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
      const last = texts(at?.curve ?? known[0]).length - 1;
      const here = at ?? { curve: known[0], number: event.key === back ? last + 1 : -1 };
      const beside = (step) => known[(known.indexOf(here.curve) + step + known.length) % known.length];
      const keys = {
        [back]: () => show(here.curve, here.number - 1),
        [on]: () => show(here.curve, here.number + 1),
        [before]: () => show(beside(-1), here.number),
        [after]: () => show(beside(1), here.number),
        Home: () => show(here.curve, 0),
        End: () => show(here.curve, last),
        Enter: () => at && follow({ customdata: place.data[at.curve].customdata?.[at.number] }),
        Escape: () => window.Plotly.Fx.unhover(place),
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    box.addEventListener("blur", () => window.Plotly.Fx.unhover(place));
  }

  async function show(box) {
    const known = drawn.get(box);
    try {
      const answer = await fetch(box.dataset.chart, {
        headers: known ? { "If-None-Match": known.etag } : {},
        credentials: "same-origin",
        cache: "no-store",
      });
      if (answer.status === 304) return;
      if (!answer.ok) throw new Error(String(answer.status));
      const { figure, title, summary, drawing, table } = await answer.json();
      const heading = document.getElementById(box.dataset.heading);
      if (heading && heading.textContent !== title) heading.textContent = title;
      box.setAttribute("aria-label", summary);
      if (drawing) box.querySelector(".sketch").outerHTML = drawing;
      if (table) box.closest(".twins").querySelector("table").outerHTML = table;
      await load();
      drawn.set(box, { etag: answer.headers.get("ETag"), figure });
      await draw(box);
    } catch (problem) {
      // The drawing and the table stay, and say the same.
      if (!known) box.dataset.state = "failed";
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const boxes = document.querySelectorAll("[data-chart]");
    const seen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        seen.unobserve(target);
        Promise.all([loaded, present]).then(idle).then(() => show(target));
      }
    }, { rootMargin: "200px" });
    const sized = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const size = target.querySelector(".live")?.layout;
        if (size && target.clientWidth && (size.width !== target.clientWidth || size.height !== target.clientHeight)) draw(target);
      }
    });
    for (const box of boxes) {
      box.dataset.state = "waiting";
      seen.observe(box);
      sized.observe(box);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      if (window.Plotly) for (const box of drawn.keys()) draw(box);
    });
  });
  document.addEventListener("standing-changed", () => {
    for (const box of document.querySelectorAll("[data-chart][data-live]")) if (box.dataset.state !== "waiting") show(box);
  });
})();
