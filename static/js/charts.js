// Puts an interactive chart over the SVG that the server made: boxes with data-chart="<address of a figure>".
//
// The SVG shows the whole chart already, and Plotly is heavy. So Plotly is loaded only when a box is near the screen, the
// page is loaded and idle, and the reader has moved, scrolled, touched or typed, or has had the page open for a while.
// Paper gets the SVG. The figure comes with an ETag, is kept, and is drawn again when the theme changes.
(() => {
  "use strict";

  const library = document.currentScript.dataset.library;
  const narrow = 420; // pixels of a box that gets fewer ticks and shorter names; rows.css has the same number
  const readingTime = 4000; // milliseconds after which a reader who touches nothing counts as present
  const activity = ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown"];
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
    for (const event of activity) window.addEventListener(event, resolve, { once: true, passive: true, capture: true });
    loaded.then(() => setTimeout(resolve, readingTime));
  });
  const idle = () => new Promise((resolve) => ("requestIdleCallback" in window ? requestIdleCallback(resolve, { timeout: 5000 }) : setTimeout(resolve, 200)));

  // "var(--brand)" anywhere in a figure becomes the colour that the token has in the theme in force.
  function resolved(value, style) {
    if (typeof value === "string") {
      const token = /^var\((--[\w-]+)\)$/.exec(value);
      return token ? style.getPropertyValue(token[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((item) => resolved(item, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, resolved(item, style)]));
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
    const tip = tooltip(box, place);
    place.on("plotly_hover", ({ points: [point] }) => tip.show(point.curveNumber, point.pointNumber));
    place.on("plotly_unhover", tip.hide);
    place.on("plotly_click", ({ points, event }) => follow(addressOf(pointed(points, place, event))));
    readable(box, place, tip);
  }

  const addressOf = (point) => (typeof point?.customdata === "string" && point.customdata.startsWith("/") ? point.customdata : "");
  function follow(address) {
    if (address) window.location.assign(address);
  }

  // Of the traces stacked at one place, the one under the pointer: they lie on each other in their order.
  function pointed(points, place, event) {
    if (points.length < 2) return points[0];
    const axis = points[0].yaxis;
    const value = axis.p2d(event.clientY - place.getBoundingClientRect().top - axis._offset);
    let sum = 0;
    return [...points].sort((one, other) => one.curveNumber - other.curveNumber).find((point) => value <= (sum += point.y));
  }

  // One tooltip for every chart, in the page's font and colours: a heading, and a line for each trace at that place.
  // The pointer turns into a hand only where a click leads somewhere.
  function tooltip(box, place) {
    const tip = document.createElement("div");
    tip.className = "tooltip";
    tip.setAttribute("aria-hidden", "true");
    tip.hidden = true;
    box.append(tip);

    function show(curve, number) {
      const { layout, data, _fullLayout: { xaxis, yaxis } } = place;
      const points = layout.hovermode === "x" ? pointsAt(place, data[curve].x[number]) : [{ curve, number }];
      const together = points.map((point) => ({ trace: data[point.curve], ...point }));
      const heading = document.createElement("b");
      heading.textContent = data[curve].meta[number];
      const lines = together.map(({ trace, number }) => {
        const line = document.createElement("span");
        if (together.length > 1) {
          const mark = document.createElement("i");
          mark.style.background = trace.fillcolor ?? trace.marker.color;
          line.append(mark);
        }
        line.append(trace.hovertext[number]);
        return line;
      });
      tip.replaceChildren(heading, ...lines);
      const x = xaxis._offset + xaxis.d2p(data[curve].x[number]);
      const right = x > box.clientWidth / 2;
      const y = layout.hovermode === "x" ? yaxis._offset : yaxis._offset + yaxis.d2p(data[curve].y[number]) + 12;
      Object.assign(tip.style, { top: `${y}px`, left: right ? "auto" : `${x + 12}px`, right: right ? `${box.clientWidth - x + 12}px` : "auto" });
      tip.hidden = false;
      box.classList.toggle("leads", together.some(({ trace, number }) => addressOf({ customdata: trace.customdata?.[number] })));
    }

    function hide() {
      tip.hidden = true;
      box.classList.remove("leads");
    }

    return { show, hide };
  }

  // The points that have a text: of one trace, and of all traces at one place.
  const pointsOf = ({ data }, curve) => (data[curve].hovertext ?? []).flatMap((text, number) => (text ? [{ curve, number }] : []));
  const pointsAt = (place, x) => place.data.flatMap((trace, curve) => pointsOf(place, curve).filter(({ number }) => trace.x[number] === x));

  // By keyboard: arrows along a trace and from trace to trace, Home and End, Enter where a point has an address. The text
  // that the pointer would show is shown, and a live region says it to screen readers.
  function readable(box, place, tip) {
    const region = document.createElement("p");
    region.className = "sr-only";
    region.setAttribute("aria-live", "polite");
    box.after(region);
    box.tabIndex = 0;
    box.setAttribute("role", "application");
    let at = null;
    const together = () => place.layout.hovermode === "x";
    const xOf = ({ curve, number }) => place.data[curve].x[number];
    const curves = () => place.data.map((trace, curve) => curve).filter((curve) => pointsOf(place, curve).length);

    // By day, a forecast goes on where the counts end.
    function row(curve) {
      if (!together()) return pointsOf(place, curve);
      const days = new Map();
      for (const point of [curve, ...curves()].flatMap((one) => pointsOf(place, one))) if (!days.has(xOf(point))) days.set(xOf(point), point);
      return [...days.keys()].sort().map((day) => days.get(day));
    }

    function across(here, step) {
      const last = (points) => points[Math.min(here.number, points.length - 1)];
      const points = together() ? pointsAt(place, xOf(here)) : curves().map((curve) => last(pointsOf(place, curve)));
      return points[(points.findIndex(({ curve }) => curve === here.curve) + step + points.length) % points.length];
    }

    function show(point) {
      at = point;
      tip.show(at.curve, at.number);
      const { meta, hovertext } = place.data[at.curve];
      region.textContent = `${meta[at.number]}: ${hovertext[at.number]}`;
    }

    box.addEventListener("keydown", (event) => {
      const traces = curves();
      if (event.ctrlKey || event.metaKey || event.altKey || !traces.length) return;
      const horizontal = place.data[traces[0]].orientation === "h";
      const [back, on] = horizontal ? ["ArrowUp", "ArrowDown"] : ["ArrowLeft", "ArrowRight"];
      const [before, after] = horizontal ? ["ArrowLeft", "ArrowRight"] : ["ArrowUp", "ArrowDown"];
      const points = row(at?.curve ?? traces[0]);
      const here = at ? points.findIndex(({ curve, number }) => curve === at.curve && number === at.number) : event.key === back ? points.length : -1;
      const keys = {
        [back]: () => show(points[Math.max(here - 1, 0)]),
        [on]: () => show(points[Math.min(here + 1, points.length - 1)]),
        [before]: () => show(across(at ?? points[0], -1)),
        [after]: () => show(across(at ?? points[0], 1)),
        Home: () => show(points[0]),
        End: () => show(points.at(-1)),
        Enter: () => at && follow(addressOf({ customdata: place.data[at.curve].customdata?.[at.number] })),
        Escape: tip.hide,
      };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    box.addEventListener("blur", tip.hide);
  }

  async function show(box) {
    const previous = drawn.get(box);
    try {
      const answer = await fetch(box.dataset.chart, {
        headers: { "X-Requested-With": "fetch", ...(previous && { "If-None-Match": previous.etag }) },
        credentials: "same-origin",
        cache: "no-store",
      });
      if (answer.status === 304) return;
      // The session is over: forms.js keeps what was typed and opens the sign-in.
      if (answer.headers.has("HX-Redirect")) return document.dispatchEvent(new CustomEvent("leave", { detail: answer.headers.get("HX-Redirect") }));
      // A page has several charts and a reader several pages: the limit of requests may be reached, the charts come later.
      if (answer.status === 429) {
        setTimeout(() => show(box), 1000 * Number(answer.headers.get("Retry-After")));
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const { figure, title, summary, preview_svg: previewSvg, table, note, legend } = await answer.json();
      const heading = document.getElementById(box.dataset.heading);
      if (heading && heading.textContent !== title) heading.textContent = title;
      box.setAttribute("aria-label", summary);
      if (previewSvg) box.querySelector(".svg-preview").outerHTML = previewSvg;
      if (table) {
        box.closest(".chart-box").querySelector("table").outerHTML = table;
        document.getElementById(`${box.dataset.heading}-note`).textContent = note;
        // At the target there is no forecast any more.
        box.closest(".chart").querySelector(".legend")?.toggleAttribute("hidden", !legend);
      }
      await load();
      drawn.set(box, { etag: answer.headers.get("ETag"), figure });
      await draw(box);
    } catch (problem) {
      // The server's SVG and the table stay: they show the same data.
      if (!previous) box.dataset.state = "failed";
    }
  }

  document.addEventListener("DOMContentLoaded", () => {
    const boxes = document.querySelectorAll("[data-chart]");
    const nearScreen = new IntersectionObserver((entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        nearScreen.unobserve(target);
        Promise.all([loaded, present]).then(idle).then(() => show(target));
      }
    }, { rootMargin: "200px" });
    const resized = new ResizeObserver((entries) => {
      for (const { target } of entries) {
        const size = target.querySelector(".live")?.layout;
        if (size && target.clientWidth && (size.width !== target.clientWidth || size.height !== target.clientHeight)) draw(target);
      }
    });
    for (const box of boxes) {
      box.dataset.state = "waiting";
      nearScreen.observe(box);
      resized.observe(box);
    }
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      if (window.Plotly) for (const box of drawn.keys()) draw(box);
    });
  });
  document.addEventListener("standing-changed", () => {
    for (const box of document.querySelectorAll("[data-chart][data-live]")) if (box.dataset.state !== "waiting") show(box);
  });
})();
