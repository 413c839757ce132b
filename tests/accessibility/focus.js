// What has the focus, and how it shows: asked after each press of Tab. What is left is asked whether it looked different.
() => {
  const above = (one, levels) => one && levels ? [one, ...above(one.parentElement ?? one.getRootNode().host, levels - 1)] : [];
  const looks = (one) => above(one, 5).map((part) => {
    const style = getComputedStyle(part);
    const outline = style.outlineStyle === "none" ? "" : `${style.outlineWidth} ${style.outlineColor}`;
    return [outline, style.boxShadow, style.borderColor].join("|");  // a paler ground is what the open page has, too
  }).join("\n");

  let one = document.activeElement;
  while (one?.shadowRoot?.activeElement) { one = one.shadowRoot.activeElement; }
  const before = window.hadFocus;
  const unmarked = before && before.one !== one && before.one.isConnected && looks(before.one) === before.looks ? before.told : null;
  if (!one || one === document.body) { window.hadFocus = null; return { unmarked, now: null }; }

  // A handle's own input is one pixel behind it: what is seen is the handle.
  const part = above(one, 4).find((outer) => outer.getBoundingClientRect().width >= 8) ?? one;
  const box = part.getBoundingClientRect();
  const told = `${one.tagName.toLowerCase()} ${(one.ariaLabel ?? one.textContent ?? "").trim().slice(0, 40)} `
    + (one.closest("[data-testid]")?.dataset.testid ?? "");
  const seen = part.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight;
  window.hadFocus = { one, looks: looks(one), told };
  return { unmarked, now: { told, seen, key: [...above(one, 30)].map((outer) => [...(outer.classList ?? [])].find((name) => name.startsWith("st-key-"))).find(Boolean) ?? "" } };
}
