"use strict";
// Sort a table by the column whose heading is pressed; pressed again, the other way round. The event "sort" sorts it
// too (or, without a column, puts its rows back), and "sorted" tells that a reader did.
const number = (text) => parseFloat(text.replace(/[\s\u202f≥≤<>]/g, "").replaceAll("−", "-").replace("∞", "Infinity"));
function sortTable(table, column, up) {
  // The highest of the first rows may be none of the highest: the others come, and are sorted with them.
  if (column !== undefined) table.closest("details")?.querySelector("button.all-rows:not([hidden])")?.click();
  const headings = [...table.tHead.rows[0].cells];
  for (const other of headings) other.setAttribute("aria-sort", "none");
  const body = table.tBodies[0];
  [...body.rows].forEach((row, i) => { row.dataset.place ??= i; });
  const order = (a, b) => {
    if (column === undefined) return a.dataset.place - b.dataset.place;
    const [x, y] = [a, b].map((row) => row.cells[column].textContent);
    const [m, n] = [number(x), number(y)];
    // What is no number comes last, whichever way.
    if (Number.isNaN(m) !== Number.isNaN(n)) return Number.isNaN(m) ? 1 : -1;
    const found = Number.isNaN(m) ? x.localeCompare(y, "en", { numeric: true }) : m === n ? 0 : m - n;
    return (up ? found : -found) || a.dataset.place - b.dataset.place;
  };
  headings[column]?.setAttribute("aria-sort", up ? "ascending" : "descending");
  body.append(...[...body.rows].sort(order));
}
document.addEventListener("click", ({ target }) => {
  const heading = target.closest?.("th button")?.parentElement;
  if (!heading) return;
  const up = heading.getAttribute("aria-sort") !== "ascending";
  sortTable(heading.closest("table"), heading.cellIndex, up);
  heading.dispatchEvent(new CustomEvent("sorted", { bubbles: true, detail: { column: heading.cellIndex, up } }));
});
document.addEventListener("sort", ({ target, detail }) => {
  if (detail.column === undefined || target.tHead.rows[0].cells[detail.column]) sortTable(target, detail.column, detail.up);
});
// Closed tables are made as they are opened, or one after the other when there is nothing else to do.
document.addEventListener("toggle", ({ target }) => { if (target.matches("details.table")) tableIn(target); }, true);
const idle = window.requestIdleCallback ?? ((work) => setTimeout(work, 20));
function makeNext(time) {
  for (const kept of document.querySelectorAll("details.table noscript")) {
    tableIn(kept.closest("details"));
    if (!(time?.timeRemaining() > 5)) return void idle(makeNext);
  }
}
addEventListener("load", () => idle(makeNext));
// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details.table")) {
    if (tableIn(part).tBodies[0].rows.length <= 60) part.open = true;
  }
});
// The content of a file that a link holds, unpacked if it is packed.
const contentOf = async (href, name) => {
  const bytes = Uint8Array.from(atob(href.split(",")[1]), (character) => character.charCodeAt(0));
  const stream = new Blob([bytes]).stream();
  return new Response(name.endsWith(".gz") ? stream.pipeThrough(new DecompressionStream("gzip")) : stream).blob();
};
// A packed file is saved unpacked, where there are scripts.
for (const link of document.querySelectorAll('a[download$=".gz"]')) {
  link.addEventListener("click", async (event) => {
    if (!link.download.endsWith(".gz") || !window.DecompressionStream) return;
    event.preventDefault();
    link.href = URL.createObjectURL(await contentOf(link.href, link.download));
    link.download = link.download.slice(0, -3);
    link.click();
  });
}
// Of a long table the page has the first rows; the others come from its file, as they are asked for.
const fields = (line) =>
  [...`${line},`.matchAll(/("((?:[^"]|"")*)"|[^,]*),/g)].map((found) => (found[2] ?? found[1]).replaceAll('""', '"'));
// As `posharness_reports.formatting.show` writes a value.
const shown = (text, kind) => {
  if (kind !== "n") return { "": "–", True: "yes", False: "no" }[text] ?? text.replace(/^'(?=[=+@\t\r-])/, "");
  const thousands = (digits) => digits.replace(/\B(?=(\d{3})+$)/g, "\u202f");
  if (/^-?\d+$/.test(text)) return thousands(text).replace("-", "−");
  if (!/^-?\d+\.\d+(e-?\d+)?$/.test(text)) return { "": "–", inf: "∞", "-inf": "−∞" }[text] ?? text;
  const value = Number(text);
  const size = Math.abs(value);
  let words = size >= 1000 ? thousands(fixed(value, 0)) : fixed(value, size >= 100 ? 1 : 3);
  if (size > 0 && size < 0.0005) words = value.toExponential(1).replace(/e([+-])(\d)$/, "e$10$2");
  return words.replaceAll("-", "−");
};
for (const button of document.querySelectorAll("button.all-rows")) {
  // A file whose columns are numbers has no texts such as "0.90 [0.78, 1.00]": these are in one of their own.
  const link = button.parentElement.querySelector("a.shown") ?? button.parentElement.querySelector("a.file");
  const [href, name] = [link.href, link.download];
  button.hidden = name.endsWith(".gz") && !window.DecompressionStream;
  button.addEventListener("click", async () => {
    button.disabled = true;
    const text = await (await contentOf(href, name)).text();
    const body = tableIn(button.closest("details")).tBodies[0];
    const kinds = [...body.rows[0].cells].map((cell) => cell.className);
    // A line ends where the quotes before it are in pairs.
    const lines = text.split("\n").slice(1, -1).reduce((whole, line) => {
      const open = whole.length && whole.at(-1).split('"').length % 2 === 0;
      if (open) whole[whole.length - 1] += `\n${line}`;
      else whole.push(line);
      return whole;
    }, []);
    body.replaceChildren(
      ...lines.map((line) => {
        const row = document.createElement("tr");
        fields(line).forEach((value, i) => {
          const cell = row.insertCell();
          cell.textContent = shown(value, kinds[i]);
          cell.className = kinds[i] ?? "";
        });
        return row;
      }),
    );
    button.previousElementSibling.remove();
    button.remove();
    document.dispatchEvent(new Event("rows"));
  });
}
