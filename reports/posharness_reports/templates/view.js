// The view of a report: which encodings are shown, a filter of tables, the theme, and the panel that fills its
// figure. All of it is in the address. What is under the pointer or the arrow keys is read from the data block.
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const bar = document.querySelector("form.view");
const known = data.series.map((series) => series.label);
const view = { hidden: new Set(), filter: "", theme: "", zoom: "" };
const figures = new Map();

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

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

// --- the address: #section?hide=…&only=…&filter=…&theme=…&zoom=…

let place = "";
function fromAddress() {
  const [anchor, query = ""] = location.hash.slice(1).split("?");
  place = anchor;
  const wanted = new URLSearchParams(query);
  const only = wanted.getAll("only");
  view.hidden = new Set(only.length ? known.filter((label) => !only.includes(label)) : wanted.getAll("hide"));
  view.filter = wanted.get("filter") ?? "";
  view.theme = ["light", "dark"].includes(wanted.get("theme")) ? wanted.get("theme") : "";
  view.zoom = wanted.get("zoom") ?? "";
}

function address() {
  const query = new URLSearchParams();
  const shown = known.filter((label) => !view.hidden.has(label));
  if (view.hidden.size && shown.length && shown.length < view.hidden.size) {
    for (const label of shown) query.append("only", label);
  } else for (const label of view.hidden) query.append("hide", label);
  for (const key of ["filter", "theme", "zoom"]) if (view[key]) query.set(key, view[key]);
  const text = query.toString();
  return place || text ? `#${place}${text && `?${text}`}` : "";
}

// --- figures

for (const canvas of document.querySelectorAll("figure .canvas")) {
  const readings = data.figures[canvas.dataset.figure];
  const svg = canvas.querySelector("svg");
  if (!readings || !svg) continue;
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const figure = { canvas, svg, ...readings, width, height, at: null, pointer: null };
  figures.set(canvas.dataset.figure, figure);
  canvas.setAttribute("role", "group");
  canvas.setAttribute("aria-label", "Figure. Arrow keys read its values, Enter enlarges a panel, Escape ends.");
  listen(figure);
}

// Where a point is in the SVG.
function spot(panel, [series, column, value]) {
  const across = panel.xs[column];
  if (!panel.rows) return [across, panel.y[0] + panel.y[1] * value];
  const [top, bottom] = panel.rows[series];
  return [across, (top + bottom) / 2];
}

const shown = (figure, series) => !view.hidden.has(figure.series[series]);
// Where two decimals are 0 and the number is not, its first digit: the sign of an end is seen.
function number(value) {
  const size = Math.abs(value);
  if (size > 1e-9 && size < 0.005) return String(Number(value.toPrecision(1)));
  return value.toFixed(size >= 100 ? 0 : size < 10 ? 2 : 1);
}

function readingOf(figure, panel, point) {
  const values = Object.fromEntries(panel.read.map((name, i) => [name, point[i + 2]]));
  const text = [`${panel.axis[1]} ${number(values.y)}`];
  if (values.low != null && values.high != null) text[0] += ` [${number(values.low)}, ${number(values.high)}]`;
  if (values.seeds != null) text.push(`${values.seeds} seed${values.seeds === 1 ? "" : "s"}`);
  if (values.predictions != null) text.push(`n = ${values.predictions}`);
  if (values.followed != null) text.push(`followed ${number(values.followed)}`);
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
  figure.pointer = panel.rows
    ? drawing("rect", { x: x - 9, y: panel.rows[found[0]][0], width: 18, height: panel.rows[found[0]][1] - panel.rows[found[0]][0] })
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
  if (key === "PageDown" || key === "PageUp") {
    const next = panels[panels.indexOf(panel) + (key === "PageDown" ? 1 : -1)];
    if (next) point(figure, next, visible(next)[0]);
    return true;
  }
  const along = { ArrowRight: 1, ArrowLeft: -1 }[key], across = { ArrowUp: -1, ArrowDown: 1 }[key];
  if (!along && !across) return false;
  const candidates = visible(panel)
    .filter((other) => (along ? other[0] === found[0] : other[1] === found[1]))
    .sort((a, b) => (along ? a[1] - b[1] : spot(panel, a)[1] - spot(panel, b)[1]));
  const next = candidates[candidates.indexOf(found) + (along ?? across)];
  if (next) point(figure, panel, next);
  return true;
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
  for (const cover of figure.svg.querySelectorAll(".cover")) cover.remove();
  for (const panel of figure.panels) {
    for (const [series, [top, bottom]] of Object.entries(panel.rows ?? {})) {
      if (shown(figure, series)) continue;
      figure.svg.append(
        drawing("rect", { class: "cover", x: panel.box[0], y: top, width: panel.box[2] - panel.box[0], height: bottom - top }),
      );
    }
  }
  const [zoomed, index] = view.zoom.split(".");
  const panel = zoomed === name ? figure.panels[index] : null;
  const [left, top, right, bottom] = panel ? around(figure, panel) : [0, 0, figure.width, figure.height];
  figure.svg.setAttribute("viewBox", `${left} ${top} ${right - left} ${bottom - top}`);
  figure.svg.style.aspectRatio = `${right - left} / ${bottom - top}`;
}

// A panel with its titles, ticks and names.
function around(figure, { box }) {
  const beside = figure.panels.map((other) => other.box).filter((other) => other[0] > box[2] && other[1] < box[3] && other[3] > box[1]);
  const right = beside.length ? Math.min(...beside.map((other) => other[0])) - 32 : figure.width;
  return [Math.max(box[0] - 36, 0), Math.max(box[1] - 34, 0), Math.max(right, box[2] + 4), Math.min(box[3] + 36, figure.height)];
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
  else fromAddress();
  apply();
  document.getElementById(place)?.scrollIntoView();
});
document.addEventListener("rows", showTables);
bar.hidden = false;
fromAddress();
apply();
if (location.hash.includes("?")) document.getElementById(place)?.scrollIntoView();
