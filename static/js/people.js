// Suggestions for a field that names a person. Without this script the field takes a staff number or an address.
(() => {
  "use strict";

  const delay = 150;
  let lists = 0;

  function setUp(field) {
    const list = document.createElement("ul");
    list.id = `people-${++lists}`;
    list.className = "suggestions";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", field.labels[0]?.textContent ?? "");
    const box = document.createElement("div");
    box.className = "suggests";
    const focused = document.activeElement === field;
    field.replaceWith(box);
    box.append(field, list);
    if (focused) field.focus();
    const attributes = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
    for (const [name, value] of Object.entries(attributes)) field.setAttribute(name, value);
    let timer = 0;
    let request = null;
    let active = -1;

    function close() {
      clearTimeout(timer);
      request?.abort();
      list.hidden = true;
      list.replaceChildren();
      active = -1;
      field.setAttribute("aria-expanded", "false");
      field.removeAttribute("aria-activedescendant");
    }

    function choose(option) {
      field.value = option.dataset.value;
      close();
      if (field.form.method === "get") field.form.requestSubmit();
    }

    function mark(index) {
      active = (index + list.children.length) % list.children.length;
      for (const [n, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(n === active));
      list.children[active].scrollIntoView({ block: "nearest" });
      field.setAttribute("aria-activedescendant", list.children[active].id);
    }

    function show(people) {
      const options = people.map((person, n) => {
        const option = document.createElement("li");
        const name = document.createElement("b");
        const details = document.createElement("span");
        name.textContent = person.name;
        details.textContent = [person.staff_no, person.department].filter(Boolean).join(" · ");
        option.append(name, " ", details);
        option.id = `${list.id}-${n}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        // A search takes a number, a form shows the person it names.
        option.dataset.value = field.form.method === "get" ? person.staff_no : `${person.name} (${person.staff_no})`;
        return option;
      });
      list.replaceChildren(...options);
      active = -1;
      list.hidden = !options.length;
      field.setAttribute("aria-expanded", String(!list.hidden));
      field.removeAttribute("aria-activedescendant");
    }

    async function suggest() {
      request?.abort();
      request = new AbortController();
      const address = new URL(field.dataset.people, location.href);
      address.searchParams.set("q", field.value.trim());
      try {
        const response = await fetch(address, { signal: request.signal, headers: { Accept: "application/json", "X-Requested-With": "fetch" } });
        const elsewhere = response.headers.get("HX-Redirect");
        if (elsewhere) return document.dispatchEvent(new CustomEvent("leave", { detail: elsewhere }));
        // An answer without suggestions is no fault of the reader's: the field still takes a number.
        if (response.ok && document.activeElement === field) show((await response.json()).people);
      } catch {
        // Offline, or a newer text was typed.
      }
    }

    field.addEventListener("input", (event) => {
      close();
      if (field.value.trim() && !event.isComposing) timer = setTimeout(suggest, delay);
    });
    field.addEventListener("compositionend", () => (timer = setTimeout(suggest, delay)));
    field.addEventListener("keydown", (event) => {
      if (event.isComposing || list.hidden) return;
      if (event.key === "ArrowDown") mark(active + 1);
      else if (event.key === "ArrowUp") mark(active < 0 ? -1 : active - 1);
      else if (event.key === "Enter" && active >= 0) choose(list.children[active]);
      else if (event.key === "Escape") close();
      else return;
      event.preventDefault();
      event.stopPropagation();
    });
    field.addEventListener("blur", close);
    // The field keeps the focus while an option is clicked.
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => {
      const option = event.target.closest("li");
      if (option) choose(option);
    });
  }

  // Also after forms.js has put the answer to a form in the place of the page.
  for (const moment of ["DOMContentLoaded", "main-replaced"]) {
    document.addEventListener(moment, () => {
      for (const field of document.querySelectorAll("input[data-people]")) setUp(field);
    });
  }
})();
