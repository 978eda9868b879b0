// The view of a report: which encodings are shown, a filter of tables, the theme, the panel (and the part of it)
// that fills its figure, how tables are sorted, and which examples are shown. All of it is in the address; what this
// report does not have is not applied.
const data = JSON.parse(document.getElementById("data").textContent);
const root = document.documentElement;
const bar = document.querySelector("form.view");
const known = data.series.map((series) => series.label);
const view = { hidden: new Set(), filter: "", theme: "", zoom: "", sort: new Map(), examples: {} };
const tables = new Map([...document.querySelectorAll("details.table")].map((part) => [part.dataset.table, part]));
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

// The address: #section?hide=…&only=…&filter=…&theme=…&zoom=FIGURE.PANEL[.FIRST-LAST]&sort=TABLE.[-]COLUMN&test=…&of=…&wrong

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
    if (tables.has(name) && tableIn(tables.get(name)).tHead.rows[0].cells[column]) view.sort.set(name, { column: Number(column), up: !down });
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
