// A closed table is in a <noscript>: where there are scripts it is a text at first, so that a page of hundreds of
// tables opens at once. It is made into a table when something needs it, and at the latest when the browser is idle,
// so that a search of the page finds what is in it.
function tableIn(part) {
  const kept = part.querySelector("noscript");
  if (kept) kept.outerHTML = kept.textContent;
  return part.querySelector("table");
}
