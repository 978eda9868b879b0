// The values of figures: what is under the pointer or the arrow keys is read from the data block.
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
const decimals = (values) => (values.some((value) => Math.abs(value) > NOTHING && !Number(fixed(value, 2))) ? 3 : 2);
function number(value, digits = decimals([value])) {
  const size = Math.abs(value);
  const exact = size > NOTHING ? value : 0;
  const small = exact && !Number(fixed(exact, digits));
  const text = small ? firstDigit(exact) : fixed(exact, size >= 100 ? 0 : size < 10 ? digits : 1);
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
  position(figure);
}

// The window above the bar.
const lowest = () => bar.getBoundingClientRect().top;

// A reading is beside its mark and above the bar, as long as the mark can be seen.
function position(figure) {
  const box = figure.pointer.getBoundingClientRect();
  const part = figure.canvas.getBoundingClientRect();
  const seen = box.bottom > 0 && box.top < lowest() && box.right > part.left && box.left < part.right;
  reading.classList.toggle("shown", seen);
  const width = reading.offsetWidth, height = reading.offsetHeight;
  const above = box.top - height - 8;
  reading.style.left = `${Math.max(4, Math.min(box.right + 8, root.clientWidth - width - 4))}px`;
  reading.style.top = `${Math.max(4, above > 4 ? above : Math.min(box.bottom + 8, lowest() - height - 4))}px`;
}

// Scroll to a mark that keys lead to, with room for its reading above it.
function follow(figure) {
  const outside = (start, end, low, high) => (start < low ? start - low : Math.max(end - high, 0));
  const part = figure.canvas.getBoundingClientRect();
  let box = figure.pointer.getBoundingClientRect();
  const side = Math.min(40, part.width / 4);
  figure.canvas.scrollBy({ left: outside(box.left, box.right, part.left + side, part.right - side), behavior: "instant" });
  box = figure.pointer.getBoundingClientRect();
  scrollBy({ top: outside(box.top, box.bottom, reading.offsetHeight + 16, lowest() - 8), behavior: "instant" });
  position(figure);
}

function forget() {
  for (const figure of figures.values()) if (figure.pointer) [figure.pointer, figure.at] = [figure.pointer.remove(), null];
  reading.classList.remove("shown");
}

addEventListener("pointerdown", ({ target }) => { if (!target.closest?.("figure .canvas")) forget(); });

// The panels that are in sight, and whether a point is: one panel, or a part of it, may fill its figure.
const zoomedIn = (figure) => (zoomOf(view.zoom)?.figure === figure ? zoomOf(view.zoom) : null);
const panelsOf = (figure) => (zoomedIn(figure) ? [zoomedIn(figure).panel] : figure.panels);
function inSight(figure) {
  const [first, last] = zoomedIn(figure)?.range ?? [0, Infinity];
  return ([series, column]) => shown(figure, series) && first <= column && column <= last;
}

function panelAt(figure, x, y) {
  const away = ({ box }) => Math.max(box[0] - x, x - box[2], 0) + Math.max(box[1] - y, y - box[3], 0);
  const near = panelsOf(figure).reduce((best, panel) => (best && away(best) <= away(panel) ? best : panel), null);
  return near && away(near) < 24 ? near : null;
}

function nearest(figure, panel, x, y) {
  let best = null, least = Infinity;
  for (const found of panel.points.filter(inSight(figure))) {
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
  // A finger that is lifted leaves, too: what it has read stays until it taps elsewhere or scrolls.
  figure.canvas.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") forget(); });
  figure.canvas.addEventListener("pointercancel", forget);
  figure.canvas.addEventListener("blur", forget);
  figure.canvas.addEventListener("focus", () => {
    if (!figure.canvas.matches(":focus-visible") || figure.at) return;
    if (move(figure, "Home") && figure.pointer) follow(figure);
  });
  figure.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !move(figure, event.key)) return;
    event.preventDefault();
    if (figure.pointer) follow(figure);
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
  const visible = (panel) => panel.points.filter(inSight(figure));
  const panels = panelsOf(figure).filter((panel) => visible(panel).length);
  if (!panels.length) return false;
  if (!figure.at || key === "Home") {
    if (!["Home", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].includes(key)) return false;
    point(figure, panels[0], visible(panels[0])[0]);
    return true;
  }
  const [panel, found] = figure.at;
  if (key === "Enter") {
    enlarge(figure, panel);
    point(figure, panel, found);
    return true;
  }
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
