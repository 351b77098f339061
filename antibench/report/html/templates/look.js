/* The pictures section: what is chosen is built from the JSON in the page, and one clock moves every clip. */
(() => {
  "use strict";
  const section = document.getElementById("look");
  const source = document.getElementById("look-data");
  if (!section || !source) return;
  const by = (id) => document.getElementById(`look-${id}`);
  const { views, captions } = JSON.parse(source.textContent);
  const selects = [...section.querySelectorAll("select[data-filter]")];
  const rows = by("rows");
  const AT_ONCE = 6; // rows; browsers play a few dozen clips at most
  const PHOTOS = ["clean", "protected", "difference", "purified"];
  const CLIPS = ["clean_clip", "protected_clip", "purified_clean_clip", "purified_clip"];
  const SWAPPED = {
    clean: "protected", protected: "clean", clean_clip: "protected_clip", protected_clip: "clean_clip",
    purified_clean_clip: "purified_clip", purified_clip: "purified_clean_clip",
  };

  const made = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };

  /* ---- the clock ---- */
  const clock = { time: 0, playing: false, last: 0, waited: 0, seen: true, handle: 0 };
  let clips = []; // {video, frames, fps, at}
  let length = 0; // seconds of the longest
  let rate = 1; // frames a second of the quickest
  const total = () => Math.max(1, Math.round(length * rate));
  const frameNow = () => Math.min(total() - 1, Math.floor(clock.time * rate + 1e-6));

  const draw = () => {
    for (const clip of clips) {
      const at = Math.min(clip.frames - 1, Math.floor(clock.time * clip.fps + 1e-6));
      if (at === clip.at) continue;
      clip.at = at;
      clip.video.currentTime = (at + 0.5) / clip.fps; // the middle of the frame, whatever rounding there is
    }
    const text = `frame ${frameNow() + 1} of ${total()}`;
    by("frame").value = String(frameNow());
    by("frame").setAttribute("aria-valuetext", text);
    by("count").textContent = text;
  };

  /* No clip goes on before all have arrived where they were sent: so they cannot drift, however slow one is. */
  const arrived = () => clips.every(({ video }) => video.error || (video.readyState >= 2 && !video.seeking));
  const tick = (now) => {
    if (!clock.playing) return;
    const passed = Math.min(0.1, (now - clock.last) / 1000);
    clock.last = now;
    if (clock.seen && (arrived() || (clock.waited += passed) > 2)) {
      clock.waited = 0;
      clock.time = length ? (clock.time + passed * Number(by("speed").value)) % length : 0;
      draw();
    }
    clock.handle = requestAnimationFrame(tick);
  };

  const play = (on) => {
    by("play").textContent = on ? "Pause" : "Play";
    cancelAnimationFrame(clock.handle);
    clock.playing = on;
    clock.last = performance.now();
    if (on) clock.handle = requestAnimationFrame(tick);
  };
  const goTo = (frame) => {
    play(false);
    const count = total();
    clock.time = (((frame % count) + count) % count) / rate;
    draw();
    tell();
  };

  /* ---- what is chosen ---- */
  const chosen = (select) => (select.value === "all" ? null : select.selectedOptions[0].dataset.value);
  const matches = (view) => selects.every((select) => {
    const [value, its] = [chosen(select), view.at[select.dataset.filter]];
    return value === null || its === null || String(its) === value; // null: has none, such as the budget of clean
  });
  let page = 0;
  let found = [];

  const tell = () => {
    const what = found.length === 1 ? `${found[0].heading}: ${found[0].detail}` : `${found.length} views`;
    const state = clock.playing ? "playing" : `frame ${frameNow() + 1} of ${total()}`;
    by("state").textContent = found.length ? `${what}; ${state}` : "Nothing in this run matches this choice.";
    by("state").classList.toggle("look-unseen", found.length > 0); // what it says is on the screen already
  };

  const medium = (index) => JSON.parse(by(`medium-${index}`).textContent);
  const picture = (shown) => {
    const { kind, uri, width, height, original, frames, fps } = medium(shown.medium);
    const element = made(kind === "video" ? "video" : "img", "look-medium");
    element.width = width;
    element.height = height;
    if (Math.max(...original) <= 256) element.classList.add("look-small");
    if (kind !== "video") {
      element.alt = shown.alternative;
      element.src = uri;
      return [element];
    }
    element.setAttribute("aria-label", shown.alternative);
    element.setAttribute("role", "img");
    Object.assign(element, { muted: true, playsInline: true, preload: "auto", disablePictureInPicture: true, src: uri });
    clips.push({ video: element, frames, fps, at: -1 });
    return [element, still(element)];
  };
  /* The first frame for paper, where films are not drawn. */
  const still = (video) => {
    const canvas = made("canvas", "look-still");
    canvas.setAttribute("aria-hidden", "true");
    video.addEventListener("seeked", () => {
      if (canvas.dataset.drawn || video.currentTime > 0.75 / rate) return;
      [canvas.width, canvas.height, canvas.dataset.drawn] = [video.videoWidth, video.videoHeight, "1"];
      canvas.getContext("2d").drawImage(video, 0, 0);
    });
    return canvas;
  };

  const figure = (slot, shown) => {
    const element = made("figure", "look-slot");
    element.dataset.slot = slot;
    element.style.gridArea = slot;
    if (shown.medium === undefined) element.append(made("div", "look-gone", `${shown.alternative}: ${shown.gone}`));
    else element.append(...picture(shown));
    const words = made("figcaption");
    words.append(made("span", "look-title", shown.title));
    if (shown.medium !== undefined) words.append(...scaled(element.firstChild, medium(shown.medium).original));
    if (shown.score) words.append(made("span", "look-score", shown.score));
    element.append(words);
    return element;
  };
  const scaled = ({ width, height }, [w, h]) =>
    w > width ? [made("span", "look-score", `${width} × ${height} of ${w} × ${h} pixels`)] : [];
  const strip = (name, label, slots, view) => {
    const element = made("div", `look-strip look-${name}`);
    element.append(made("p", "look-label look-what", label));
    element.append(...slots.filter((slot) => view.slots[slot]).map((slot) => figure(slot, view.slots[slot])));
    return element;
  };
  const row = (view) => {
    const element = made("article", "look-row");
    element.append(made("h3", "", view.heading));
    element.append(made("p", "look-detail", [view.detail, captions[view.at.photo]].filter(Boolean).join(" · ")));
    element.append(strip("photos", "What the model was given", PHOTOS, view));
    element.append(strip("clips", "What it made of that", CLIPS, view));
    return element;
  };

  const show = () => {
    found = views.filter(matches);
    const pages = Math.max(1, Math.ceil(found.length / AT_ONCE));
    page = Math.min(page, pages - 1);
    for (const { video } of clips) video.removeAttribute("src"); // lets go of its decoder
    clips = [];
    rows.classList.toggle("look-many", found.length > 1);
    rows.replaceChildren(...found.slice(page * AT_ONCE, (page + 1) * AT_ONCE).map(row));
    length = Math.max(0, ...clips.map(({ frames, fps }) => frames / fps));
    rate = Math.max(1, ...clips.map(({ fps }) => fps));
    if (clock.time >= length) clock.time = 0;
    by("frame").max = String(total() - 1);
    for (const id of ["play", "back", "frame", "on"]) by(id).disabled = clips.length === 0; // animations play on their own
    by("pages").hidden = pages < 2;
    by("page").textContent = `${page + 1} of ${pages}`;
    by("earlier").disabled = page === 0;
    by("later").disabled = page === pages - 1;
    draw();
    tell();
  };

  /* ---- the address keeps the choice: #look?photo=…&protection=… ---- */
  const remember = () => {
    const choice = new URLSearchParams(selects.map((select) => [select.dataset.filter, chosen(select) ?? "*"]));
    history.replaceState(null, "", `#look?${choice}`);
  };
  const recall = () => {
    if (!location.hash.startsWith("#look?")) return false;
    const choice = new URLSearchParams(location.hash.slice("#look?".length));
    for (const select of selects) {
      const value = choice.get(select.dataset.filter);
      const option = [...select.options].find((item) => (value === "*" ? item.value === "all" : item.dataset.value === value));
      if (option) select.value = option.value;
    }
    return true;
  };
  const choose = () => { page = 0; show(); remember(); };

  /* ---- swap, keys, wiring ---- */
  const swap = (on) => {
    by("swap").setAttribute("aria-pressed", String(on));
    for (const element of rows.querySelectorAll(".look-slot")) {
      const { slot } = element.dataset;
      element.style.gridArea = (on && SWAPPED[slot]) || slot;
      element.classList.toggle("look-swapped", on && slot in SWAPPED);
    }
  };
  const turn = (step) => {
    const select = selects.find((item) => item.dataset.filter === "protection");
    if (!select) return;
    const count = select.options.length;
    select.selectedIndex = (select.selectedIndex + step + count) % count;
    choose();
  };
  const KEYS = {
    ",": () => goTo(frameNow() - 1), ".": () => goTo(frameNow() + 1),
    ArrowLeft: () => goTo(frameNow() - 1), ArrowRight: () => goTo(frameNow() + 1),
    Home: () => goTo(0), End: () => goTo(total() - 1),
    "[": () => turn(-1), "]": () => turn(1), s: () => swap(true), " ": () => toggle(),
  };
  const toggle = () => { play(!clock.playing); tell(); };
  section.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select, input, textarea")) return;
    if (event.key === " " && event.target.closest("button, summary")) return;
    const act = KEYS[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  section.addEventListener("keyup", (event) => event.key === "s" && swap(false));
  by("swap").addEventListener("pointerdown", () => swap(true));
  for (const name of ["pointerup", "pointerleave", "pointercancel"]) by("swap").addEventListener(name, () => swap(false));
  by("swap").addEventListener("click", (event) => {
    if (event.detail === 0) swap(by("swap").getAttribute("aria-pressed") === "false"); // by keyboard: on, and off
  });
  by("play").addEventListener("click", toggle);
  by("back").addEventListener("click", () => goTo(frameNow() - 1));
  by("on").addEventListener("click", () => goTo(frameNow() + 1));
  by("frame").addEventListener("input", (event) => goTo(Number(event.target.value)));
  for (const select of selects) select.addEventListener("change", choose);
  const leaf = (step) => { page += step; show(); rows.focus(); };
  by("earlier").addEventListener("click", () => leaf(-1));
  by("later").addEventListener("click", () => leaf(1));
  addEventListener("hashchange", () => { if (recall()) show(); });

  new IntersectionObserver(([entry]) => { clock.seen = entry.isIntersecting; }).observe(rows);
  const wanted = recall();
  show();
  if (wanted) section.scrollIntoView();
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) toggle();
})();
