// Reading an answer: its order, what a statement rests on, and which model said it.

const LISTS = [
  "statements", "evidence", "attachments", "not_assessed", "caveats", "disagreements", "pictures",
  "failures", "sections",
];
const TITLES = { finding: "Findings", synthesis: "Findings", measurement: "Measurements" };
const UNITS = { 1: "", "[hnsf'U]": "HU", "{percentile}": "", cm3: "cm³", cm2: "cm²", mm2: "mm²", mm3: "mm³" };
const GREY = new Set(["CR", "DX", "CT", "MR", "MG", "NM", "PT", "XA", "RF", "US"]);

// What came as an answer, with every list there; null where it is none.
export function asAnswer(value) {
  if (!value || typeof value !== "object" || typeof value.question !== "string") return null;
  if (!Array.isArray(value.statements)) return null;
  const answer = { ...value, facts: value.facts ?? {}, dropped: value.dropped ?? { count: 0 } };
  for (const name of LISTS) answer[name] = Array.isArray(value[name]) ? value[name] : [];
  answer.provenance = { models: {}, prompts: {}, versions: {}, ...value.provenance };
  return answer;
}

// Headings with the positions of their statements; limitations stand elsewhere.
export function parts(answer) {
  const own = answer.sections.map(({ name, title, statements }) => ({ name, title, places: statements }));
  const found = (own.length ? own : byKind(answer)).map((part) => ({
    ...part,
    places: part.places.filter((at) => answer.statements[at]?.kind !== "limitation" && answer.statements[at]),
  }));
  return found.filter((part) => part.places.length);
}

function byKind(answer) {
  const titles = [...new Set(Object.values(TITLES))];
  const positions = [...answer.statements.keys()];
  return titles.map((title) => ({
    name: title.toLowerCase(),
    title,
    places: positions.filter((at) => TITLES[answer.statements[at].kind] === title),
  }));
}

export function evidenceOf(answer, statement) {
  return answer.evidence.filter((item) => (statement.citations ?? []).includes(item.id));
}

// Prediction sets that belong to what is cited, without being cited: the same tool and file, and
// the finding among their classes.
export function setsBeside(answer, cited) {
  const names = new Set(cited.map((item) => item.finding?.name).filter(Boolean));
  return answer.evidence.filter((item) => {
    const fact = answer.facts[item.id];
    if (fact?.kind !== "set" || cited.includes(item)) return false;
    const labels = fact.labels.map((label) => label.replace(/^no /, ""));
    return cited.some((one) => one.tool === item.tool && one.attachment === item.attachment)
      && labels.some((label) => names.has(label));
  });
}

// The model behind a piece of evidence; null where several of a tool answered and it can't be told.
export function modelOf(answer, item) {
  const backend = answer.facts[item.id]?.backend;
  const used = (answer.provenance.models[item.tool] ?? []).filter((one) => !backend || one.backend === backend);
  const names = new Set(used.map((one) => `${one.model} ${one.version} ${one.weights_sha256}`));
  return names.size === 1 ? used[0] : null;
}

export function modelsOf(answer) {
  return Object.entries(answer.provenance.models).flatMap(([tool, used]) => {
    const names = new Set();
    return used.filter((one) => {
      const name = `${one.model} ${one.version} ${one.backend}`;
      return !names.has(name) && names.add(name);
    }).map((model) => ({ tool, model }));
  });
}

// Pictures of the tools that said what is cited; all, where nothing is.
export function picturesOf(answer, cited) {
  const tools = new Set(cited.map((item) => item.tool));
  const own = answer.pictures.filter((one) => one.media_type?.startsWith("image/"));
  return cited.length ? own.filter((one) => tools.has(one.tool)) : own;
}

// Whether a tool's files are of a kind that is read with window and level.
export function isGrey(answer, tool) {
  const read = new Set(answer.evidence.filter((item) => item.tool === tool).map((item) => item.attachment));
  return answer.attachments.some(({ id, manifest }) => read.has(id) && manifest
    && (["radiograph", "volume"].includes(manifest.kind) || GREY.has(manifest.modality)));
}

export function tidy(text) {
  return String(text ?? "").replaceAll("[hnsf'U] (Hounsfield units)", "HU")
    .replace(/(\d )([cm]m)([23])\b/g, (_, before, unit, power) => before + unit + (power === "2" ? "²" : "³"))
    .trim();
}

export function sentence(text) {
  const plain = tidy(text).replace(/\.$/, "");
  return plain ? `${plain[0].toUpperCase()}${plain.slice(1)}.` : "";
}

export function quantity(value, unit) {
  const number = Number(Number(value).toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 8 });
  return { number, unit: UNITS[unit ?? "1"] ?? unit };
}

// What a file is; headers gave it, and nothing of it says who it is of.
export function described({ id, manifest }) {
  if (!manifest) return `${id}: could not be read`;
  const size = [manifest.columns, manifest.rows].filter(Boolean).join(" × ");
  const told = [
    `${manifest.format ?? ""} ${manifest.modality ?? ""}`.trim(),
    manifest.body_part ?? manifest.recognised,
    manifest.view,
    manifest.laterality,
    size && `${size} pixels`,
    manifest.frames > 1 && `${manifest.frames} images`,
    manifest.samples && `${manifest.samples.toLocaleString("en")} samples`,
    manifest.variants && `${manifest.variants.toLocaleString("en")} variants`,
    manifest.genome_build,
    manifest.sex,
    manifest.age_years && `${manifest.age_years} years`,
  ];
  return `${id}: ${told.filter(Boolean).join(", ")}`;
}

// What is not there: limits that were stated, calls that failed, statements that were dropped.
export function gaps(answer) {
  const limits = answer.statements.filter((one) => one.kind === "limitation").map((one) => one.text);
  const told = answer.statements.map((one) => one.text).join(" ");
  const failed = answer.failures.filter((one) => !told.includes(one.message.replace(/\.$/, "")))
    .map((one) => `${one.tool}: ${one.message}`);
  const { count } = answer.dropped;
  const were = count === 1 ? "statement was" : "statements were";
  return [...limits, ...failed, ...(count ? [`${count} ${were} left out, as the evidence did not support it`] : [])];
}
