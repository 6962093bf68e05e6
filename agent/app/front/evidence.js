// What a statement rests on: each piece of evidence, its numbers as bars, and the model behind it.

import { bar, element } from "./dom.js";
import { evidenceOf, modelOf, quantity, sentence, setsBeside, tidy } from "./answer.js";
import { t } from "./labels.js";

const LONG = 600;

export function evidencePanel(answer, statement) {
  const cited = evidenceOf(answer, statement);
  const beside = setsBeside(answer, cited);
  const shown = [...cited, ...beside];
  return [
    cited.length ? null : element("p", { class: "quiet" }, t("This statement cites no evidence: it says what is missing.")),
    ...cited.map((item) => card(answer, item)),
    ...beside.map((item) => card(answer, item, t("Not cited, but of the same model"))),
    ...sources(answer, shown),
  ].filter(Boolean);
}

export function card(answer, item, remark = "") {
  const fact = answer.facts[item.id] ?? {};
  return element("article", { class: "card", id: `evidence-${item.id}` },
    element("header", {},
      element("span", { class: "id" }, item.id),
      item.finding ? element("span", { class: `chip ${item.finding.assertion}` }, t(item.finding.assertion)) : null,
      fact.second ? element("span", { class: "chip" }, t("second reader")) : null,
      element("span", { class: "quiet" }, remark || [item.tool, item.attachment].filter(Boolean).join(" · "))),
    item.text.length > LONG
      ? element("div", { class: "long", tabindex: 0, role: "region", "aria-label": item.id }, tidy(item.text))
      : element("p", {}, sentence(item.text)),
    where(item),
    numbers(item, fact));
}

function where({ finding }) {
  const told = [finding?.site, finding?.laterality].filter(Boolean);
  return told.length ? element("p", { class: "quiet" }, `${finding.name}: ${told.join(", ")}`) : null;
}

function numbers(item, fact) {
  if (fact.kind === "set" && fact.labels?.length) return setBars(fact);
  if (item.value === null || item.value === undefined) return null;
  if (fact.kind === "percentile") return percentile(item, fact);
  const share = item.unit === "1" && (fact.kind === "finding" || fact.kind === "overlap");
  if (share) return rows([[t(fact.kind === "overlap" ? "Variants matched" : fact.calibrated ? "Probability, calibrated" : "Score"), item.value]]);
  const { number, unit } = quantity(item.value, item.unit);
  const name = fact.kind === "score" ? t("score") : fact.name;
  return element("p", { class: "figure" }, element("b", {}, number), unit ? ` ${unit}` : "", name ? element("span", { class: "quiet" }, name) : null);
}

// The classes that can't be excluded, likeliest first, and what the others have together.
function setBars(fact) {
  const told = fact.labels.map((label, at) => [label, fact.shares[at] ?? 0]).sort((one, other) => other[1] - one[1]);
  const rest = 1 - told.reduce((sum, [, share]) => sum + share, 0);
  const coverage = fact.coverage ? `${Math.round(100 * fact.coverage)}%` : null;
  return element("div", {},
    rows(told, rest > 0.005 ? [t("excluded classes"), rest] : null),
    coverage ? element("p", { class: "quiet" }, t("A prediction set: in {} of cases the right class is among these.").replace("{}", coverage)) : null);
}

function rows(shares, rest = null) {
  const row = ([name, share], kind) => element("div", { class: `row ${kind}`, role: "row" },
    element("span", { role: "rowheader" }, name), bar(share),
    element("span", { class: "number", role: "cell" }, told(share)));
  return element("div", { class: "rows", role: "table" }, shares.map((one) => row(one, "")), rest ? row(rest, "rest") : null);
}

function told(share) {
  if (share > 0 && share < 0.005) return "< 0.01";
  return share < 1 && share >= 0.995 ? "> 0.99" : share.toFixed(2);
}

function percentile(item, fact) {
  const mark = element("span", { class: "mark" });
  mark.style.left = `${Math.min(100, Math.max(0, item.value))}%`;
  return element("div", { class: "percentile" },
    element("p", { class: "figure" }, element("b", {}, quantity(item.value).number), ` ${t("percentile")}`),
    element("div", { class: "scale", "aria-hidden": "true" }, mark),
    element("div", { class: "ends", "aria-hidden": "true" }, ["0", "50", "100"].map((end) => element("span", {}, end))),
    fact.reference ? element("p", { class: "quiet" }, `${t("Compared with")}: ${fact.reference}`) : null);
}

// Each model once, with how it was evaluated.
function sources(answer, shown) {
  const known = new Map(shown.map((item) => [modelOf(answer, item), item.tool]).filter(([model]) => model));
  return [...known].map(([model, tool]) => modelCard(model, tool, 12));
}

// `letters`: how many of the weights' digest are shown.
export function modelCard(model, tool, letters = 64) {
  const facts = [
    [t("Consulted as"), `${tool}, backend ${model.backend}`],
    [t("Evaluated on"), tidy(model.evaluated_on)],
    [t("Terms"), model.terms],
    [t("Weights"), model.weights_sha256 ? `SHA-256 ${model.weights_sha256.slice(0, letters)}` : t("none: no training")],
  ];
  return element("article", { class: "model" },
    element("h3", {}, `${model.model} ${model.version}`),
    element("dl", {}, facts.filter(([, value]) => value).map(([name, value]) => [
      element("dt", {}, name), element("dd", {}, value),
    ])));
}

// Boxes of what is cited, with the size of the image that they are on.
export function boxesOf(answer, cited) {
  return cited.flatMap((item) => {
    const box = answer.facts[item.id]?.box;
    const manifest = answer.attachments.find(({ id }) => id === item.attachment)?.manifest;
    if (!box || !manifest?.columns || !manifest.rows) return [];
    return [{ box, columns: manifest.columns, rows: manifest.rows, label: item.finding?.name ?? item.id, tool: item.tool }];
  });
}
