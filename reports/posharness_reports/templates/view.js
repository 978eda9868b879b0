// The view of a report: which encodings are shown, a filter of tables, the theme, the panel (and the part of it)
// that fills its figure, how tables are sorted, and which examples are shown. All of it is in the address; what this
// report does not have is not applied. What is under the pointer or the arrow keys is read from the data block.
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const bar = document.querySelector("form.view");
const known = data.series.map((series) => series.label);
const view = { hidden: new Set(), filter: "", theme: "", zoom: "", sort: new Map(), examples: {} };
const tables = new Map([...document.querySelectorAll("details.table")].map((part) => [part.dataset.table, part.querySelector("table")]));
const choice = document.querySelector("#examples form");
const figures = new Map();

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// So many chosen encodings are named where a figure does not have them.
const FEW = 8;

const SVG = "http://www.w3.org/2000/svg";
function drawing(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
}

const mark = (label) => data.series[known.indexOf(label)];
function swatch(label) {
  const series = mark(label);
  const made = element("span", { class: "mark", "aria-hidden": "true" }, series ? series.marker : "●");
  if (series) made.style.color = `var(--series-${series.colour})`;
  return made;
}

// --- the address: #section?hide=…&only=…&filter=…&theme=…&zoom=FIGURE.PANEL[.FIRST-LAST]&sort=TABLE.[-]COLUMN&test=…&of=…&wrong

let place = "";
function fromAddress() {
  const [anchor, query = ""] = location.hash.slice(1).split("?");
  place = anchor;
  const wanted = new URLSearchParams(query);
  const named = (key) => wanted.getAll(key).filter((label) => known.includes(label));
  const only = named("only");
  view.hidden = new Set(only.length ? known.filter((label) => !only.includes(label)) : named("hide"));
  view.filter = wanted.get("filter") ?? "";
  view.theme = ["light", "dark"].includes(wanted.get("theme")) ? wanted.get("theme") : "";
  view.zoom = zoomOf(wanted.get("zoom") ?? "") ? wanted.get("zoom") : "";
  view.sort = new Map();
  for (const text of wanted.getAll("sort")) {
    const [name, down, column] = /^(.*)\.(-?)(\d+)$/.exec(text)?.slice(1) ?? [];
    if (tables.get(name)?.tHead.rows[0].cells[column]) view.sort.set(name, { column: Number(column), up: !down });
  }
  view.examples = {};
  if (!choice) return;
  for (const [key, select] of [["test", choice.test], ["of", choice.label]]) {
    const option = [...select.options].find((each) => each.text === wanted.get(key));
    if (option) view.examples[key] = option.text;
  }
  if (wanted.has("wrong")) view.examples.wrong = "";
}

// The figure, the panel in it and the first and last column that a text such as "name.0.2-5" means; null if none.
function zoomOf(text) {
  const [name, number, first, last] = /^(.*?)\.(\d+)(?:\.(\d+)-(\d+))?$/.exec(text)?.slice(1) ?? [];
  const figure = figures.get(name);
  const panel = figure?.panels[Number(number)];
  if (!panel) return null;
  if (first === undefined) return { figure, panel };
  const range = [Number(first), Number(last)];
  return range[0] < range[1] && range[1] < panel.xs.length ? { figure, panel, range } : null;
}

function address() {
  const query = new URLSearchParams();
  const shown = known.filter((label) => !view.hidden.has(label));
  if (view.hidden.size && shown.length && shown.length < view.hidden.size) {
    for (const label of shown) query.append("only", label);
  } else for (const label of view.hidden) query.append("hide", label);
  for (const key of ["filter", "theme", "zoom"]) if (view[key]) query.set(key, view[key]);
  for (const [name, { column, up }] of view.sort) query.append("sort", `${name}.${up ? "" : "-"}${column}`);
  for (const [key, value] of Object.entries(view.examples)) query.set(key, value);
  const text = query.toString();
  return place || text ? `#${place}${text && `?${text}`}` : "";
}

// --- figures

for (const canvas of document.querySelectorAll("figure .canvas")) {
  const readings = data.figures[canvas.dataset.figure];
  const svg = canvas.querySelector("svg");
  if (!readings || !svg) continue;
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const figure = { canvas, svg, ...readings, drawn: readings.panels, whole: [width, height], width, height, at: null, pointer: null };
  figures.set(canvas.dataset.figure, figure);
  const read = figure.panels.some((panel) => panel.points.length);
  canvas.setAttribute("role", "group");
  canvas.setAttribute("aria-label", read
    ? "Figure. Arrow keys read its values, Enter enlarges a panel, plus and minus the part around a value, Escape ends."
    : figure.panels.length ? "Figure. A double click enlarges a panel." : "Figure.");
  listen(figure);
}

// On a narrow screen the panels of a figure are below each other, as many beside each other as can be read.
const narrow = matchMedia("screen and (max-width: 40rem)");
const WIDEST = 1.1;
function arrange(figure, room) {
  const { cells, drawn, whole: [width, height] } = figure;
  if (!cells) return;
  const [, head, across, down] = cells[0];
  const columns = Math.max(1, Math.floor(room / across));
  const stacked = narrow.matches && width > columns * across + 1 && across < WIDEST * room;
  const places = cells.map(([left, top], i) => (stacked ? [(i % columns) * across - left, head + Math.floor(i / columns) * down - top] : [0, 0]));
  figure.svg.querySelectorAll("[data-cell]").forEach((group, i) => group.setAttribute("transform", `translate(${places[i].join(" ")})`));
  figure.panels = drawn.map((panel) => {
    const [right, low] = places[panel.cell];
    const { box, xs, y, rows } = panel;
    return {
      ...panel, box: box.map((at, i) => at + (i % 2 ? low : right)), xs: xs.map((x) => x + right), y: y && [y[0] + low, y[1]],
      rows: rows && Object.fromEntries(Object.entries(rows).map(([row, ends]) => [row, ends.map((at) => at + low)])),
    };
  });
  for (const name of figure.svg.querySelectorAll(".row-name")) name.remove();
  for (const panel of stacked ? figure.panels : []) if (panel.rows && cells[panel.cell][0] > 1) nameRows(figure, panel);
  [figure.width, figure.height] = stacked ? [columns * across, head + Math.ceil(cells.length / columns) * down] : [width, height];
  figure.canvas.classList.toggle("stacked", stacked);
}
// The names of rows, which are drawn beside the first panel of several alone.
function nameRows(figure, { box, rows }) {
  for (const [row, [top, bottom]] of Object.entries(rows)) {
    const name = figure.series[parseInt(row)];
    const text = drawing("text", { class: "row-name", x: box[0] - 5, y: (top + bottom) / 2 + 3 });
    text.textContent = name.length > 30 ? `${name.slice(0, 29)}…` : name;
    figure.svg.append(text);
  }
}
function arrangeAll() {
  const room = document.querySelector("main").clientWidth;
  for (const figure of figures.values()) arrange(figure, room);
}
narrow.addEventListener("change", () => {
  forget();
  arrangeAll();
  apply();
});

// At which sides figures go on. All are read before one is changed: else each is laid out again for the next.
function sides(canvases) {
  const read = canvases.map((canvas) => [canvas, canvas.scrollWidth - canvas.clientWidth, canvas.scrollLeft]);
  for (const [canvas, rest, left] of read) {
    canvas.classList.toggle("wide", rest > 1);
    canvas.classList.toggle("more-left", left > 1);
    canvas.classList.toggle("more-right", rest - left > 1);
  }
}
const resized = new ResizeObserver((entries) => sides(entries.map(({ target }) => target)));
for (const canvas of document.querySelectorAll("figure .canvas")) {
  resized.observe(canvas);
  canvas.addEventListener("scroll", () => sides([canvas]), { passive: true });
}

// Which of several lines of its label a point is on, and the ends of the row that it is in.
const lineOf = (panel, point) => (panel.lines ? point[panel.read.indexOf("line") + 2] : null);
const rowOf = (panel, point) => panel.rows[panel.lines ? `${point[0]}.${lineOf(panel, point)}` : point[0]];

// Where a point is in the SVG.
function spot(panel, point) {
  const across = panel.xs[point[1]];
  if (!panel.rows) return [across, panel.y[0] + panel.y[1] * point[2]];
  const [top, bottom] = rowOf(panel, point);
  return [across, (top + bottom) / 2];
}

const shown = (figure, series) => !view.hidden.has(figure.series[series]);
// All numbers of an interval have as many decimals: three where two would show 0 and the number is not. Where
// three show 0 as well, its first digit: the sign of an end is seen.
const NOTHING = 1e-9;
const decimals = (values) => (values.some((value) => Math.abs(value) > NOTHING && !Number(value.toFixed(2))) ? 3 : 2);
function number(value, digits = decimals([value])) {
  const size = Math.abs(value);
  const small = size > NOTHING && !Number(value.toFixed(digits));
  const text = small ? String(Number(value.toPrecision(1))) : value.toFixed(size >= 100 ? 0 : size < 10 ? digits : 1);
  return text.replaceAll("-", "−");
}

function readingOf(figure, panel, point) {
  const values = Object.fromEntries(panel.read.map((name, i) => [name, point[i + 2]]));
  const whole = values.low != null && values.high != null;
  const digits = decimals(whole ? [values.y, values.low, values.high] : [values.y]);
  const text = [`${panel.axis[1]} ${number(values.y, digits)}`];
  if (whole) text[0] += ` [${number(values.low, digits)}, ${number(values.high, digits)}]`;
  if (values.seeds != null) text.push(`${values.seeds} seed${values.seeds === 1 ? "" : "s"}`);
  if (values.predictions != null) text.push(`n = ${values.predictions}`);
  if (values.followed != null) text.push(`followed ${number(values.followed)}`);
  if (values.line != null) text.push(panel.lines[values.line]);
  const label = figure.series[point[0]];
  return [
    element("strong", {}, swatch(label), label),
    element("span", {}, `${panel.axis[0]} ${panel.ticks[point[1]]}`),
    element("span", {}, text.join(", ")),
  ];
}

const reading = element("div", { id: "reading", role: "status" });
document.querySelector("main").append(reading);

function point(figure, panel, found) {
  forget();
  figure.at = [panel, found];
  const [x, y] = spot(panel, found);
  const [top, bottom] = panel.rows ? rowOf(panel, found) : [];
  figure.pointer = panel.rows
    ? drawing("rect", { x: x - 9, y: top, width: 18, height: bottom - top })
    : drawing("circle", { cx: x, cy: y, r: 5 });
  figure.pointer.setAttribute("class", "pointer");
  figure.svg.append(figure.pointer);
  reading.replaceChildren(...readingOf(figure, panel, found));
  reading.classList.add("shown");
  position(figure);
}

function position(figure) {
  const box = figure.pointer.getBoundingClientRect();
  const width = reading.offsetWidth, height = reading.offsetHeight;
  const above = box.top - height - 8;
  reading.style.left = `${Math.max(4, Math.min(box.right + 8, root.clientWidth - width - 4))}px`;
  reading.style.top = `${Math.max(4, above > 4 ? above : box.bottom + 8)}px`;
}

function forget() {
  for (const figure of figures.values()) if (figure.pointer) [figure.pointer, figure.at] = [figure.pointer.remove(), null];
  reading.classList.remove("shown");
}

function panelAt(figure, x, y) {
  const away = ({ box }) => Math.max(box[0] - x, x - box[2], 0) + Math.max(box[1] - y, y - box[3], 0);
  const near = figure.panels.reduce((best, panel) => (best && away(best) <= away(panel) ? best : panel), null);
  return near && away(near) < 24 ? near : null;
}

function nearest(figure, panel, x, y) {
  let best = null, least = Infinity;
  for (const found of panel.points) {
    if (!shown(figure, found[0])) continue;
    const [across, down] = spot(panel, found);
    const far = (across - x) ** 2 + (down - y) ** 2;
    if (far < least) [best, least] = [found, far];
  }
  return best;
}

function listen(figure) {
  const inSvg = (event) => {
    const at = new DOMPoint(event.clientX, event.clientY).matrixTransform(figure.svg.getScreenCTM().inverse());
    return [at.x, at.y];
  };
  const look = (event) => {
    const [x, y] = inSvg(event);
    const panel = panelAt(figure, x, y);
    const found = panel && nearest(figure, panel, x, y);
    found ? point(figure, panel, found) : forget();
  };
  let from = null, band = null;
  const columnAt = (panel, x) => panel.xs.reduce((best, at, i) => (Math.abs(at - x) < Math.abs(panel.xs[best] - x) ? i : best), 0);
  figure.canvas.addEventListener("pointerdown", (event) => {
    const [x, y] = inSvg(event);
    const panel = event.pointerType === "mouse" && event.button === 0 && panelAt(figure, x, y);
    from = panel ? { panel, x } : null;
  });
  figure.canvas.addEventListener("pointermove", (event) => {
    if (!from || !(event.buttons & 1)) return;
    const [left, right] = [from.x, inSvg(event)[0]].sort((a, b) => a - b);
    if (right - left < 12 && !band) return;
    const { box } = from.panel;
    band ??= figure.svg.appendChild(drawing("rect", { class: "band", y: box[1], height: box[3] - box[1] }));
    band.setAttribute("x", left);
    band.setAttribute("width", right - left);
  });
  addEventListener("pointerup", (event) => {
    if (band) {
      const ends = [from.x, inSvg(event)[0]].map((x) => columnAt(from.panel, x)).sort((a, b) => a - b);
      zoomTo(figure, from.panel, ends);
    }
    [from, band] = [null, void band?.remove()];
  });
  figure.canvas.addEventListener("pointermove", look);
  figure.canvas.addEventListener("pointerdown", look);
  figure.canvas.addEventListener("pointerleave", forget);
  figure.canvas.addEventListener("blur", forget);
  figure.canvas.addEventListener("focus", () => {
    if (!figure.canvas.matches(":focus-visible") || figure.at) return;
    move(figure, "Home");
  });
  figure.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !move(figure, event.key)) return;
    event.preventDefault();
  });
  figure.canvas.addEventListener("dblclick", (event) => enlarge(figure, panelAt(figure, ...inSvg(event))));
  for (const text of figure.svg.querySelectorAll("g[data-s]")) {
    const label = figure.series[text.dataset.s];
    if (text.querySelector("text") && known.includes(label)) text.addEventListener("click", () => only(label));
  }
}

function enlarge(figure, panel) {
  const name = panel ? `${figure.canvas.dataset.figure}.${figure.panels.indexOf(panel)}` : "";
  view.zoom = view.zoom === name ? "" : name;
  apply();
}

// Part of a panel: from one column to another.
function zoomTo(figure, panel, [first, last]) {
  const all = first <= 0 && last >= panel.xs.length - 1;
  const name = `${figure.canvas.dataset.figure}.${figure.panels.indexOf(panel)}`;
  if (first < last) view.zoom = all ? name : `${name}.${Math.max(first, 0)}-${Math.min(last, panel.xs.length - 1)}`;
  apply();
}

// The next point in a direction; whether the key means one.
function move(figure, key) {
  if (key === "Escape") {
    forget();
    if (view.zoom) enlarge(figure, null);
    return true;
  }
  const panels = figure.panels.filter((panel) => panel.points.some((found) => shown(figure, found[0])));
  if (!panels.length) return false;
  const visible = (panel) => panel.points.filter((found) => shown(figure, found[0]));
  if (!figure.at || key === "Home") {
    if (!["Home", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key)) return false;
    point(figure, panels[0], visible(panels[0])[0]);
    return true;
  }
  const [panel, found] = figure.at;
  if (key === "Enter") return enlarge(figure, panel), true;
  if (key === "+" || key === "-") {
    const now = zoomOf(view.zoom);
    const range = now?.panel === panel && now.range ? now.range : [0, panel.xs.length - 1];
    const half = key === "+" ? Math.max(Math.floor((range[1] - range[0]) / 4), 1) : range[1] - range[0];
    zoomTo(figure, panel, [found[1] - half, found[1] + half]);
    point(figure, panel, found);
    return true;
  }
  if (key === "PageDown" || key === "PageUp") {
    const next = panels[panels.indexOf(panel) + (key === "PageDown" ? 1 : -1)];
    if (next) point(figure, next, visible(next)[0]);
    return true;
  }
  const along = { ArrowRight: 1, ArrowLeft: -1 }[key], across = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (!along && !across) return false;
  const next = along || !panel.rows ? beside(panel, visible(panel), found, along, across) : inNextRow(panel, visible(panel), found, across);
  if (next) point(figure, panel, next);
  return true;
}

// The next point along a line, or across lines in the same column.
function beside(panel, points, found, along, across) {
  const candidates = points
    .filter((other) => (along ? other[0] === found[0] && lineOf(panel, other) === lineOf(panel, found) : other[1] === found[1]))
    .sort((a, b) => (along ? a[1] - b[1] : spot(panel, a)[1] - spot(panel, b)[1]));
  return candidates[candidates.indexOf(found) + (along ?? across)];
}

// The nearest point in the row above or below: dots in rows are in no common columns.
function inNextRow(panel, points, found, across) {
  const [x, y] = spot(panel, found);
  const places = points.map((other) => [other, ...spot(panel, other)]).filter(([, , down]) => (down - y) * across > 0);
  const row = places.reduce((near, [, , down]) => (Math.abs(down - y) < Math.abs(near - y) ? down : near), Infinity);
  const away = ([, right]) => Math.abs(right - x);
  return places.filter(([, , down]) => down === row).reduce((best, place) => (best && away(best) <= away(place) ? best : place), null)?.[0];
}

// --- what is shown

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
  for (const cover of figure.svg.querySelectorAll(".cover, .tick")) cover.remove();
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
  figure.canvas.parentElement.querySelector(".note")?.remove();
  if (own.length && view.hidden.size && (missing.length === rest.length || (missing.length && rest.length <= FEW))) {
    const words = rest.length ? `Not among the encodings of this figure: ${missing.join(", ")}.` : "All encodings are hidden.";
    figure.canvas.after(element("p", { class: "note" }, words));
  }
  figure.svg.setAttribute("viewBox", `${left} ${top} ${right - left} ${bottom - top}`);
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
function around(figure, { box, rows }) {
  const beside = figure.panels.map((other) => other.box).filter((other) => other[0] > box[2] && other[1] < box[3] && other[3] > box[1]);
  const right = beside.length ? Math.min(...beside.map((other) => other[0])) - 32 : figure.width;
  // The names of rows are left of the first panel.
  const first = rows && !figure.panels.some((other) => other.box[2] < box[0] && other.box[1] < box[3] && other.box[3] > box[1]);
  return [first ? 0 : Math.max(box[0] - 36, 0), Math.max(box[1] - 34, 0), Math.max(right, box[2] + 4), Math.min(box[3] + 36, figure.height)];
}

function showTables() {
  const words = view.filter.toLowerCase().split(/\s+/).filter(Boolean);
  for (const table of document.querySelectorAll("details.table")) {
    let left = 0;
    const rows = table.querySelectorAll("tbody tr");
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      const hidden = view.hidden.size > 0 && [...row.cells].some((cell) => view.hidden.has(cell.textContent));
      row.hidden = hidden || !words.every((word) => text.includes(word));
      left += row.hidden ? 0 : 1;
    }
    const note = table.querySelector(".left");
    note.textContent = left < rows.length ? `${left} shown` : "";
  }
}

function showSorted() {
  for (const [name, table] of tables) {
    const wanted = view.sort.get(name);
    const sorted = table.tHead.querySelector("[aria-sort$=ending]");
    if (wanted || sorted) table.dispatchEvent(new CustomEvent("sort", { bubbles: true, detail: wanted ?? {} }));
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

let filtered = "";
function apply() {
  forget();
  if (view.theme) root.dataset.theme = view.theme;
  else delete root.dataset.theme;
  for (const [name, figure] of figures) showFigure(name, figure);
  const wanted = JSON.stringify([view.filter, [...view.hidden]]);
  if (wanted !== filtered) showTables();
  filtered = wanted;
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
  legend.append(element("li", {}, element("label", {}, box, swatch(label), element("span", {}, label)), alone));
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
  if (event.key === "Escape") bar.querySelector("details").open = false;
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
  if (!list || !matchMedia("(min-width: 70rem)").matches) return;
  const rows = [...list.children];
  const note = element("p", { class: "quiet fitted" });
  const low = () => Math.max(...[...list.children, note].map((each) => each.getBoundingClientRect().bottom));
  const top = bar.getBoundingClientRect().top;
  for (let left = rows.length - 1; left >= 4 && low() > top; left--) {
    rows[left].classList.add("shed");
    note.textContent = `and ${rows.length - left + Number(list.dataset.left)} more`;
    list.after(note);
  }
}

bar.hidden = false;
fitRanking();
if (narrow.matches) arrangeAll();
fromAddress();
showSorted();
showExamples();
apply();
if (location.hash.includes("?")) document.getElementById(place)?.scrollIntoView();
