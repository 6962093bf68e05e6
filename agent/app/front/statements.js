// The statements in reading order: each a button that opens its evidence, with the reader's marks.

import { button, element } from "./dom.js";
import { parts, tidy } from "./answer.js";
import { t } from "./labels.js";

const DOUBT = ["uncertain", "inconclusive"];
const STEPS = { ArrowDown: 1, ArrowUp: -1 };
const KEYS = { a: "accepted", s: "struck" };

export class Statements {
  // `select` is told which statement was chosen, by its position in the answer.
  constructor(answer, review, select) {
    Object.assign(this, { answer, review, select, items: new Map() });
    this.chosen = null;
    this.element = element("div", { class: "statements" });
    let number = 0;
    for (const part of parts(answer)) {
      const items = part.places.map((at) => this.#item(at, (number += 1)));
      this.element.append(element("section", { class: part.name === "urgent" ? "urgent" : "" },
        element("h2", {}, t(part.title)), element("ol", {}, items)));
    }
    review.watchers.push((at) => this.#refresh(at));
    for (const at of this.items.keys()) this.#refresh(at);
  }

  choose(at) {
    this.chosen = at;
    for (const [place, { item, opener }] of this.items) {
      item.toggleAttribute("data-chosen", place === at);
      opener.setAttribute("aria-expanded", place === at);
    }
    this.select(at);
  }

  first() {
    return this.items.keys().next().value ?? null;
  }

  #item(at, number) {
    const statement = this.answer.statements[at];
    const words = element("span", { class: "words" });
    const opener = element("button", {
      type: "button", class: "opener", "aria-expanded": false, "aria-controls": "evidence",
      click: () => this.choose(at), keydown: (event) => this.#key(event, at),
    }, element("span", { class: "no", "aria-hidden": "true" }, String(number)), words);
    const cites = (statement.citations ?? []).map((id) => element("span", { class: "cite" }, id));
    const doubt = DOUBT.includes(statement.certainty) ? element("span", { class: "chip uncertain" }, t(statement.certainty)) : null;
    const mark = element("span", { class: "chip mark" });
    const under = element("div", { class: "under" }, doubt, mark, cites);
    const tools = element("div", { class: "marks", role: "group", "aria-label": `${t("Review of statement")} ${number}` });
    const item = element("li", {}, opener, under, tools);
    this.items.set(at, { item, opener, words, mark, tools, number });
    return item;
  }

  #refresh(at) {
    const { item, words, mark, tools } = this.items.get(at);
    const { state, text } = this.review.of(at);
    const own = tidy(this.answer.statements[at].text);
    item.dataset.state = state;
    words.replaceChildren(state === "reworded" ? text : own);
    if (state === "struck") words.replaceChildren(element("s", {}, own));
    if (state === "reworded") words.append(element("span", { class: "was" }, `${t("The answer said")}: `, element("s", {}, own)));
    mark.textContent = { accepted: t("accepted"), struck: t("struck by the reader"), reworded: t("reader's own words, not verified") }[state] ?? "";
    mark.hidden = state === "open";
    tools.replaceChildren(...this.#tools(at, state));
  }

  #tools(at, state) {
    const mark = (name, text, key) => button(text, () => this.#mark(at, name), {
      "data-mark": name, "aria-pressed": state === name, "aria-keyshortcuts": key, title: `${text} (${key.toUpperCase()})`,
    });
    return [
      mark("accepted", t("Accept"), "a"), mark("struck", t("Strike"), "s"),
      button(t("Reword"), () => this.#edit(at), { "data-mark": "reworded", "aria-pressed": state === "reworded", "aria-keyshortcuts": "e", title: `${t("Reword")} (E)` }),
    ];
  }

  #mark(at, state) {
    const inTools = this.items.get(at).tools.contains(document.activeElement);
    this.review.mark(at, state);
    if (inTools) this.items.get(at).tools.querySelector(`[data-mark=${state}]`).focus();
  }

  #edit(at) {
    const { tools, opener } = this.items.get(at);
    const now = this.review.of(at).text ?? this.answer.statements[at].text;
    const field = element("textarea", { rows: 4, "aria-label": t("The statement in your own words") });
    field.value = now;
    const done = (text) => {
      if (text === null) this.#refresh(at);
      else this.review.reword(at, text);
      opener.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.key === "Escape") done(null);
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) done(field.value);
      event.stopPropagation();
    });
    tools.replaceChildren(element("div", { class: "editor" }, field,
      element("p", { class: "quiet" }, t("Your words are marked as yours, and are not checked against the evidence.")),
      button(t("Keep"), () => done(field.value), { class: "primary" }), button(t("Cancel"), () => done(null))));
    field.focus();
  }

  #key(event, at) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const places = [...this.items.keys()];
    const step = STEPS[event.key];
    const next = step ? places[places.indexOf(at) + step]
      : event.key === "Home" ? places[0] : event.key === "End" ? places.at(-1) : undefined;
    if (next !== undefined) this.#go(next);
    else if (KEYS[event.key]) this.#mark(at, KEYS[event.key]);
    else if (event.key === "e") this.#edit(at);
    else return;
    event.preventDefault();
  }

  #go(at) {
    this.choose(at);
    this.items.get(at).opener.focus();
  }
}
