// Draws every chart of the house: boxes with data-chart="<address of a figure>". Nothing here knows what a chart says.
//
// The library is loaded when a box comes near the screen and the browser is idle; the figure comes with an ETag, is kept
// in memory, and is drawn again in other colours when the theme changes or the page goes to paper.
(() => {
  "use strict";

  const library = document.currentScript.dataset.library;
  const narrow = 420; // pixels of a box that gets fewer ticks
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

  const idle = (work) => ("requestIdleCallback" in window ? requestIdleCallback(work, { timeout: 1200 }) : setTimeout(work, 60));

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
    const style = getComputedStyle(document.documentElement);
    const { data, layout } = resolved(figure, style);
    layout.font.family = getComputedStyle(document.body).fontFamily;
    for (const axis of [layout.xaxis, layout.yaxis]) {
      if (axis.narrow && box.clientWidth < narrow) Object.assign(axis, axis.narrow);
      delete axis.narrow;
    }
    layout.width = box.clientWidth;
    layout.height = box.clientHeight;
    return { data, layout };
  }

  function draw(box) {
    const { figure } = drawn.get(box);
    const { data, layout } = fitted(figure, box);
    const first = !box.classList.contains("js-plotly-plot");
    return window.Plotly.react(box, data, layout, { displayModeBar: false }).then(() => {
      box.dataset.state = "drawn";
      if (first) {
        box.on("plotly_click", (event) => {
          const address = event.points[0]?.customdata;
          if (typeof address === "string" && address.startsWith("/")) window.location.assign(address);
        });
      }
    });
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
      const { figure, title, description } = await answer.json();
      await load();
      drawn.set(box, { etag: answer.headers.get("ETag"), figure });
      const heading = document.getElementById(box.dataset.heading);
      if (heading && title) heading.textContent = title;
      box.setAttribute("aria-label", description || title);
      await draw(box);
    } catch (problem) {
      // The table below says the same; an empty box would only ask a question.
      if (!known) {
        box.dataset.state = "failed";
        box.closest(".picture")?.querySelector("details")?.setAttribute("open", "");
      }
    }
  }

  function again() {
    if (window.Plotly) for (const box of drawn.keys()) draw(box);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const boxes = document.querySelectorAll("[data-chart]");
    const seen = new IntersectionObserver((entries) => {
      for (const entry of entries) {
        if (!entry.isIntersecting) continue;
        seen.unobserve(entry.target);
        idle(() => show(entry.target));
      }
    }, { rootMargin: "200px" });
    const sized = new ResizeObserver((entries) => {
      for (const { target } of entries) if (drawn.has(target) && window.Plotly && target.layout?.width !== target.clientWidth) draw(target);
    });
    for (const box of boxes) {
      box.dataset.state = "waiting";
      seen.observe(box);
      sized.observe(box);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", again);
  });
  document.addEventListener("standing-changed", () => {
    for (const box of drawn.keys()) if ("live" in box.dataset) show(box);
  });
  window.addEventListener("beforeprint", () => {
    document.documentElement.classList.add("printing");
    again();
  });
  window.addEventListener("afterprint", () => {
    document.documentElement.classList.remove("printing");
    again();
  });
})();
