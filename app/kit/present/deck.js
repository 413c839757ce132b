// Presenter mode: what a section shows, cut into screens of one figure at most, and the keys that turn them.
//
// A unit is an element of the page that is shown or put away as a whole. A figure takes along what stands before it
// (from a heading, a control or the beginning of a column on) and what is said after it, as far as the screen goes. The
// address names a screen by its figure: `figure=2`, and `figure=2.2` for the screen after it, if that has none.

const FIGURES = "[data-testid=stVegaLiteChart], [data-testid=stDataFrame], [data-testid=stImage], .stCode, table, .st-key-map_picture";
const FIXED = ".st-key-rail, .st-key-controls, .st-key-presenter"; // in sight on every screen
const BEGINS = "h2, h3, h4, h5, h6, input, textarea, select, button:not([data-testid=stElementToolbarButton] *)";
const WRITES = "textarea, select, [contenteditable=true], [role=combobox], [role=grid], input:not([type=range]):not([type=checkbox]):not([type=radio])";
const MOVES = `${WRITES}, input, [role=slider], [role=tab], [role=radio], [role=toolbar], [role=listbox], [role=menu], .stDataFrame`;
const OPEN = "[role=dialog], [data-baseweb=popover], [role=listbox]";
const FOOT = 44, GAP = 12, LEAST = 150; // pixels of the screen: the bar, between units, of a screen in a small window

const address = () => new URLSearchParams(location.search);
const open = (selector) => [...document.querySelectorAll(selector)].some((one) => one.getClientRects().length);
const blocks = ".stVerticalBlock, .stHorizontalBlock";

// Streamlit writes the address as it knew it before: the figure of this page is what was asked for here, or by a link.
let wanted = null, page = null;
const read = () => { [wanted, page] = [address().get("figure"), location.pathname]; };

class Deck {
  constructor(bar, lesson) {
    Object.assign(this, { bar, lesson, at: 0, screens: [], watched: [] });
    this.main = document.querySelector(".stMainBlockContainer");
    this.root = this.main.querySelector(":scope > .stVerticalBlock");
    const later = () => { cancelAnimationFrame(this.due); this.due = requestAnimationFrame(() => this.layout()); };
    this.sizes = new ResizeObserver(later);
    this.changes = new MutationObserver((all) => { if (all.some((one) => !this.bar.contains(one.target))) this.layout(); });
    this.changes.observe(this.main, { childList: true, subtree: true });
    addEventListener("resize", later);
    const gone = () => { read(); later(); };
    addEventListener("popstate", gone);
    this.stop = () => {
      this.sizes.disconnect(); this.changes.disconnect(); cancelAnimationFrame(this.due);
      removeEventListener("resize", later); removeEventListener("popstate", gone);
      this.root.style.height = "";
      for (const one of this.main.querySelectorAll("[data-deck]")) { this.mark(one, ""); }
      for (const one of this.main.querySelectorAll("[data-testid=stDataFrameResizable]")) { one.style.removeProperty("--deck-high"); }
      for (const one of this.main.querySelectorAll("[data-deck-stack]")) { delete one.dataset.deckStack; }
    };
    this.layout();
  }

  // ------------------------------------------------------------------------------------------------------ units
  figures(node) {
    const all = [...(node.matches(FIGURES) ? [node] : []), ...node.querySelectorAll(FIGURES)].filter((one) => one.getClientRects().length);
    return all.filter((one) => !all.some((other) => other !== one && other.contains(one)));
  }

  *units(block, column = false) {
    let first = column;
    for (const child of block.children) {
      if (!child.getClientRects().length || child.matches(FIXED) || child.querySelector(":scope > h1, h1")) { continue; }
      const tabs = child.matches(".stTabs") ? child : null;
      const inner = child.matches(blocks) ? child : child.querySelector(`:scope > :is(${blocks})`);
      if (inner?.matches(FIXED)) { continue; }
      if (tabs) {
        const list = tabs.querySelector("[role=tablist]");
        if (tabs.parentElement.closest(".stTabs")) { yield this.unit(list, first); }
        yield* this.units(tabs.querySelector("[role=tabpanel]:not([hidden]) > .stVerticalBlock") ?? tabs, first);
        if (!tabs.parentElement.closest(".stTabs")) { this.rest = true; }
      } else if (inner?.querySelector(FIXED)) {
        for (const one of inner.children) {
          if (!one.querySelector(FIXED)) { yield* this.units(one.querySelector(blocks) ?? one); }
        }
      } else if (inner?.matches(".stHorizontalBlock") && this.stacked(inner)) {
        for (const one of inner.children) { yield* this.units(one.querySelector(blocks) ?? one, true); }
      } else if (inner?.matches(".stVerticalBlock") && this.plain(inner)) {
        yield* this.units(inner, first);
      } else if (child.getBoundingClientRect().height > 1) {
        yield this.unit(child, first);
      }
      first = false;
    }
  }

  unit(node, first) {
    const words = node.querySelector("[data-testid=stMarkdownContainer]");
    const title = words?.children.length && !node.querySelector(FIGURES) && [...words.children].every((one) =>
      one.childNodes.length === 1 && one.firstChild.nodeName === "STRONG");
    const begins = first || title || node.matches("[role=tablist]") || node.querySelector(BEGINS) !== null;
    const unit = { node, begins, figures: this.figures(node), height: node.getBoundingClientRect().height, rest: this.rest };
    return { ...unit, ...this.grid(node, unit.height) };
  }

  grid(node, height) { // a table that scrolls by itself can be made lower: five rows and their head are enough
    const frame = node.querySelector("[data-testid=stDataFrameResizable]"), inner = frame?.querySelector(".dvn-scroller");
    if (!frame || !inner) { return {}; }
    const low = frame.style.getPropertyValue("--deck-high") !== "";
    if (!low) { frame.deckScrolls = inner.scrollHeight > inner.clientHeight + 2; }
    if (!frame.deckScrolls) { return {}; }
    const whole = parseFloat(frame.style.height) * this.zoom, now = frame.getBoundingClientRect().height;
    const least = Math.min(whole, 6 * this.row());
    return { frame, whole, height: height - now + whole, least: height - now + least };
  }

  row() { // of a grid, in pixels of the screen
    return 2.1875 * parseFloat(getComputedStyle(document.documentElement).fontSize) * this.zoom;
  }

  plain(block) { // no frame around it, its parts below each other
    const style = getComputedStyle(block);
    return style.flexDirection === "column" && style.borderTopWidth === "0px" && style.overflowY === "visible";
  }

  stacked(row) { // columns stay side by side if that is one picture: a figure in each at most, no higher than a screen
    const columns = [...row.children].filter((one) => one.matches(".stColumn"));
    const many = columns.some((one) => this.figures(one).length > 1);
    const high = row.getBoundingClientRect().height > this.room && columns.length > 1;
    if (columns.length && (many || high) && row.dataset.deckStack === undefined) { row.dataset.deckStack = ""; }
    return row.dataset.deckStack !== undefined;
  }

  // ---------------------------------------------------------------------------------------------------- screens
  cut(units) {
    const groups = [{ before: [], figure: null, after: [] }];
    let waiting = null; // what begins the next group
    for (const unit of units) {
      const last = groups.at(-1);
      if (unit.figures.length && last.figure) {
        groups.push({ before: waiting ?? [], figure: unit, after: [] });
        waiting = null;
      } else if (unit.figures.length) {
        last.figure = unit;
      } else if (!last.figure) {
        last.before.push(unit);
      } else if (waiting || unit.begins) {
        (waiting ??= []).push(unit);
      } else {
        last.after.push(unit);
      }
    }
    if (waiting) { groups.push({ before: waiting, figure: null, after: [] }); }
    let count = 0;
    return groups.flatMap((group) => {
      const screens = this.fill(group);
      const shown = screens.findIndex((screen) => screen.units.includes(group.figure));
      if (group.figure) { count += 1; }
      return screens.map((screen, index) => ({ ...screen, shows: index === shown, group: index < shown ? count - 1 : Math.max(count, 0) }));
    });
  }

  fill({ before, figure, after }) {
    if (!figure) { return this.pages(before); }
    const least = figure.least ?? figure.height;
    let left = this.room - least, start = before.length, end = 0;
    while (start > 0 && before[start - 1].height + GAP <= left) { start -= 1; left -= before[start].height + GAP; }
    while (end < after.length && after[end].height + GAP <= left) { left -= after[end].height + GAP; end += 1; }
    if (figure.frame) { figure.high = figure.whole - figure.height + Math.min(figure.height, least + Math.max(left, 0)); }
    const middle = { units: [...before.slice(start), figure, ...after.slice(0, end)] };
    const main = least > this.room ? this.pages([figure]) : [middle];
    return [...this.pages(before.slice(0, start)), ...main, ...this.pages(after.slice(end))];
  }

  pages(units) { // without a figure, or one figure that is higher than a screen: turned like pages, between its lines
    const screens = [];
    let left = 0;
    for (const unit of units) {
      if (unit.height > this.room) {
        const ends = this.lines(unit);
        for (let from = 0; from < unit.height - 2; ) {
          const to = Math.max(...ends.filter((end) => end <= from + this.room), 0);
          const until = to > from ? to : from + this.room;
          screens.push({ units: [unit], from, until: unit.height - until < 3 ? unit.height : until });
          from = screens.at(-1).until;
        }
        left = 0;
      } else if (unit.height + GAP <= left) {
        screens.at(-1).units.push(unit);
        left -= unit.height + GAP;
      } else {
        screens.push({ units: [unit] });
        left = this.room - unit.height;
      }
    }
    return screens;
  }

  lines({ node, height }) { // where a high unit can be cut without cutting through words, in pixels from its top
    const own = node.getBoundingClientRect().top, grid = node.querySelector("[data-testid=stDataFrame]");
    if (grid) {
      const row = this.row();
      return Array.from({ length: Math.floor(height / row) }, (_, index) => (index + 1) * row).concat(height);
    }
    const whole = [], range = document.createRange();
    const walk = (root) => {
      for (const one of root.querySelectorAll("*")) {
        if (one.matches("tr, button, input")) { whole.push(one.getBoundingClientRect()); }
        if (one.shadowRoot) { walk(one.shadowRoot); }
        for (const words of one.childNodes) {
          if (words.nodeType === Node.TEXT_NODE) { range.selectNodeContents(words); whole.push(...range.getClientRects()); }
        }
      }
    };
    walk(node);
    const boxes = whole.filter((box) => box.height > 1 && box.height < this.room / 2);
    const ends = boxes.map((box) => box.bottom + 2);
    return ends.filter((end) => !boxes.some((box) => box.top < end - 3 && end < box.bottom - 1)).map((end) => end - own).concat(height);
  }

  // -------------------------------------------------------------------------------------------------- one screen
  layout() {
    if (!this.root.isConnected) {
      this.root = this.main.querySelector(":scope > .stVerticalBlock");
      if (!this.root) { return; }
    }
    this.zoom = this.root.currentCSSZoom ?? 1;
    const bars = [...this.main.querySelectorAll(".st-key-rail, .st-key-controls")].filter((one) => one.offsetHeight);
    const top = Math.max(this.root.getBoundingClientRect().top, ...bars.map((one) => one.getBoundingClientRect().bottom + GAP));
    this.room = Math.max(innerHeight - FOOT - top - 4, LEAST);
    this.root.style.height = `${(innerHeight - FOOT - this.root.getBoundingClientRect().top) / this.zoom}px`;
    this.rest = false;
    const all = [...this.units(this.root)];
    this.watch([...all.map((unit) => unit.node), ...bars]);
    this.all = all;
    const units = all.filter((unit) => !unit.rest);
    const numbered = {};
    this.screens = this.cut(units).map((screen) => {
      const n = (numbered[screen.group] = (numbered[screen.group] ?? 0) + 1);
      return { ...screen, name: n > 1 ? `${screen.group}.${n}` : `${screen.group}` };
    });
    if (page !== location.pathname) { read(); }
    if (address().get("figure") !== wanted) { this.go(wanted); }
    const asked = wanted, names = this.screens.map((screen) => screen.name);
    const near = names.findLastIndex((name) => parseFloat(name) <= parseFloat(asked));
    this.first = this.lesson ? Math.max(0, this.screens.findIndex((screen) => screen.shows)) : 0; // a stop has prose itself
    this.at = asked === null ? this.first : Math.max(0, names.indexOf(asked) >= 0 ? names.indexOf(asked) : near);
    this.show();
  }

  watch(nodes) { // each once: a size that is watched for anew is told at once
    for (const one of this.watched) { if (!nodes.includes(one)) { this.sizes.unobserve(one); } }
    for (const one of nodes) { if (!this.watched.includes(one)) { this.sizes.observe(one); } }
    this.watched = nodes;
  }

  show() {
    const screen = this.screens[this.at] ?? { units: [] };
    const shown = new Set(screen.units.map((unit) => unit.node));
    const around = new Set();
    for (const { node } of this.all) {
      for (let one = node.parentElement; one && one !== this.root; one = one.parentElement) { around.add(one); }
    }
    for (const { node } of this.all) { this.mark(node, shown.has(node) ? "here" : "away"); }
    for (const one of around) {
      const needed = one.matches(":has(.st-key-controls, .st-key-rail), [role=tabpanel], .stTabs")
        || [...shown].some((node) => one.contains(node));
      this.mark(one, needed ? "" : "away");
    }
    for (const { node, height, frame, high } of this.all) {
      const page = screen.units[0]?.node === node && screen.until !== undefined;
      const style = page ? [`${-screen.from / this.zoom}px`, `inset(${screen.from / this.zoom}px 0 ${(height - screen.until) / this.zoom}px)`] : ["", ""];
      [node.style.marginTop, node.style.clipPath] = style;
      if (high) { frame.style.setProperty("--deck-high", `${high / this.zoom}px`); }
    }
    const total = this.screens.length, list = this.lists()[0], [all, here] = list ? this.among(list) : [[], -1];
    const name = all[here] ?? this.main.querySelector("h1");
    this.bar.querySelector("#name").textContent = name?.textContent ?? "";
    this.bar.querySelector("#place").textContent = total > 1 ? `${this.at + 1} / ${total}` : "";
    this.bar.querySelector("#back").disabled = !this.at && !this.beside(-1);
    this.bar.querySelector("#on").disabled = this.at >= total - 1 && !this.beside(1);
  }

  mark(node, as) {
    if (as && node.dataset.deck !== as) { node.dataset.deck = as; }
    if (!as && node.dataset.deck) { delete node.dataset.deck; }
  }

  // ------------------------------------------------------------------------------------------------------ turning
  lists() { // of tabs, and of the screens of a section, the outermost first
    return [...this.root.querySelectorAll("[role=tablist], [class*=st-key-screens_] [role=radiogroup]")].filter((one) => one.getClientRects().length);
  }

  among(list) { // its members, and which of them is open
    const all = [...list.querySelectorAll("[role=tab], [role=radio]")];
    return [all, all.findIndex((one) => one.ariaSelected === "true" || one.ariaChecked === "true")];
  }

  beside(step) { // the next one, of the innermost list that has one
    if (this.lesson) { return null; }
    for (const list of this.lists().reverse()) {
      const [all, at] = this.among(list);
      if (at >= 0 && all[at + step]) { return all[at + step]; }
    }
    return null;
  }

  turn(step) {
    const to = this.at + step;
    if (to >= 0 && to < this.screens.length) {
      this.go(to === this.first ? null : this.screens[to].name);
      this.layout();
    } else {
      const tab = this.beside(step);
      if (tab) { this.go(null); tab.click(); }
    }
  }

  go(name) {
    wanted = name;
    const now = new URL(location.href);
    now.searchParams.delete("figure");
    if (name !== null) { now.searchParams.set("figure", name); }
    history.replaceState(history.state, "", now);
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  const part = (name) => parentElement.querySelector(`#${name}`);
  const toggle = () => { wanted = null; setTriggerValue("toggle", true); };
  part("toggle").hidden = data.on;
  part("toggle").parentElement.classList.toggle("on", data.on);
  for (const [name, words] of Object.entries(data.words)) { Object.assign(part(name), { ariaLabel: words, title: words }); }
  const deck = data.on ? new Deck(part("toggle").parentElement, data.lesson) : null;
  part("toggle").onclick = part("leave").onclick = toggle;
  part("back").onclick = () => deck?.turn(-1);
  part("on").onclick = () => deck?.turn(1);
  const key = (event) => {
    const target = event.composedPath()[0];
    const within = (selector) => target instanceof Element && target.closest(selector);
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || open("[role=dialog]")) { return; }
    if (event.key === "p" && !event.shiftKey && !within(WRITES)) { toggle(); }
    if (!deck || open(OPEN)) { return; }
    if (event.key === "Escape") {
      if (within(MOVES)) { target.blur(); } else { toggle(); }
      return;
    }
    const on = ["ArrowDown", ...(data.lesson ? [] : ["ArrowRight", "PageDown"])]; // the others turn the lesson's stops
    const back = ["ArrowUp", ...(data.lesson ? [] : ["ArrowLeft", "PageUp"])];
    const step = on.includes(event.key) ? 1 : back.includes(event.key) ? -1 : 0;
    // a step through has keys of its own, which Streamlit writes on its buttons
    const arrow = { ArrowLeft: "←", ArrowRight: "→" }[event.key];
    if (arrow && [...deck.root.querySelectorAll("button:enabled")].some((one) => one.textContent.trim().endsWith(arrow))) { return; }
    const space = event.key === " " && !within("button, a, summary, [role=button]");
    if ((step || space) && !within(MOVES)) {
      event.preventDefault();
      event.stopImmediatePropagation();
      deck.turn(step || (event.shiftKey ? -1 : 1));
    }
  };
  window.addEventListener("keydown", key, true);
  return () => { window.removeEventListener("keydown", key, true); deck?.stop(); };
}
