// The page: an answer that is in the file, or one that the host of a chat hands over.

import { button, element } from "./dom.js";
import { asAnswer, described, evidenceOf, isGrey, modelsOf, picturesOf, tidy } from "./answer.js";
import { boxesOf, evidencePanel } from "./evidence.js";
import { Host } from "./host.js";
import { t, useLabels, useLanguage } from "./labels.js";
import { foot, notes } from "./notes.js";
import { pictureLoader } from "./picture.js";
import { Review } from "./review.js";
import { Statements } from "./statements.js";
import { Viewer } from "./viewer.js";

const root = document.getElementById("page");
const live = document.getElementById("live");
const wide = window.matchMedia("(min-width: 60rem)");

function given(id) {
  return JSON.parse(document.getElementById(id)?.textContent || "null");
}

function say(text) {
  live.textContent = text;
}

function alone(title, text = "") {
  root.replaceChildren(element("main", { class: "alone" }, element("h1", {}, title), text ? element("p", {}, text) : null));
}

function show(answer, review, load, host = null) {
  useLanguage(answer.language);
  document.title = `${t("Preliminary – not reviewed")}: ${answer.question}`;
  const viewer = new Viewer(load, (picture) => isGrey(answer, picture.tool));
  const detail = element("div", { class: "detail" });
  const panel = element("aside", { id: "evidence", class: "panel", "aria-label": t("Evidence") }, viewer.element, detail);
  const column = element("div", { class: "column" });
  const statements = new Statements(answer, review, (at) => {
    const statement = answer.statements[at];
    const cited = evidenceOf(answer, statement);
    detail.replaceChildren(element("h2", {}, `${t("Evidence")}, ${t("statement")} ${statements.items.get(at).number}`), ...evidencePanel(answer, statement));
    const texts = [statement.text, ...cited.map((item) => `${item.text} ${answer.facts[item.id]?.name ?? ""}`)];
    viewer.show(picturesOf(answer, cited), texts, boxesOf(answer, cited));
    place();
    say(`${t("Evidence")}, ${t("statement")} ${statements.items.get(at).number}`);
  });
  const place = () => (wide.matches || statements.chosen === null ? column : statements.items.get(statements.chosen).item).append(panel);
  wide.addEventListener("change", place);
  root.replaceChildren(
    head(answer, review, host),
    element("main", { class: statements.items.size ? "" : "single" },
      element("div", { class: "column" }, message(answer), statements.element, notes(answer)), statements.items.size ? column : null),
    element("footer", {}, sign(review), ...foot(answer),
      element("p", { class: "quiet" }, t("Draft for a qualified reader, who checks it against the images and data. Not a medical device."))),
  );
  if (statements.items.size) statements.choose(statements.first());
}

function message(answer) {
  if (answer.message) return element("p", { class: "message" }, tidy(answer.message));
  if (answer.statements.length) return null;
  return element("p", { class: "message" }, t("Nothing can be said: no specialist gave a result that supports a statement."));
}

function head(answer, review, host) {
  const state = element("strong");
  const told = () => {
    const { length } = review.places;
    state.textContent = !review.count() ? t("Preliminary – not reviewed")
      : `${t("Preliminary")} – ${review.count()} / ${length} ${t("reviewed")}`;
  };
  review.watchers.push(told);
  told();
  const models = modelsOf(answer).map(({ model }) => `${model.model} ${model.version}`);
  const facts = [[t("Examined"), answer.attachments.map(described)], [t("Models"), models]];
  return element("header", { class: "head" },
    element("div", { class: "status" }, state, element("span", {}, t("For a qualified reader to check and sign")), actions(answer, review, host)),
    element("h1", {}, answer.question),
    element("dl", {}, facts.filter(([, lines]) => lines.length).map(([name, lines]) => [
      element("dt", {}, name), element("dd", {}, lines.map((line) => element("div", {}, line))),
    ])));
}

function actions(answer, review, host) {
  const save = (name, type, text) => () => (host ? handed(host, name, type, text()) : saved(name, type, text()));
  const items = review.places.length ? [
    button(t("Save JSON"), save("reviewed-answer.json", "application/json", () => review.asJson())),
    button(t("Save Markdown"), save("reviewed-answer.md", "text/markdown", () => review.asMarkdown())),
  ] : [];
  if (!host) items.push(button(t("Print"), () => window.print()));
  if (host?.can("updateModelContext") && review.places.length) {
    items.push(button(t("Tell the chat"), () => host.tell(review.asMarkdown()).then(() => say(t("The chat has the review.")), () => say(t("The chat did not take it.")))));
  }
  if (host?.full) items.push(button(t("Full screen"), () => host.toggleFull()));
  return element("div", { class: "actions", role: "toolbar", "aria-label": t("Export") }, items);
}

function saved(name, type, text) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 1000);
  say(`${t("Saved")}: ${name}`);
}

// A page in a chat may not save files itself: the host does, or the text is shown to be copied.
async function handed(host, name, type, text) {
  if (host.can("downloadFile")) {
    await host.download(name, type, text).catch(() => shown(name, text));
    return;
  }
  shown(name, text);
}

function shown(name, text) {
  const field = element("textarea", { readonly: true, rows: 16, "aria-label": name });
  field.value = text;
  const box = element("dialog", { class: "copy", "aria-label": name, close: () => box.remove() },
    element("p", {}, t("Copy this text:")), field, button(t("Close"), () => box.close()));
  root.append(box);
  box.showModal();
  field.select();
}

function sign(review) {
  if (!review.places.length) return null;
  const name = element("input", { type: "text", autocomplete: "off", input: () => { review.reader = name.value; } });
  name.value = review.reader;
  return element("div", { class: "sign" }, element("label", {}, element("span", {}, t("Reviewed by")), name),
    element("p", { class: "quiet" }, t("Marks stay in this page until they are saved. A statement: A accepts it, S strikes it, E rewords it.")));
}

async function hosted() {
  alone("Consulting…");
  let read = null;
  const host = new Host({
    "ui/notifications/tool-input": ({ arguments: asked }) => { if (typeof asked?.question === "string") alone("Consulting…", asked.question); },
    "ui/notifications/tool-result": (result) => received(result),
    "ui/notifications/tool-cancelled": () => alone("The consultation was stopped."),
  });
  const received = ({ structuredContent, content, isError }) => {
    const answer = isError ? null : asAnswer(structuredContent);
    const text = (content ?? []).filter((one) => one.type === "text").map((one) => one.text).join("\n");
    read ??= pictureLoader((uri) => host.read(uri));
    if (answer) show(answer, new Review(answer), read, host);
    else alone(isError ? "The consultation failed." : "Answer", text);
  };
  await host.begin(document.documentElement.dataset.version);
}

function main() {
  useLabels(given("labels"));
  const held = given("held");
  const answer = asAnswer(held?.answer);
  window.addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
  if (answer) show(answer, new Review(answer, held.review), pictureLoader(async (uri) => held.pictures?.[uri] ?? null));
  else if (window.parent !== window) hosted().catch(() => alone("The host did not answer."));
  else alone("wardround", "This page shows an answer in a chat that has MCP Apps, or as a file that `wardround view` wrote.");
}

main();
