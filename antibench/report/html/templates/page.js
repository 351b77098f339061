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
  const oddOf = (place, index) => data.words[data.places[place]?.[1]?.[index]] ?? ["", ""]; // status and reason
  const scoreOf = (place, index) => {
    if (place === null) return "-";
    const value = data.places[place][0][index];
    return value === null ? oddOf(place, index)[0] || "not planned" : number(value, 4);
  };
  const perPhoto = (place, seeds) => // the mean over seeds; null if one of them is missing
    data.cases.map((_, photo) => {
      const own = place === null ? [null] : data.places[place][0].slice(photo * seeds, (photo + 1) * seeds);
      return own.includes(null) ? null : own.reduce((sum, score) => sum + score, 0) / seeds;
    });
  const strengthsOf = (trio) => { // of each photo, as docs/statistics.md defines them; null if there are none
    const [, metric, ...rest] = data.trios[trio];
    const { sign, seeds } = data.metrics[metric];
    if (sign === null || rest.length > 3) return null;
    const [ours, clean, stranger] = rest.map((place) => perPhoto(place, seeds.length));
    const whole = data.cases.map((_, photo) => ![ours[photo], clean[photo], stranger[photo]].includes(null));
    const spans = clean.map((score, photo) => sign * (score - stranger[photo])).filter((_, photo) => whole[photo]);
    const span = spans.reduce((sum, one) => sum + one, 0) / spans.length;
    return clean.map((score, photo) => (whole[photo] ? (sign * (score - ours[photo])) / span : null));
  };
  const cellsOf = (trio, note) => {
    const [after, metric, ...rest] = data.trios[trio];
    const { name, seeds } = data.metrics[metric];
    const places = rest.slice(0, 3);
    const each = strengthsOf(trio);
    const rows = [];
    data.cases.forEach((photo, number_) => {
      seeds.forEach((seed, offset) => {
        const index = number_ * seeds.length + offset;
        const reasons = places.map((place) => oddOf(place, index)[1]).filter(Boolean);
        const last = offset === seeds.length - 1 && each ? number(each[number_]) : "";
        const held = places.map((place) => scoreOf(place, index));
        rows.push([photo, seed === null ? "-" : String(seed), ...held, last, [...new Set(reasons)].join("; ")]);
      });
    });
    const heads = [["photo"], ["seed", "n"], ["protected", "n"], ["clean", "n"], ["stranger", "n"], ["strength", "n"], ["why not", "wide"]];
    const { name: purification } = data.purifications[after];
    const caption = purification === "none" ? `${name}, not purified` : `${name} after ${purification}`;
    return table(heads, rows, note ? `${caption}, ${note}` : caption);
  };
  const plainOf = (found) => {
    const { name } = data.metrics[found.metric];
    const rows = data.cases.map((photo, index) => [photo, scoreOf(found.plain, index), oddOf(found.plain, index)[1]]);
    return table([["photo"], [name, "n"], ["why not", "wide"]], rows, `${name} of each protected photo`);
  };
  const partsOf = (found, kind) => {
    const beside = found.parts ?? [];
    const written = (value) => (typeof value === "string" ? value : number(value));
    const rows = data.cases.map((photo, index) => [photo, ...beside.map(([, values]) => written(values[index])), number(found.each[index])]);
    return table([["photo"], ...beside.map(([name]) => [name, "n"]), [kind.part, "n"]], rows, kind.each);
  };
  const countedOf = (found) => {
    const reasons = data.cases.map(() => new Set());
    for (const trio of found.trios) {
      const [, metric, ...places] = data.trios[trio];
      const seeds = data.metrics[metric].seeds.length;
      for (const place of places.slice(0, 3))
        for (const [index, word] of Object.entries(data.places[place]?.[1] ?? {})) reasons[Math.floor(index / seeds)].add(data.words[word][1]);
    }
    const rows = data.cases.map((photo, index) => [photo, found.counted[index] ? "yes" : "no", found.counted[index] ? "" : [...reasons[index]].join("; ")]);
    return table([["photo"], ["counts"], ["why not", "wide"]], rows, "Photos that count: those with every score");
  };
  const choiceOf = ({ metric, purifications, costs }) => {
    const rows = data.cases.map((photo, index) => [photo, ...costs.map((values) => number(values[index], 4))]);
    return table([["photo"], ...purifications.map((name) => [name, "n"])], rows, `What is chosen by: the least of each photo, of ${metric}`);
  };
  const addressed = (fragment) => {
    const cut = fragment.lastIndexOf("--");
    return [fragment.slice(0, Math.max(cut, 0)), fragment.slice(cut + 2)];
  };
  const leadTo = (id, part) => make("a", titleOf(data.lines[id]), { href: `#${id}--${part}` });
  const titleOf = (line) => data.groups[line.group].title;
  const rankedOf = (line, by) => {
    const part = by.replace("_", "-"); // as the leaderboard's columns are addressed
    const among = Object.entries(data.lines).filter(([, other]) => other.ranked === line.ranked && other.ranks?.[by]);
    const numbers = among.map(([id, other]) => [leadTo(id, part), other.numbers[part], ...other.ranks[by]]);
    const rows = numbers.map(([link, held, rank, group]) => [link, number(held.value), within(held.low, held.high), rank, group]);
    const each = among.map(([id, { numbers: held }]) => [leadTo(id, part), ...(held[part].each ?? strengthsOf(held[part].trios[0])).map((value) => number(value))]);
    return [
      table([["protection"], [by.replace("_", " "), "n"], ["95%", "n"], ["rank", "n"], ["group"]], rows, "All that are ranked with it"),
      table([["protection"], ...data.cases.map((photo) => [photo, "n"])], each, "Each photo's part; differences in pairs are of these"),
    ];
  };
  const familyOf = (part) => {
    const tested = Object.entries(data.lines).filter(([, other]) => typeof other.p?.[0] === "number" && other.numbers[part]);
    tested.sort(([, one], [, other]) => one.p[0] - other.p[0]);
    const rows = tested.map(([id, { p }]) => [leadTo(id, part), number(p[0], 4), number(p[1], 4)]);
    return table([["protection"], ["p", "n"], ["after Holm", "n"]], rows, "All that Holm's correction counts");
  };
  const factsOf = (line, found, kind) => {
    const list = make("dl", null, { class: "pairs" });
    const add = (name, text) => {
      if (!text) return;
      const pair = make("div");
      pair.append(make("dt", name), make("dd", text));
      list.append(pair);
    };
    const bounded = typeof found.low === "number";
    const there = typeof found.value === "number";
    if (bounded && there) add("95% interval", `${within(found.low, found.high)} over photos`);
    if (there) add(kind.as === "count" ? "lost photos" : "no interval", bounded ? "" : found.reason);
    else add("no number", found.reason);
    add("metric", data.metrics[found.metric ?? line.metric].name);
    if (found.trios || found.ranked) {
      const told = typeof line.beyond !== "boolean" ? "" : line.beyond ? "; the worst case lies beyond it" : "; the worst case does not lie beyond it";
      for (const [what, low, high] of line.noise) add(`noise band, ${what}`, `${within(low, high)} of this model and budget${what === "worst case" ? told : ""}`);
      if (!line.noise.length) add("noise band", "unknown");
      if (typeof line.p?.[0] === "number") add("p", `${number(line.p[0], 4)} of the worst case against random-sign, ${number(line.p[1], 4)} after Holm`);
      const rank = line.ranks?.worst_case ?? line.ranks?.strength;
      add("rank", rank ? `${rank[0]}, group ${rank[1]}` : "");
      const means = line.means ?? {};
      if (typeof means.protected === "number") add("plain means", `protected ${number(means.protected)}, clean ${number(means.clean)}, stranger ${number(means.floor)}, not purified`);
    }
    add("photos", `${line.photos[0]} of ${line.photos[1]}`);
    add("seeds", data.seeds.join(", "));
    for (const trio of new Set(found.trios)) {
      const [after, , , , , blind] = data.trios[trio];
      if (blind !== undefined) add(`blind after ${data.purifications[after].name}`, data.words[blind][0]);
    }
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
    const card = byId(id);
    if (!card) return [];
    const link = make("a", "in the list of methods", { href: `#${id}` });
    return [folded(`Card and citation: ${card.querySelector("h3, h2, h1").textContent}`, card.querySelector(".card-body").cloneNode(true), link)];
  };
  const cardsOf = (line, found) => {
    const trios = (found.trios ?? []).map((trio) => data.trios[trio]);
    const metrics = trios.length ? trios.map(([, metric]) => metric) : [found.metric ?? line.metric];
    const purifications = new Set(trios.map(([after]) => after));
    const about = [data.groups[line.group], ...[...new Set(metrics)].map((metric) => data.metrics[metric])];
    if (purifications.size === 1) about.push(data.purifications[[...purifications][0]]);
    return about.flatMap(({ cards }) => cards.flatMap(cardOf));
  };
  const shown = (line, found, part) => {
    const kind = data.numbers[part];
    const parts = [];
    if (found.others) {
      const strengths = found.others.map(addressed).map(([id, column]) => [leadTo(id, column), data.lines[id].numbers[column]]);
      const rows = strengths.map(([link, strength]) => [link, number(strength.value), within(strength.low, strength.high)]);
      parts.push(table([["of"], ["strength", "n"], ["95%", "n"]], rows, "The strengths that it is made of"));
    }
    if (found.ranked) parts.push(...rankedOf(line, found.ranked));
    if (found.each) parts.push(partsOf(found, kind));
    if (found.counted) parts.push(countedOf(found));
    if (found.choice) parts.push(folded("What the choice looks at", choiceOf(found.choice)));
    if (kind.as === "p" && found.each) parts.push(folded("The other p-values", familyOf(part)));
    if (found.trios) {
      const cells = found.trios.map((trio, index) => cellsOf(trio, found.notes?.[index]));
      parts.push(...(cells.length > 1 ? [folded(`Scores of each photo (${cells.length} tables)`, ...cells)] : cells));
    }
    if (found.plain !== undefined) parts.push(plainOf(found));
    if (found.costs) parts.push(table([["photo"], [kind.name, "n"]], data.cases.map((photo, index) => [photo, number(found.costs[index], 2)]), "What each photo took"));
    return parts;
  };
  const textOfTransfer = ({ others }) => {
    const strengths = others.map(addressed).map(([id, part]) => data.lines[id].numbers[part].value).filter((value) => typeof value === "number");
    strengths.sort((one, other) => one - other);
    return strengths.length > 1 ? `${number(strengths[0])} … ${number(strengths.at(-1))}` : number(strengths[0]);
  };
  const textOf = (line, found, kind) => {
    const share = (part) => `${(100 * part).toFixed(1)}%`;
    if (found.ranked) return `${line.ranks[found.ranked][0]}, group ${line.ranks[found.ranked][1]}`;
    if (found.others) return found.low === undefined ? textOfTransfer(found) : within(found.low, found.high);
    if (found.pair) return found.pair.map((mean) => number(mean)).join(" → ");
    if (typeof found.value !== "number") return "-";
    if (kind.as === "share") return share(found.value) + (typeof found.low === "number" ? ` [${share(found.low)}, ${share(found.high)}]` : "");
    if (kind.as === "count") return `${found.value} of ${line.photos[1]}`;
    return `${number(found.value, kind.as === "p" ? 4 : 3)} ${within(found.low, found.high)}`.trim();
  };
  const dialog = byId("doubt");
  let opener = null;
  let current = null; // the number that is open
  const openDoubt = (fragment) => {
    const [id, part] = addressed(fragment);
    const line = Object.hasOwn(data.lines, id) ? data.lines[id] : undefined;
    const found = line && Object.hasOwn(line.numbers, part) ? line.numbers[part] : undefined;
    if (!found) return false;
    const kind = data.numbers[part];
    const { command } = data.groups[line.group];
    byId("doubt-title").textContent = `${kind.name} of ${titleOf(line)}`;
    byId("doubt-body").replaceChildren(
      make("p", textOf(line, found, kind), { class: "big" }),
      make("p", kind.means, { class: "quiet" }),
      factsOf(line, found, kind), ...shown(line, found, part), ...commandOf(command), ...cardsOf(line, found),
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
      const link = event.target.closest?.('#board a[href^="#"], .numbers a');
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
