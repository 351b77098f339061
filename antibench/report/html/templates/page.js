"use strict";
// All text is set as textContent: nothing of a run is ever read as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const read = (id) => (byId(id) ? JSON.parse(byId(id).textContent) : {}); // pages of a site have no data of a run

  const data = read("data");

  const make = (tag, text, attributes = {}) => {
    const element = document.createElement(tag);
    if (text !== undefined && text !== null) element.textContent = text;
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  };
  const number = (value, digits = 3) =>
    value === null || value === undefined ? "-" : (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits);
  const within = (low, high) => (low === null || low === undefined ? "" : `[${number(low)}, ${number(high)}]`);

  const table = (heads, rows, caption) => {
    const region = make("div", null, { class: "scroll", role: "region", tabindex: "0", "aria-label": caption });
    const drawn = make("table");
    drawn.append(make("caption", caption));
    const head = drawn.createTHead().insertRow();
    for (const [name, kind] of heads) head.append(make("th", name, { scope: "col", ...(kind ? { class: kind } : {}) }));
    const body = drawn.createTBody();
    for (const cells of rows) {
      const line = body.insertRow();
      cells.forEach((cell, index) => {
        const item = make("td", cell instanceof Node ? null : cell, heads[index][1] ? { class: heads[index][1] } : {});
        if (cell instanceof Node) item.append(cell);
        line.append(item);
      });
    }
    region.append(drawn);
    return region;
  };
  const folded = (title, ...inside) => {
    const details = make("details");
    details.append(make("summary", title), ...inside);
    return details;
  };

  // ---- the leaderboard: sorting and filters -------------------------------------------------------------------------
  const board = byId("board");
  const value = (row, column) => row.cells[column].dataset.v;
  const sortBy = (head) => {
    const heads = [...board.tHead.rows[0].cells];
    const column = heads.indexOf(head);
    const numeric = head.classList.contains("n");
    const before = head.getAttribute("aria-sort");
    const down = before === "none" ? numeric : before === "ascending";
    heads.forEach((item) => item.setAttribute("aria-sort", "none"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = [...board.tBodies[0].rows];
    rows.sort((one, other) => {
      const [a, b] = [value(one, column), value(other, column)];
      if (a === "" || b === "") return (a === "") - (b === ""); // what has no number stays last
      const apart = numeric ? Number(a) - Number(b) : a.localeCompare(b);
      return down ? -apart : apart;
    });
    board.tBodies[0].append(...rows);
  };
  const filters = byId("filters");
  const applyFilters = () => {
    const field = (name) => filters.elements.namedItem(name);
    const text = field("text").value.trim().toLowerCase();
    let shown = 0;
    for (const row of board.tBodies[0].rows) {
      const fits =
        (!field("model")?.value || row.dataset.model === field("model").value) &&
        (!field("levels")?.value || row.dataset.levels === field("levels").value || row.dataset.levels === "0") &&
        (field("controls").checked || row.dataset.role === "protection") &&
        (!row.dataset.transfer || field("transfer")?.checked) &&
        row.cells[0].dataset.v.toLowerCase().includes(text);
      row.hidden = !fits;
      shown += fits;
    }
    byId("shown").textContent = `${shown} of ${board.tBodies[0].rows.length} rows`;
  };
  if (board) {
    for (const button of board.tHead.querySelectorAll("button"))
      button.addEventListener("click", () => sortBy(button.closest("th")));
    filters.hidden = false;
    filters.addEventListener("input", applyFilters);
    filters.addEventListener("submit", (event) => event.preventDefault());
    applyFilters();
  }

  // ---- what stands behind a number ----------------------------------------------------------------------------------
  const scoreOf = (place, index) => {
    if (place === null || place === undefined) return "-";
    const held = data.places[place];
    const odd = held.odd[index];
    return odd ? odd[0] : number(held.values[index], 4);
  };
  const whyOf = (place, index) => (place === null ? null : data.places[place].odd[index]?.[1]) || "";
  const cellsOf = (trio) => {
    const [after, metric, ours, clean, stranger, each] = trio;
    const seeds = data.places[ours]?.seeds ?? [null];
    const rows = [];
    data.cases.forEach((photo, number_) => {
      seeds.forEach((seed, offset) => {
        const index = number_ * seeds.length + offset;
        const reasons = [ours, clean, stranger].map((place) => whyOf(place, index)).filter(Boolean);
        const last = offset === seeds.length - 1 && each ? number(each[number_]) : "";
        const held = [ours, clean, stranger].map((place) => scoreOf(place, index));
        rows.push([photo, seed === null ? "-" : String(seed), ...held, last, [...new Set(reasons)].join("; ")]);
      });
    });
    const heads = [["photo"], ["seed", "n"], ["protected", "n"], ["clean", "n"], ["stranger", "n"], ["strength", "n"], ["why not", "wide"]];
    return table(heads, rows, after === "none" ? `${metric}, not purified` : `${metric} after ${after}`);
  };
  const plainOf = (key, place) => {
    const rows = data.cases.map((photo, index) => [photo, scoreOf(place, index), whyOf(place, index)]);
    return table([["photo"], [key, "n"], ["why not", "wide"]], rows, `${key} of each protected photo`);
  };
  const factsOf = (line, found) => {
    const list = make("dl", null, { class: "pairs" });
    const add = (name, text) => {
      if (!text) return;
      const pair = make("div");
      pair.append(make("dt", name), make("dd", text));
      list.append(pair);
    };
    if (found.low !== undefined && found.low !== null) add("95% interval", `${within(found.low, found.high)} over photos`);
    add("no number", found.value === null && !found.others ? found.reason : "");
    add("no interval", found.value !== null && found.low === null ? found.reason : "");
    if (found.trios) {
      const told = line.beyond === null ? "" : line.beyond ? "; the worst case lies beyond it" : "; the worst case does not lie beyond it";
      add("noise band", line.noise[0] === null ? "unknown" : `${within(...line.noise)} of this model and budget${told}`);
      if (line.p[0] !== null) add("p", `${number(line.p[0], 4)} of the worst case against random-sign, ${number(line.p[1], 4)} after Holm`);
      add("rank", line.rank[0] === "-" ? "" : `${line.rank[0]}, group ${line.rank[1]}`);
      const means = line.means;
      if (means.protected !== null) add("plain means", `protected ${number(means.protected)}, clean ${number(means.clean)}, stranger ${number(means.floor)}, not purified`);
    }
    add("photos", `${line.photos[0]} of ${line.photos[1]}`);
    add("seeds", line.seeds.join(", "));
    for (const [name, why] of Object.entries(found.blind ?? {})) add(`blind after ${name}`, why);
    return list;
  };
  const commandOf = (told) => {
    if (!told.command) return [make("p", `No command: ${told.note}.`, { class: "quiet" })];
    const pre = make("pre", told.command, { tabindex: "0" });
    const button = make("button", "Copy", { type: "button" });
    button.addEventListener("click", () => copy(pre, button));
    const held = make("div", null, { class: "copy" });
    held.append(button, pre);
    return [make("h3", "Compute it again"), held, ...(told.note ? [make("p", `${told.note}.`, { class: "quiet" })] : [])];
  };
  const cardOf = (id) => {
    const card = id && byId(id);
    if (!card) return [];
    const link = make("a", "in the list of methods", { href: `#${id}` });
    return [folded(`Card and citation: ${card.querySelector("h3, h2, h1").textContent}`, card.querySelector(".card-body").cloneNode(true), link)];
  };
  const shown = (found, key) => {
    const parts = [];
    if (found.others) {
      const rows = found.others.map(([title, fragment, ...numbers]) => [make("a", title, { href: `#${fragment}` }), number(numbers[0]), within(numbers[1], numbers[2])]);
      parts.push(table([["on"], ["strength", "n"], ["95%", "n"]], rows, "On the models that it was not made on"));
    }
    if (found.each) {
      const rows = data.cases.map((photo, index) => [photo, number(found.each[index])]);
      parts.push(table([["photo"], ["adds", "n"]], rows, "Each photo's part; the number is their mean"));
    }
    if (found.trios) {
      const cells = found.trios.map(cellsOf);
      parts.push(...(cells.length > 1 ? [folded(`Scores of each photo (${cells.length} tables)`, ...cells)] : cells));
    }
    if (found.plain !== undefined && found.plain !== null) parts.push(plainOf(key, found.plain));
    if (found.costs) parts.push(table([["photo"], [key, "n"]], data.cases.map((photo, index) => [photo, number(found.costs[index], 2)]), "What each photo took"));
    return parts;
  };
  const dialog = byId("doubt");
  let opener = null;
  let current = null; // the number that is open
  const openDoubt = (fragment) => {
    const [id, column] = fragment.split("--");
    const line = Object.hasOwn(data.lines, id) ? data.lines[id] : undefined;
    const found = line && Object.hasOwn(line.numbers, column ?? "") ? line.numbers[column] : undefined;
    if (!found) return false;
    const key = data.columns[column];
    const name = key.replaceAll("_", " ");
    byId("doubt-title").textContent = `${name} of ${line.title}`;
    const share = (part) => (part === null || part === undefined ? "-" : `${(100 * part).toFixed(1)}%`);
    let text = `${number(found.value, key === "photos" ? 0 : 3)} ${within(found.low, found.high)}`;
    if (key === "retained") text = share(found.value) + (typeof found.low === "number" ? ` [${share(found.low)}, ${share(found.high)}]` : "");
    byId("doubt-body").replaceChildren(
      ...(found.others ? [] : [make("p", text.trim(), { class: "big" })]),
      make("p", data.defined[key] ?? `Mean over photos of ${name} of the protected photo.`, { class: "quiet" }),
      factsOf(line, found), ...shown(found, name), ...(found.others ? [] : commandOf(line.command)), ...cardOf(line.card),
    );
    current = fragment;
    if (!dialog.open) dialog.showModal();
    dialog.scrollTop = 0;
    byId("doubt-title").focus();
    return true;
  };
  const follow = () => {
    const fragment = location.hash.slice(1); // our own are plain letters; that of the pictures is theirs to read
    if (openDoubt(fragment)) return;
    if (dialog.open) dialog.close();
    for (let item = byId(fragment)?.parentElement; item; item = item.parentElement) if (item.tagName === "DETAILS") item.open = true;
    if (fragment) byId(fragment)?.scrollIntoView();
  };
  if (dialog) {
    addEventListener("hashchange", follow);
    dialog.addEventListener("close", () => {
      if (location.hash.slice(1) === current) history.replaceState(null, "", "#");
      opener?.focus();
    });
    document.addEventListener("click", (event) => {
      const link = event.target.closest?.('#board a[href^="#"]');
      if (link) opener = link;
      if (event.target === dialog) dialog.close();
    });
    follow();
  }

  // ---- copying ------------------------------------------------------------------------------------------------------
  const copy = async (source, button) => {
    getSelection().selectAllChildren(source);
    try {
      await navigator.clipboard.writeText(source.textContent);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  };
  for (const button of document.querySelectorAll("[data-copy]"))
    button.addEventListener("click", () => copy(byId(button.dataset.copy), button));

  // ---- figures ------------------------------------------------------------------------------------------------------
  const specs = read("specs");
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const themed = () => {
    const [fg, muted, line] = ["--fg", "--muted", "--line"].map(variable);
    const font = getComputedStyle(document.body).fontFamily;
    const words = { labelColor: muted, titleColor: fg, labelFont: font, titleFont: font, titleFontWeight: "normal" };
    return {
      background: "transparent", font, view: { stroke: line }, text: { color: fg },
      axis: { ...words, gridColor: line, domainColor: line, tickColor: line }, legend: words, header: { ...words, labelColor: fg },
    };
  };
  const draw = async (place) => {
    const spec = structuredClone(specs[place.dataset.figure]);
    if (spec.columns && innerWidth < 700) spec.columns = 1;
    place.dataset.drawn = "yes";
    await vegaEmbed(place, spec, { actions: false, renderer: "svg", ast: true, config: themed() });
    place.querySelector("svg").setAttribute("aria-hidden", "true"); // the place itself says what is in it
  };
  const places = [...document.querySelectorAll(".chart")];
  if (places.length && typeof vegaEmbed === "function") {
    const watch = new IntersectionObserver((entries) => {
      for (const entry of entries)
        if (entry.isIntersecting) {
          watch.unobserve(entry.target);
          draw(entry.target);
        }
    }, { rootMargin: "800px" });
    places.forEach((place) => watch.observe(place));
  }
  const redraw = () => places.filter((place) => place.dataset.drawn).forEach(draw);

  // ---- light and dark -----------------------------------------------------------------------------------------------
  const dark = matchMedia("(prefers-color-scheme: dark)");
  dark.addEventListener("change", redraw);
  byId("theme")?.addEventListener("click", () => {
    const root = document.documentElement;
    const now = root.dataset.theme ?? (dark.matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    redraw();
  });
})();
