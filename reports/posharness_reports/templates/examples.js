// The explorer of examples: sequences of a test by distance, with an arc from each source to the answer.
const section = document.getElementById("examples");
const found = document.getElementById("examples-data");
if (section && found) {
  const { tests, series } = JSON.parse(found.textContent);
  const form = section.querySelector("form");
  const list = section.querySelector(".shown");
  const NEAR = 6, SHORT = 12;

  const make = (name, kind, ...children) => {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    made.append(...children);
    return made;
  };

  const tokensOf = (words, sources, place) => {
    const line = make("div", "tokens");
    const marked = [...sources, ...place];
    const far = (i) => marked.length > 0 && !marked.some((other) => Math.abs(other - i) <= NEAR);
    for (let i = 0; i < words.length; i++) {
      let end = i;
      while (end < words.length && far(end)) end++;
      if (end - i > SHORT) {
        const left = make("button", "left-out", `${end - i} tokens`);
        const hidden = words.slice(i, end);
        left.type = "button";
        left.addEventListener("click", () => {
          left.replaceWith(...hidden.map((word) => make("span", "", word)));
          arcs(line.closest("li"));
          fade(line.closest(".line"));
        });
        line.append(left);
        i = end - 1;
        continue;
      }
      const kind = place.includes(i) ? "place" : sources.includes(i) ? "source" : "";
      // The pieces of a word ("##s") are put together.
      const piece = i > 0 && words[i].length > 2 && words[i].startsWith("##");
      line.append(make(kind ? "mark" : "span", `${kind}${piece ? " piece" : ""}`, piece ? words[i].slice(2) : words[i]));
    }
    return line;
  };

  // Arcs from the sources to the place, over tokens of one line.
  const arcs = (item) => {
    const line = item.querySelector(".line");
    line.querySelector("svg")?.remove();
    const place = line.querySelector(".place");
    const sources = [...line.querySelectorAll(".source")];
    if (!place || !sources.length) return;
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const [width, height] = [line.scrollWidth, 34];
    svg.setAttribute("width", width);
    svg.setAttribute("height", height);
    svg.setAttribute("aria-hidden", "true");
    // A curve rises three quarters of the way to its control points.
    const most = (height - 2) / 0.75;
    const middle = (token) => token.offsetLeft + token.offsetWidth / 2;
    for (const source of sources) {
      const [from, to] = [middle(source), middle(place)];
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      const up = height - Math.min(most, 16 + Math.abs(to - from) / 8);
      path.setAttribute("d", `M${from} ${height} C${from} ${up} ${to} ${up} ${to} ${height}`);
      svg.append(path);
    }
    line.prepend(svg);
  };

  // A line that is wider than its place fades out where it goes on.
  const fade = (line) => {
    line.classList.toggle("more-left", line.scrollLeft > 1);
    line.classList.toggle("more-right", line.scrollLeft + line.clientWidth < line.scrollWidth - 1);
  };
  const resized = new ResizeObserver((entries) => entries.forEach(({ target }) => fade(target)));

  // The place of the answer is shown first, with a few tokens after it.
  const toPlace = (line) => {
    const place = line.querySelector(".place");
    line.scrollLeft = place.offsetLeft + place.offsetWidth + 48 - line.clientWidth;
  };

  const answer = (label, example, given) => {
    const [, , , , , right, changed] = example;
    const [said, after] = given;
    const item = make("li", said === right ? "right" : "wrong");
    const at = series.indexOf(label);
    const name = make("strong", "", make("bdi", "", label));
    item.append(name, ` ${said === right ? "✓" : "✗"} ${said}`);
    if (at >= 0) item.style.borderColor = `var(--series-${found.dataset.colours.split(" ")[at]})`;
    if (changed) {
      const how = after === said ? "kept" : after === changed ? "followed" : "broke";
      item.append(make("span", "quiet", ` → ${after} (${how})`));
    }
    return item;
  };

  const show = () => {
    const test = tests[form.test.value];
    const label = form.label.value;
    const wrong = form.wrong.checked;
    const items = [];
    test.examples.forEach((example, i) => {
      const [distance, tokens, memory, sources, place, right, changed] = example;
      const answers = Object.entries(test.answers)
        .filter(([name, all]) => all[i].length && (!label || name === label))
        .map(([name, all]) => [name, all[i]]);
      if (!answers.length || (wrong && answers.every(([, [said]]) => said === right))) return;
      const line = make("div", "line");
      line.tabIndex = 0;
      line.setAttribute("role", "group");
      line.setAttribute("aria-label", "Tokens");
      line.addEventListener("scroll", () => fade(line), { passive: true });
      if (memory) line.append(tokensOf(memory.split(" "), sources, []), make("span", "arrow", "→"));
      line.append(tokensOf(tokens.split(" "), memory ? [] : sources, [place]));
      const about = make("p", "", ...(distance < 0 ? [] : [`distance ${distance}: `]), "right is ", make("strong", "", right));
      if (changed) about.append(`; with the farthest source changed, ${changed}`);
      items.push(make("li", "example", line, about, make("ul", "answers-given", ...answers.map(([name, given]) => answer(name, example, given)))));
    });
    resized.disconnect();
    list.replaceChildren(...items);
    if (!items.length) list.append(make("li", "", "No such example."));
    items.forEach(arcs);
    for (const line of list.querySelectorAll(".line")) {
      toPlace(line);
      resized.observe(line);
    }
  };

  tests.forEach((test, i) => form.test.append(new Option(`${test.name}, ${test.length} tokens`, i)));
  const labels = [...new Set(tests.flatMap((test) => Object.keys(test.answers)))].sort();
  for (const label of labels) form.label.append(new Option(label, label));
  let near = false;
  for (const event of ["input", "choice"]) form.addEventListener(event, () => { if (near) show(); });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // Drawn only when it is near the window: most readers of a long report do not come here.
  new IntersectionObserver((entries, observer) => {
    if (!entries.some((entry) => entry.isIntersecting)) return;
    observer.disconnect();
    section.querySelector(".fallback")?.remove();
    near = true;
    show();
  }, { rootMargin: "600px" }).observe(section);
}
