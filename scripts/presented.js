// What is seen of a screen, by what the browser says of it and not by what the page says of itself. Letters by their
// computed size and the enlargement of their place; those of a grid, which are painted, by the size the grid is told.
() => {
  const problems = [], sizes = [];
  const part = (name) => document.querySelector(`[data-testid=${name}]`);
  const above = (one) => one.parentElement ?? one.getRootNode().host;
  const zoom = (one) => one.currentCSSZoom ?? 1;
  const letters = (one) => { // a drawing has a measure of its own
    const drawing = one.ownerSVGElement, own = drawing?.viewBox.baseVal.width;
    return parseFloat(getComputedStyle(one).fontSize) * (own ? drawing.getBoundingClientRect().width / own : zoom(one));
  };
  const bar = document.querySelector(".st-key-presenter [data-testid=stBidiComponentIsolated]")?.shadowRoot?.querySelector("footer");
  const foot = bar ? bar.getBoundingClientRect().top : innerHeight;

  const seen = (one) => {
    if (!one.checkVisibility({ visibilityProperty: true, opacityProperty: true })) { return false; }
    for (let up = one; up; up = above(up)) { // a frame of one pixel: for screen readers
      const box = up.getBoundingClientRect();
      if (box.width <= 1.5 && box.height <= 1.5 && getComputedStyle(up).overflow !== "visible") { return false; }
    }
    return true;
  };
  const inside = ({ width, height, top, bottom, left, right }) =>
    width > 0 && height > 0 && bottom > 0 && top < innerHeight && right > 0 && left < innerWidth;
  const left = (one) => { // what the frames around it leave of an element: from where to where
    let [top, bottom] = [0, foot];
    for (let up = one; up; up = above(up)) {
      const style = getComputedStyle(up), box = up.getBoundingClientRect();
      const cut = /inset\(([\d.]+)px [\d.]+(?:px)? ([\d.]+)px/.exec(style.clipPath);
      if (cut) {
        top = Math.max(top, box.top + cut[1] * zoom(up));
        bottom = Math.min(bottom, box.bottom - cut[2] * zoom(up));
      } else if (style.overflowY !== "visible") {
        top = Math.max(top, box.top);
        bottom = Math.min(bottom, box.bottom);
      }
    }
    return [top, bottom];
  };

  const WRITTEN = "input:not([type=range]):not([type=checkbox]):not([type=radio]), textarea";
  const look = (own, words, boxes) => {
    const within = boxes.filter(inside);
    if (!within.length || !seen(own)) { return; }
    const [top, bottom] = own.closest("footer") ? [0, innerHeight] : left(own);
    const shown = within.filter((box) => box.bottom > top + 3 && box.top < bottom - 3);
    if (!shown.length) { return; }
    sizes.push([letters(own), words]);
    const half = shown.some((box) => box.top < top - box.height / 4 || box.bottom > bottom + box.height / 4);
    if (half && !own.closest(".katex, input, textarea")) { problems.push(`cut: "${words}"`); }
    if (shown.some((box) => box.right > innerWidth + 1)) { problems.push(`beyond the right edge: "${words}"`); }
  };
  const walk = (root) => {
    const nodes = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let node = nodes.nextNode(); node; node = nodes.nextNode()) {
      if (node.shadowRoot) { walk(node.shadowRoot); }
      if (node.nodeType === Node.TEXT_NODE) {
        const words = node.textContent.trim().slice(0, 40), range = document.createRange();
        range.selectNodeContents(node);
        if (words && !node.parentElement.closest("style, script")) { look(node.parentElement, words, [...range.getClientRects()]); }
      } else if (node.matches(WRITTEN) && node.value) {
        look(node, node.value.slice(0, 40), [node.getBoundingClientRect()]);
      }
    }
  };
  walk(document.body);
  for (const grid of document.querySelectorAll("[data-testid=stDataFrame]")) {
    const told = [...grid.querySelectorAll("*")].map((one) => one.style?.getPropertyValue("--gdg-base-font-style")).find(Boolean);
    if (seen(grid) && inside(grid.getBoundingClientRect())) { sizes.push([parseFloat(told) * zoom(grid), "a grid"]); }
  }

  const CHARTS = "[data-testid=stVegaLiteChart], [data-testid=stImage]";
  const figures = [...document.querySelectorAll(`${CHARTS}, [data-testid=stDataFrame], .stCode, table`)]
    .filter((one) => seen(one) && !one.closest("[data-testid=stDataFrame] *"))
    .map((one) => ({ one, box: one.getBoundingClientRect(), frame: left(above(one)) }))
    .filter(({ box, frame: [top, bottom] }) => inside(box) && box.bottom > top + 3 && box.top < bottom - 3);
  const lower = figures.filter(({ one, box }) => figures.some((other) => other.box.bottom <= box.top + 2
    && !(one.closest(".stForm") && one.closest(".stForm") === other.one.closest(".stForm")))); // a task of several lines
  if (lower.length) { problems.push(`${figures.length} figures, ${lower.length} of them below another`); }
  for (const { one, box, frame: [top, bottom] } of figures) {
    const chart = one.matches(CHARTS), drawn = one.querySelector("svg.marks, canvas")?.getBoundingClientRect() ?? box;
    const fits = box.height < foot - 120; // one with more rows than a screen holds is turned like pages
    if (chart && fits && (box.bottom > bottom + 5 || box.top < top - 5)) { problems.push(`a chart of ${Math.round(box.height)} px is cut`); }
    if (chart && one.querySelector("canvas")) { problems.push("a chart is a bitmap"); }
    if (drawn.right > innerWidth + 1) { problems.push(`a figure of ${Math.round(drawn.width)} px is beyond the right edge`); }
  }

  const main = part("stMain"), title = document.querySelector("h1");
  if (main.scrollHeight > main.clientHeight + 1) { problems.push(`scrolls: ${main.scrollHeight} px`); }
  const wide = Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - innerWidth);
  if (wide > 1) { problems.push(`scrolls sideways: ${wide} px`); }
  for (const gone of ["stSidebar", "stHeader"]) {
    if (part(gone) && seen(part(gone)) && part(gone).getBoundingClientRect().right > 0) { problems.push(`${gone} is seen`); }
  }
  if (title && seen(title) && inside(title.getBoundingClientRect())) { problems.push("the title is seen"); }

  const small = sizes.filter(([size]) => !(size >= 17.99)).slice(0, 6);
  problems.push(...small.map(([size, words]) => `${size.toFixed(1)} px: "${words}"`));
  if (!sizes.length) { problems.push("nothing is seen"); }
  const [place, name] = ["place", "name"].map((id) => bar?.querySelector(`#${id}`).textContent ?? "");
  return { problems, figures: figures.length, smallest: Math.min(...sizes.map(([size]) => size)), place, name };
}
