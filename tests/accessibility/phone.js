// What a phone shows of a page: asked of the browser, not of a style sheet.
() => {
  const LEAST = 43.5;  // pixels of a target, half a pixel left out: 2.75rem of 16 px is 44, drawn at 43.98
  const main = document.querySelector("[data-testid='stMain']");
  const seen = (one) => one.checkVisibility({ opacityProperty: true, visibilityProperty: true });
  const rounded = (number) => Math.round(10 * number) / 10;

  // Every element, those in the shadow of a component too.
  const all = (root) => [...root.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? all(one.shadowRoot) : [])]);
  const everything = all(document.querySelector("[data-testid='stApp']"));

  // What takes a finger: a box whose label is pressed as well counts with it; a handle with what lies around it.
  const TARGETS = "a[href], button, input, select, textarea, summary, [role='tab'], [role='slider'], [role='option']";
  const area = (one) => {
    if (one.type === "checkbox" || one.type === "radio") { return (one.closest("label") ?? one).getBoundingClientRect(); }
    if (one.matches("[role='combobox']")) { return one.closest("[role='group']").getBoundingClientRect(); }
    if (one.matches("input:not([type='range'])")) { return (one.closest("[data-testid$='RootElement'], [data-testid='stNumberInputContainer']") ?? one).getBoundingClientRect(); }
    if (one.matches("[data-testid='stSlider'] input")) { return sized(one.parentElement.parentElement); }
    return sized(one);
  };
  const sized = (one) => {  // without what a box around it cuts off, and with what a style sheet lays around it
    const box = one.getBoundingClientRect();
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (let outer = one.parentElement; outer && outer !== main; outer = outer.parentElement) {
      const cut = outer.getBoundingClientRect(), { overflowX, overflowY } = getComputedStyle(outer);
      if (overflowX === "hidden") { [left, right] = [Math.max(left, cut.left), Math.min(right, cut.right)]; }
      if (overflowY === "hidden") { [top, bottom] = [Math.max(top, cut.top), Math.min(bottom, cut.bottom)]; }
    }
    const own = { width: right - left, height: bottom - top };
    const around = ["::before", "::after"].map((part) => getComputedStyle(one, part)).filter((part) => part.position === "absolute");
    const most = (side) => Math.max(own[side], ...around.map((part) => parseFloat(part[side]) || 0));
    return { width: most("width"), height: most("height") };
  };
  const inSentence = (one) => {  // WCAG 2.5.8 lets links in a sentence be as high as its line
    const around = one.closest("p, li, td, [data-testid='stCaptionContainer'], [data-testid='stAlert']");
    return one.matches("a") && around !== null && around.textContent.trim() !== one.textContent.trim();
  };
  const hidden = (one) => one.closest("[data-collapsed='true']") || one.matches("[data-testid='stSkipToContent']") || one.type === "hidden" || one.type === "file" || one.closest("[aria-hidden='true'], [inert]");
  const small = everything.filter((one) => one.matches(TARGETS) && !hidden(one) && seen(one) && !inSentence(one)).map((one) => {
    const { width, height } = area(one);
    return { one, width, height };
  }).filter(({ width, height }) => width > 0 && height > 0 && (width < LEAST || height < LEAST)).map(({ one, width, height }) => {
    const keyed = (one.getRootNode().host ?? one).closest("[class*='st-key-']");
    return {
      what: one.closest("[data-testid]")?.dataset.testid ?? one.tagName.toLowerCase(),
      words: (one.ariaLabel ?? one.textContent).trim().slice(0, 40),
      key: keyed ? [...keyed.classList].find((name) => name.startsWith("st-key-")) : "",
      size: [rounded(width), rounded(height)],
    };
  });

  const strips = [...document.querySelectorAll("[data-testid='stTabs'] [role='tablist']")].filter(seen);
  const out = strips.filter((strip) => {
    const tab = strip.querySelector("[aria-selected='true']").getBoundingClientRect(), box = strip.getBoundingClientRect();
    return tab.left < box.left - 1 || tab.right > box.right + 1 || box.left < 0 || box.right > innerWidth;
  });

  // A box that scrolls sideways by itself has a name, and a place for the keyboard in it or on it.
  const boxes = everything.filter((one) => /auto|scroll/.test(getComputedStyle(one).overflowX)
    && one.scrollWidth > one.clientWidth + 1 && seen(one) && one !== main);
  const nameless = boxes.filter((one) => one.role !== "tablist"
    && !(one.tabIndex >= 0 && one.ariaLabel) && !one.querySelector("a, button, input, [tabindex='0']"));

  return {
    tabs: strips.length ? rounded(strips[0].getBoundingClientRect().top) : null,
    open_tab_hidden: out.length,
    small,
    sideways: Math.max(main.scrollWidth - main.clientWidth, document.documentElement.scrollWidth - innerWidth),
    nameless: nameless.map((one) => `${one.tagName.toLowerCase()}.${one.dataset.testid ?? one.classList[one.classList.length - 1] ?? ""}`),
    boxes: boxes.length,
  };
}
