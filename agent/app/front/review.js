// The reader's review: accepted, struck or reworded statements, and what is exported of it.

import { evidenceOf, gaps, parts, sentence } from "./answer.js";

export class Review {
  // `earlier`: statements of a review that was exported before.
  constructor(answer, earlier = null) {
    this.answer = answer;
    this.places = parts(answer).flatMap((part) => part.places);
    this.marks = new Map();
    this.reader = typeof earlier?.reader === "string" ? earlier.reader : "";
    this.watchers = [];
    for (const one of earlier?.statements ?? []) {
      if (this.places.includes(one.statement) && ["accepted", "struck", "reworded"].includes(one.state)) {
        this.marks.set(one.statement, { state: one.state, text: one.text });
      }
    }
  }

  of(at) {
    return this.marks.get(at) ?? { state: "open" };
  }

  // Marking a statement a second time takes the mark away.
  mark(at, state) {
    if (this.of(at).state === state) this.marks.delete(at);
    else this.marks.set(at, { state });
    this.#changed(at);
  }

  // The reader's own words; those of the answer itself take the rewording back.
  reword(at, text) {
    const words = text.trim();
    if (!words || words === this.answer.statements[at].text) this.marks.delete(at);
    else this.marks.set(at, { state: "reworded", text: words });
    this.#changed(at);
  }

  count() {
    return this.marks.size;
  }

  complete() {
    return this.places.length > 0 && this.count() === this.places.length;
  }

  #changed(at) {
    this.watchers.forEach((told) => told(at));
  }

  asJson() {
    const statements = this.places.map((at) => ({ statement: at, ...this.of(at) }));
    const review = {
      reader: this.reader || null,
      reviewed: new Date().toISOString(),
      complete: this.complete(),
      note: "A reworded statement is the reader's own and was not verified against the evidence.",
      statements,
    };
    return `${JSON.stringify({ answer: this.answer, review }, null, 2)}\n`;
  }

  asMarkdown() {
    const answer = this.answer;
    const lines = [`# ${flat(answer.question)}`, ""];
    if (answer.message) lines.push(flat(answer.message), "");
    for (const part of parts(answer)) {
      lines.push(`## ${flat(part.title)}`, "", ...part.places.map((at) => this.#line(at)), "");
    }
    for (const [title, items] of this.#rest()) {
      if (items.length) lines.push(`## ${title}`, "", ...items.map((item) => `- ${flat(sentence(item))}`), "");
    }
    const state = this.complete() ? "Every statement was reviewed" : `${this.count()} of ${this.places.length} statements were reviewed`;
    lines.push(`*${state}${this.reader ? ` by ${flat(this.reader)}` : ""}. Not a medical device.*`, "");
    return lines.join("\n");
  }

  #line(at) {
    const statement = this.answer.statements[at];
    const cites = (statement.citations ?? []).map((id) => ` [${flat(id)}]`).join("");
    const mark = this.of(at);
    if (mark.state === "struck") return `- ~~${flat(statement.text)}~~ (struck by the reader)`;
    if (mark.state === "reworded") {
      return `- ${flat(mark.text)} (the reader's own words, not verified; the answer said: ${flat(statement.text)}${cites})`;
    }
    return `- ${flat(statement.text)}${cites}${mark.state === "accepted" ? " (accepted)" : " (not reviewed)"}`;
  }

  #rest() {
    const { answer } = this;
    const cited = [...new Set(this.places.flatMap((at) => evidenceOf(answer, answer.statements[at])))];
    return [
      ["Disagreements", answer.disagreements.map((one) => one.text)],
      ["What is missing", gaps(answer)],
      ["Keep in mind", answer.caveats],
      ["Not assessed", answer.not_assessed],
      ["Evidence", cited.map((item) => `${item.id} (${item.tool}, ${item.attachment ?? "-"}): ${item.text}`)],
    ];
  }
}

function flat(text) {
  return String(text ?? "").replace(/\s+/g, " ").trim();
}
