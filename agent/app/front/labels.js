// The page's own words in the answer's language; what specialists said stays as they said it.

let table = {};
let language = "en";

export function useLabels(known) {
  table = known ?? {};
}

export function useLanguage(name) {
  language = name ?? "en";
  document.documentElement.lang = language;
}

export function t(text) {
  return Object.hasOwn(table, text) ? (table[text][language] ?? text) : text;
}
