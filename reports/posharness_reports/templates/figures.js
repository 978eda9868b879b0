// The figures of a report: how their panels are arranged in a window, and at which sides they go on.
for (const canvas of document.querySelectorAll("figure .canvas")) {
  const readings = data.figures[canvas.dataset.figure];
  const svg = canvas.querySelector("svg");
  if (!readings || !svg) continue;
  const [, , width, height] = svg.getAttribute("viewBox").split(" ").map(Number);
  const figure = { canvas, svg, ...readings, drawn: readings.panels, whole: [width, height], width, height, across: svg.style.width, least: svg.style.minWidth, at: null, pointer: null };
  figures.set(canvas.dataset.figure, figure);
  const read = figure.panels.some((panel) => panel.points.length);
  canvas.setAttribute("role", "group");
  const keys = read
    ? " Arrow keys read its values, Enter enlarges a panel, plus and minus the part around a value, Escape ends."
    : figure.panels.length ? " A double click enlarges a panel." : "";
  canvas.setAttribute("aria-label", `Figure ${canvas.dataset.figure.replaceAll("-", " ")}.${keys}`);
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
  figure.places = places;
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
// The names of rows, which are drawn beside the first panel of several alone, and their width.
function nameRows(figure, { box, rows }) {
  const names = Object.entries(rows).map(([row, [top, bottom]]) => {
    const label = figure.series[parseInt(row)];
    const text = drawing("text", { class: "row-name", x: box[0] - 5, y: (top + bottom) / 2 + 3 });
    text.textContent = mark(label)?.short ?? label;
    figure.svg.append(text);
    return text;
  });
  return 9 + Math.max(...names.map((name) => name.getComputedTextLength()));
}
const main = document.querySelector("main");
let room = 0;
function arrangeAll() {
  room = main.clientWidth;
  for (const figure of figures.values()) arrange(figure, room);
}
function arrangeAnew() {
  forget();
  arrangeAll();
  apply();
}
narrow.addEventListener("change", arrangeAnew);
new ResizeObserver(() => { if (narrow.matches && main.clientWidth !== room) arrangeAnew(); }).observe(main);

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
