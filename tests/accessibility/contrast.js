// The contrast of every text with what lies under it, by WCAG's formula: also where axe-core cannot say (charts, pseudo-elements).
// It reads colours from the browser and knows nothing of axe. What is disabled or hidden is left out, as WCAG leaves it out.
() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const read = (colour) => {  // any way of writing a colour → [red, green, blue, share that covers]
    if (!known.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      known.set(colour, [r, g, b, a / 255]);
    }
    return known.get(colour);
  };
  const over = ([r, g, b, a], share, under) => [r, g, b].map((one, i) => one * a * share + under[i] * (1 - a * share));
  const light = (rgb) => {
    const [r, g, b] = rgb.map((one) => { const c = one / 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratio = (one, other) => {
    const [high, low] = [light(one), light(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };

  const parents = (one) => one ? [one, ...parents(one.parentElement ?? one.getRootNode().host ?? null)] : [];
  const holds = (outer, box) => outer.left <= box.left + box.width / 2 && box.left + box.width / 2 <= outer.right
    && outer.top <= box.top + box.height / 2 && box.top + box.height / 2 <= outer.bottom;
  const ground = (one) => {  // an element may stand beside the box it belongs to, as the number over a slider does
    const box = one.getBoundingClientRect();
    const under = parents(one).filter((outer) => outer === document.body || holds(outer.getBoundingClientRect(), box)).reverse();
    return under.reduce((colour, outer) => over(read(getComputedStyle(outer).backgroundColor), 1, colour), [255, 255, 255]);
  };
  const opacity = (one) => parents(one).reduce((share, outer) => share * parseFloat(getComputedStyle(outer).opacity), 1);
  const enough = (size, weight) => size >= 24 || (size >= 18.66 && weight >= 700) ? 3 : 4.5;

  const found = [];
  let texts = 0;
  const judge = (words, front, back, least, where) => {
    texts += 1;
    const measured = ratio(front, back);
    if (measured < least - 0.05) { found.push({ words: words.trim().slice(0, 40), ratio: Math.round(100 * measured) / 100, where }); }
  };
  const keyed = (one) => [...(parents(one).find((outer) => /st-key-/.test(outer.className))?.classList ?? [])].find((name) => name.startsWith("st-key-")) ?? "";

  // Charts: what a shape paints under the middle of a text, in the order in which shapes are painted.
  for (const svg of document.querySelectorAll("[data-testid='stVegaLiteChart'] svg")) {
    const page = ground(svg), shapes = [...svg.querySelectorAll("path, rect")].map((shape) => {
      const style = getComputedStyle(shape);
      const share = parseFloat(style.fillOpacity) * parseFloat(style.opacity);
      return { shape, share, fill: style.fill, there: shape.getScreenCTM()?.inverse(), box: shape.getBoundingClientRect() };
    }).filter(({ fill, share, there }) => there && fill !== "none" && share > 0);
    const halos = new Map();
    for (const text of svg.querySelectorAll("text")) {
      const box = text.getBoundingClientRect(), style = getComputedStyle(text);
      const at = [Math.round(box.left + box.width / 2), Math.round(box.top + box.height / 2), text.textContent].join(" ");
      if (!text.textContent.trim() || !box.width || parseFloat(style.opacity) < 0.05) { continue; }
      if (style.stroke !== "none" && parseFloat(style.strokeWidth) >= 3) { halos.set(at, read(style.stroke)); continue; }
      const middle = new DOMPoint(box.left + box.width / 2, box.top + box.height / 2);
      let under = page;
      for (const { shape, share, fill, there, box: around } of shapes) {
        const before = shape.compareDocumentPosition(text) & Node.DOCUMENT_POSITION_FOLLOWING;
        const near = around.left <= middle.x && middle.x <= around.right && around.top <= middle.y && middle.y <= around.bottom;
        if (before && near && shape.isPointInFill(middle.matrixTransform(there))) { under = over(read(fill), share, under); }
      }
      if (halos.has(at)) { under = halos.get(at).slice(0, 3); }
      const front = over(read(style.fill), parseFloat(style.fillOpacity) * parseFloat(style.opacity), under);
      judge(text.textContent, front, under, enough(parseFloat(style.fontSize), parseFloat(style.fontWeight)), keyed(svg));
    }
  }

  // Everything else: what its own background and those around it make of the page.
  const all = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  for (const one of all(document.querySelector("[data-testid='stApp']"))) {
    const own = [...one.childNodes].filter((node) => node.nodeType === Node.TEXT_NODE).map((node) => node.data).join("");
    if (!own.trim() || one.closest("svg, style, script, [disabled], [aria-disabled='true'], [data-disabled], .katex-mathml")) { continue; }
    const box = one.getBoundingClientRect();
    if (box.width < 2 || box.height < 2 || !one.checkVisibility({ opacityProperty: true, visibilityProperty: true })) { continue; }
    const style = getComputedStyle(one), under = ground(one);
    const front = over(read(style.color), opacity(one), under);
    const icon = style.fontFamily.includes("Material");
    judge(own, front, under, icon ? 3 : enough(parseFloat(style.fontSize), parseFloat(style.fontWeight)), keyed(one));
  }
  return { texts, found };
}
