// Elements made of given names and text. Nothing here, or anywhere in the page, reads text as HTML.

export function element(name, given = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(given)) {
    if (value === null || value === undefined) continue;
    if (typeof value === "function") made.addEventListener(key, value);
    else if (typeof value !== "boolean" || key.startsWith("aria-")) made.setAttribute(key, String(value));
    else made.toggleAttribute(key, value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
  return made;
}

export function button(text, press, given = {}) {
  return element("button", { type: "button", click: press, ...given }, text);
}

export function list(items, given = {}) {
  if (!items.length) return null;
  return element("ul", given, items.map((item) => element("li", {}, item)));
}

// A share as a bar; the number stands beside it as text, so the bar itself is not read out.
export function bar(share, kind = "") {
  const filled = element("span", { class: "filled" });
  filled.style.width = `${100 * Math.min(1, Math.max(0, share))}%`;
  return element("span", { class: `bar ${kind}`.trim(), "aria-hidden": "true" }, filled);
}
