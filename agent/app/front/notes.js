// What stands below the statements, and at the page's foot: limits, all evidence, models, making.

import { element, list } from "./dom.js";
import { gaps, modelsOf, sentence, tidy } from "./answer.js";
import { card, modelCard } from "./evidence.js";
import { t } from "./labels.js";

export function notes(answer) {
  const found = [
    ["Disagreements", answer.disagreements.map(disagreement), "strong"],
    ["What is missing", gaps(answer).map(sentence), "strong"],
    ["Keep in mind", answer.caveats.map(sentence), ""],
    ["Not assessed", answer.not_assessed.map(sentence), ""],
  ].filter(([, items]) => items.length);
  return element("div", { class: "notes" }, found.map(([title, items, kind]) =>
    element("section", { class: kind }, element("h2", {}, t(title)), list(items))));
}

function disagreement(one) {
  const cites = (one.citations ?? []).map((id) => element("span", { class: "cite" }, id));
  return [sentence(one.text), " ", cites, list((one.worth ?? []).map(sentence), { class: "quiet" })].filter(Boolean);
}

// Folded until asked for; a printed page has all of it.
export function foot(answer) {
  const made = answer.provenance;
  const rows = [
    `Planned by ${made.planner}; written by ${made.composer}; checked by ${made.checker}.`,
    ...Object.entries(made.prompts).map(([name, digest]) => `Prompt ${name}, ${digest}`),
    ...covered(answer.examination),
    Object.entries(made.versions).map(([name, version]) => `${name} ${version}`).join(", "),
  ].filter(Boolean);
  return [
    folded(`${t("Evidence")} (${answer.evidence.length})`, answer.evidence.map((item) => copy(card(answer, item)))),
    folded(t("Models, and how far to trust them"), modelsOf(answer).map(({ tool, model }) => modelCard(model, tool))),
    folded(t("How this was made"), made.planner ? [list(rows.map(tidy))] : []),
  ].filter(Boolean);
}

// The same card a second time on the page: without its id, which is the first one's.
function copy(made) {
  made.removeAttribute("id");
  return made;
}

function covered(examination) {
  if (typeof examination?.coverage !== "number") return [];
  const share = (value) => `${Math.round(100 * (value ?? 0))}%`;
  return [`Of the important evidence the answer tells ${share(examination.coverage)}; of what it tells, ${share(examination.hallucination)} is not in the evidence.`];
}

function folded(title, items) {
  if (!items.length) return null;
  return element("details", {}, element("summary", {}, title), element("div", { class: "folded" }, items));
}
