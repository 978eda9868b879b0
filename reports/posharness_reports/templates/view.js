// What is shown: the view, applied to figures, tables and the bar, and the controls that change it.
function only(label) {
  const alone = !view.hidden.has(label) && view.hidden.size === known.length - 1;
  view.hidden = new Set(alone ? [] : known.filter((other) => other !== label));
  apply();
}

function showFigure(name, figure) {
  for (const part of figure.svg.querySelectorAll("[data-s]")) {
    part.classList.toggle("hidden", !shown(figure, part.dataset.s));
  }
  for (const group of figure.svg.querySelectorAll("[data-parts]")) {
    const labels = figure.parts[group.dataset.parts];
    const parts = [...group.querySelectorAll("path, circle, use")].filter((part) => !part.closest("defs"));
    parts.forEach((part, i) => part.classList.toggle("hidden", !shown(figure, labels[i])));
  }
  for (const cover of figure.svg.querySelectorAll(`.cover, .tick${figure.canvas.matches(".stacked") ? "" : ", .row-name"}`)) cover.remove();
  for (const panel of figure.panels) {
    for (const [row, [top, bottom]] of Object.entries(panel.rows ?? {})) {
      if (shown(figure, parseInt(row))) continue;
      figure.svg.append(
        drawing("rect", { class: "cover", x: panel.box[0], y: top, width: panel.box[2] - panel.box[0], height: bottom - top }),
      );
    }
  }
  const zoomed = zoomOf(view.zoom);
  const here = zoomed?.figure === figure;
  // The parts of a picture that its panels have for themselves overlap: the others are away.
  figure.svg.querySelectorAll("[data-cell]").forEach((group, i) => group.classList.toggle("away", here && Boolean(figure.cells) && i !== zoomed.panel.cell));
  let [left, top, right, bottom] = here ? around(figure, zoomed.panel) : [0, 0, figure.width, figure.height];
  if (here && zoomed.range) {
    const { xs } = zoomed.panel;
    const ends = zoomed.range.map((column) => xs[column]).sort((a, b) => a - b);
    // At an end of the panel its names and ticks are there too.
    if (ends[0] > Math.min(...xs)) left = ends[0] - 30;
    if (ends[1] < Math.max(...xs)) right = ends[1] + 12;
    if (ends[0] > Math.min(...xs) && !zoomed.panel.rows) ticksAt(figure, zoomed.panel, left + 2);
  }
  figure.svg.style.maxHeight = here ? "75vh" : "";
  // A figure of some encodings says which of those that are chosen it does not have.
  const own = [...new Set(figure.series)].filter((label) => known.includes(label));
  const rest = known.filter((label) => !view.hidden.has(label));
  const missing = rest.filter((label) => !own.includes(label));
  for (const note of figure.canvas.parentElement.querySelectorAll(".note")) note.remove();
  if (own.length && view.hidden.size && (missing.length === rest.length || (missing.length && rest.length <= FEW))) {
    const words = rest.length ? `Not among the encodings of this figure: ${missing.join(", ")}.` : "All encodings are hidden.";
    figure.canvas.after(element("p", { class: "note" }, words));
  }
  figure.svg.setAttribute("viewBox", `${left} ${top} ${right - left} ${bottom - top}`);
  // A part of a panel is as wide as its height lets it be: what is beside it is not seen.
  const part = here && zoomed.range;
  figure.svg.style.width = part ? `min(100%, ${(75 * (right - left)) / (bottom - top)}vh)` : here ? "100%" : figure.across;
  if (part) {
    // The titles and the names of lines may be outside.
    const { panel, range: ends } = zoomed;
    const labels = new Set(panel.points.map(([series]) => figure.series[series]).filter((label) => !view.hidden.has(label)));
    const names = [...labels].flatMap((label) => [swatch(label), element("bdi", {}, label), " "]);
    figure.canvas.after(element("p", { class: "note" }, `${panel.heading && `${panel.heading}; `}${panel.axis[0]} ${ends.map((at) => panel.ticks[at]).join(" to ")}: `, ...names));
  }
  figure.svg.style.minWidth = part ? "0" : figure.least;
  figure.svg.style.aspectRatio = `${right - left} / ${bottom - top}`;
}

// Values of the vertical axis where the part of a panel that is shown begins.
function ticksAt(figure, { box, y: [zero, step] }, x) {
  const [low, high] = [box[3], box[1]].map((at) => (at - zero) / step);
  const size = 10 ** Math.floor(Math.log10((high - low) / 2));
  const apart = [5, 2, 1].map((times) => times * size).find((width) => (high - low) / width >= 2) ?? size;
  for (let i = Math.ceil(low / apart); i * apart <= high; i++) {
    const text = drawing("text", { class: "tick", x, y: zero + step * i * apart + 3 });
    text.textContent = String(+(i * apart).toPrecision(6)).replace("-", "−");
    figure.svg.append(text);
  }
}

// A panel with its titles, ticks and names.
function around(figure, panel) {
  const { box, rows } = panel;
  const sideways = figure.panels.filter(({ box: other }) => other[1] < box[3] && other[3] > box[1]);
  const first = !sideways.some((other) => other.box[2] < box[0]);
  // The names of rows are left of the first panel.
  const names = rows && !first && !figure.canvas.matches(".stacked") ? nameRows(figure, panel) : 0;
  if (figure.cells) {
    const [x, y, width, height] = figure.cells[panel.cell];
    const [right, low] = figure.places?.[panel.cell] ?? [0, 0];
    const left = Math.min(x + right, names ? box[0] - names : Infinity);
    return [Math.max(left, 0), y + low, x + right + width, y + low + height];
  }
  const beside = sideways.map(({ box: other }) => other[0]).filter((other) => other > box[2]);
  const below = figure.panels.map(({ box: other }) => other[1]).filter((other) => other > box[3]);
  const right = beside.length ? Math.min(...beside) - 32 : figure.width;
  const low = below.length ? Math.min(...below) - 34 : figure.height;
  const left = rows && first ? 0 : box[0] - Math.max(names, 36);
  return [Math.max(left, 0), Math.max(box[1] - 34, 0), Math.max(right, box[2] + 4), Math.min(box[3] + 36, Math.max(low, box[3]))];
}

// The headings of columns whose fields are labels.
const OF_LABELS = ["encoding", "model", "label", "better", "other"];
function showTables() {
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  for (const part of tables.values()) {
    const table = tableIn(part);
    const rows = table.tBodies[0].rows;
    let left = 0;
    const headings = [...table.querySelectorAll("thead th")].map((heading) => heading.textContent);
    // A table has columns of labels, or a column may be of one encoding: "learned" is a label and a heading, too.
    const named = headings.flatMap((heading, i) => (OF_LABELS.includes(heading) ? [i] : []));
    const columns = headings.map((heading) => !named.length && view.hidden.has(heading));
    if (columns.includes(true) || table.querySelector("th[hidden]")) {
      for (const row of table.querySelectorAll("tr")) columns.forEach((hidden, i) => { if (row.cells[i]) row.cells[i].hidden = hidden; });
    }
    for (const row of rows) {
      const text = [...row.cells].map((cell) => cell.textContent).join("\n").toLowerCase();
      const hidden = named.some((i) => view.hidden.has(row.cells[i]?.textContent));
      row.hidden = hidden || !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    const note = part.querySelector(".left");
    const first = part.querySelector("button.all-rows") ? ` of the first ${rows.length}` : "";
    note.textContent = left < rows.length ? `${left}${first} shown` : "";
  }
}

function showSorted() {
  for (const [name, part] of tables) {
    const wanted = view.sort.get(name);
    const sorted = part.querySelector("[aria-sort$=ending]");
    if (wanted || sorted) tableIn(part).dispatchEvent(new CustomEvent("sort", { bubbles: true, detail: wanted ?? {} }));
  }
}

function showExamples() {
  if (!choice) return;
  const index = (select, text) => Math.max([...select.options].findIndex((option) => option.text === text), 0);
  choice.test.selectedIndex = index(choice.test, view.examples.test);
  choice.label.selectedIndex = index(choice.label, view.examples.of);
  choice.wrong.checked = view.examples.wrong !== undefined;
  choice.dispatchEvent(new Event("choice"));
}

const wantedRows = () => JSON.stringify([view.filter, [...view.hidden]]);
let filtered = wantedRows();
function apply() {
  forget();
  if (view.theme) root.dataset.theme = view.theme;
  else delete root.dataset.theme;
  for (const [name, figure] of figures) showFigure(name, figure);
  if (filtered !== wantedRows()) showTables();
  filtered = wantedRows();
  for (const box of bar.querySelectorAll("input[type=checkbox]")) box.checked = !view.hidden.has(box.value);
  const left = known.filter((label) => !view.hidden.has(label)).length;
  bar.querySelector(".count").textContent = left < known.length ? `${left} of ${known.length}` : `${known.length}`;
  if (bar.filter.value !== view.filter) bar.filter.value = view.filter;
  bar.theme.value = view.theme;
  if (address() !== location.hash) history.replaceState(null, "", address() || location.pathname + location.search);
}

const legend = bar.querySelector(".legend");
for (const label of known) {
  const box = element("input", { type: "checkbox", value: label });
  const alone = element("button", { type: "button", "aria-label": `Show only ${label}` }, "only");
  box.addEventListener("change", () => {
    box.checked ? view.hidden.delete(label) : view.hidden.add(label);
    apply();
  });
  alone.addEventListener("click", () => only(label));
  legend.append(element("li", {}, element("label", {}, box, swatch(label), element("bdi", {}, label)), alone));
}
bar.all.addEventListener("click", () => { view.hidden.clear(); apply(); });
bar.filter.addEventListener("input", () => { view.filter = bar.filter.value.trim(); apply(); });
bar.theme.addEventListener("change", () => { view.theme = bar.theme.value; apply(); });
bar.share.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(location.href);
    bar.share.textContent = "Copied";
  } catch {
    bar.share.textContent = "It is in the address bar";
  }
  setTimeout(() => { bar.share.textContent = "Copy address"; }, 2000);
});
bar.addEventListener("submit", (event) => event.preventDefault());
addEventListener("keydown", (event) => {
  const menu = bar.querySelector("details");
  if (event.key !== "Escape" || !menu.open) return;
  menu.open = false;
  if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
});
addEventListener("scroll", () => {
  for (const figure of figures.values()) if (figure.pointer) position(figure);
}, { passive: true, capture: true });
addEventListener("hashchange", () => {
  // A link on the page goes to a section and keeps the view.
  const [anchor, query] = location.hash.slice(1).split("?");
  if (query === undefined) place = anchor;
  else {
    fromAddress();
    showSorted();
    showExamples();
  }
  apply();
  document.getElementById(place)?.scrollIntoView();
});
document.addEventListener("rows", () => { showTables(); showSorted(); });
document.addEventListener("sorted", ({ target, detail }) => {
  const name = target.closest("details.table")?.dataset.table;
  if (name === undefined) return;
  view.sort.set(name, detail);
  apply();
});
choice?.addEventListener("input", () => {
  const [test, of] = [choice.test, choice.label].map((select) => select.selectedIndex > 0 && select.options[select.selectedIndex].text);
  view.examples = { ...(test && { test }), ...(of && { of }), ...(choice.wrong.checked && { wrong: "" }) };
  apply();
});
// The bar hides no row of the ranking on the first screen: the last ones make room, as far as the best four.
function fitRanking() {
  const list = document.querySelector(".with-figure .ranking");
  if (!list) return;
  const rows = [...list.children];
  for (const row of rows) row.classList.remove("shed");
  document.querySelector(".fitted")?.remove();
  if (!matchMedia("(min-width: 70rem)").matches) return;
  const note = element("p", { class: "quiet fitted" });
  const low = () => Math.max(...[...list.children, note].map((each) => each.getBoundingClientRect().bottom));
  const top = bar.getBoundingClientRect().top - scrollY;
  for (let left = rows.length - 1; left >= 4 && low() > top; left--) {
    rows[left].classList.add("shed");
    note.textContent = `and ${rows.length - left + Number(list.dataset.left)} more`;
    list.after(note);
  }
}

const barHeight = () => root.style.setProperty("--bar", `${bar.offsetHeight}px`);
bar.hidden = false;
barHeight();
new ResizeObserver(barHeight).observe(bar);
fitRanking();
addEventListener("resize", fitRanking);
if (narrow.matches) arrangeAll();
fromAddress();
showSorted();
showExamples();
apply();
// What an address shows is in sight: its tables are unfolded, and without a section its panel is scrolled to.
for (const name of view.sort.keys()) tables.get(name).open = true;
if (location.hash.includes("?")) (document.getElementById(place) ?? zoomOf(view.zoom)?.figure.canvas)?.scrollIntoView();
