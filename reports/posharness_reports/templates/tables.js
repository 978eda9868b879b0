"use strict";
// Sort a table by the column whose heading is pressed; pressed again, the other way round.
const number = (text) => parseFloat(text.replace(/[\s\u202f≥]/g, "").replace("−", "-"));
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.parentElement;
    const column = heading.cellIndex;
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of heading.parentElement.cells) other.setAttribute("aria-sort", "none");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = heading.closest("table").tBodies[0];
    const rows = [...body.rows].sort((a, b) => {
      const [x, y] = [a, b].map((row) => row.cells[column].textContent);
      const [m, n] = [number(x), number(y)];
      const order = Number.isNaN(m) || Number.isNaN(n) ? x.localeCompare(y, "en", { numeric: true }) : m - n;
      return up ? order : -order;
    });
    body.append(...rows);
  });
}
// Paper cannot be unfolded.
addEventListener("beforeprint", () => {
  for (const table of document.querySelectorAll("details.table")) {
    if (table.querySelectorAll("tbody tr").length <= 60) table.open = true;
  }
});
// A packed file is saved unpacked, where there are scripts.
for (const link of document.querySelectorAll('a[download$=".gz"]')) {
  link.addEventListener("click", async (event) => {
    if (!link.download.endsWith(".gz") || !window.DecompressionStream) return;
    event.preventDefault();
    const packed = Uint8Array.from(atob(link.href.split(",")[1]), (character) => character.charCodeAt(0));
    const content = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    link.href = URL.createObjectURL(await new Response(content).blob());
    link.download = link.download.slice(0, -3);
    link.click();
  });
}
