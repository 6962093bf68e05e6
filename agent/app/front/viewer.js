// The pictures beside a statement: parts of a picture, slices, window and level, boxes.

import { button, element } from "./dom.js";
import { FULL, clamped, cover, framed, levelled } from "./drawing.js";
import { sentence } from "./answer.js";
import { likeness, sliceNamed } from "./picture.js";
import { t } from "./labels.js";

const SHARPEST = 3;
const COMFORTABLE = 1100;

export class Viewer {
  // `load` gives a picture of a URI, or null; `grey` says whether window and level make sense.
  constructor(load, grey) {
    this.load = load;
    this.grey = grey;
    this.canvas = element("canvas", {
      role: "img", tabindex: 0, keydown: (event) => this.#key(event), wheel: (event) => this.#wheel(event),
      pointerdown: (event) => this.#drag(event),
    });
    this.missing = element("p", { class: "missing" });
    this.controls = element("div", { class: "controls" });
    this.caption = element("figcaption");
    this.strip = element("div", { class: "strip", role: "group", "aria-label": t("Pictures") });
    this.stage = element("div", { class: "stage" }, this.canvas, this.missing);
    this.element = element("figure", { class: "viewer" }, this.stage, this.controls, this.caption, this.strip);
    this.#reset();
  }

  // Show the pictures that go with what is cited; `texts` choose the picture and the slice.
  async show(pictures, texts, boxes) {
    this.turn = (this.turn ?? 0) + 1;
    const turn = this.turn;
    this.element.hidden = !pictures.length;
    if (!pictures.length) return;
    const found = await Promise.all(pictures.map((one) => this.load(one.uri)));
    if (turn !== this.turn) return; // another statement was chosen meanwhile
    Object.assign(this, { pictures, found, boxes });
    this.texts = texts;
    const names = pictures.map(({ title }, at) => [title, ...(found[at]?.key ?? []).map(([name]) => name)].join(" "));
    this.#open(most(likeness(names, texts)), sliceNamed(texts));
  }

  #open(at, slice = null) {
    this.at = at;
    this.grouped = groups(this.found[at]);
    const alike = likeness(this.grouped.map(({ name }) => name), this.texts);
    this.group = most(this.grouped.map(({ panels }, place) => 2 * alike[place] + (panels[0].marked ? 1 : 0)));
    this.slice = nearest(this.#panels(), slice ?? this.#panels()[Math.floor(this.#panels().length / 2)]?.slice);
    this.#render();
  }

  #panels() {
    return this.grouped[this.group]?.panels ?? [];
  }

  #reset() {
    this.window = { width: FULL, level: FULL / 2, inverted: false };
  }

  #render() {
    const shown = this.found[this.at];
    this.canvas.hidden = !shown;
    this.missing.hidden = Boolean(shown);
    this.missing.textContent = shown ? "" : t("This picture is not at hand.");
    this.controls.replaceChildren(...(shown ? [this.#parts(), this.#slices(), this.#levels(), this.#larger()].filter(Boolean) : []));
    this.caption.replaceChildren(...this.#words(shown));
    this.strip.replaceChildren(...(this.pictures.length > 1 ? this.pictures.map((_, at) => this.#thumb(at)) : []));
    if (shown) this.#draw();
  }

  #words(shown) {
    const title = element("p", {}, sentence(this.pictures[this.at].title));
    const key = (shown?.key ?? []).map(([name, colour]) => {
      const patch = element("span", { class: "patch", "aria-hidden": "true" });
      patch.style.background = colour;
      return element("li", {}, patch, name);
    });
    const note = shown?.note && this.grouped[this.group].apart ? element("p", { class: "quiet" }, shown.note) : null;
    return [title, key.length ? element("ul", { class: "key" }, key) : null, note].filter(Boolean);
  }

  #thumb(at) {
    const canvas = element("canvas", { width: 96, height: 64, "aria-hidden": "true" });
    const found = this.found[at];
    if (found) {
      const [left, top, right, bottom] = found.panels.at(-1).box;
      cover(canvas, found.image, left, top, right - left, bottom - top);
    }
    return element("button", {
      type: "button", "aria-pressed": at === this.at, "aria-label": this.pictures[at].title,
      title: this.pictures[at].title, click: () => { this.#open(at, this.slice); this.strip.children[at].focus(); },
    }, canvas);
  }

  #parts() {
    if (this.grouped.length < 2) return null;
    const choose = (at) => {
      this.group = at;
      this.slice = nearest(this.#panels(), this.slice);
      this.#render();
      this.controls.querySelectorAll(".segmented button")[at].focus();
    };
    return element("div", { class: "segmented", role: "group", "aria-label": t("Part of the picture") },
      this.grouped.map(({ name }, at) => button(t(name), () => choose(at), { "aria-pressed": at === this.group })));
  }

  #slices() {
    const panels = this.#panels();
    if (panels.length < 2) return null;
    const told = () => `${this.slice} / ${panels[0].slices}`;
    this.output = element("output", {}, told());
    this.slider = element("input", {
      type: "range", min: 0, max: panels.length - 1, step: 1, "aria-label": t("Slice"), "aria-valuetext": told(),
      input: () => this.#scroll(this.slider.valueAsNumber, true),
    });
    this.slider.value = this.#place();
    return element("label", { class: "range slices" }, element("span", {}, t("Slice")), this.slider, this.output);
  }

  #place() {
    return this.#ordered().findIndex((panel) => panel.slice === this.slice);
  }

  // From the lowest slice to the highest.
  #ordered() {
    return [...this.#panels()].sort((one, other) => one.slice - other.slice);
  }

  #scroll(at, bySlider = false) {
    const panels = this.#ordered();
    if (panels.length < 2) return;
    this.slice = panels[Math.min(panels.length - 1, Math.max(0, at))].slice;
    const told = `${this.slice} / ${panels[0].slices}`;
    this.output.textContent = told;
    this.slider.setAttribute("aria-valuetext", told);
    if (!bySlider) this.slider.value = this.#place();
    this.#draw();
  }

  #levels() {
    if (!this.#adjustable()) return null;
    const range = (name, label, least, most) => {
      const input = element("input", {
        type: "range", min: least, max: most, step: 1, "data-level": name,
        input: () => { this.window[name] = input.valueAsNumber; this.#draw(); },
      });
      input.value = this.window[name];
      return element("label", { class: "range" }, element("span", {}, t(label)), input);
    };
    const invert = button(t("Invert"), () => {
      this.window.inverted = !this.window.inverted;
      invert.setAttribute("aria-pressed", this.window.inverted);
      this.#draw();
    }, { "aria-pressed": this.window.inverted });
    const reset = button(t("Reset"), () => { this.#reset(); this.#render(); });
    return element("div", { class: "levels", role: "group", "aria-label": t("Window and level, of the picture's grey") },
      range("width", "Window", 8, FULL), range("level", "Level", 0, FULL), element("span", { class: "pair" }, invert, reset));
  }

  // The viewer in a window over the page; Escape or its button puts it back.
  #larger() {
    const open = this.element.closest("dialog");
    return button(t(open ? "Close" : "Enlarge"), () => (open ? open.close() : this.#enlarge()), { class: "larger" });
  }

  #enlarge() {
    const home = this.element.parentElement;
    const back = () => {
      home.prepend(this.element);
      box.remove();
      this.#render();
      this.controls.querySelector(".larger").focus();
    };
    const box = element("dialog", { class: "large", "aria-label": t("Pictures"), close: back }, this.element);
    home.append(box);
    this.#render();
    box.showModal();
    this.canvas.focus();
  }

  #adjustable() {
    return Boolean(this.found[this.at]) && this.grey(this.pictures[this.at], this.found[this.at]);
  }

  #draw() {
    const { image } = this.found[this.at];
    const group = this.grouped[this.group];
    const panel = group.panels.find((one) => one.slice === this.slice) ?? group.panels[0];
    const [left, top, right, bottom] = panel.box;
    const [width, height] = [right - left, bottom - top];
    const part = new OffscreenCanvas(width, height);
    const ink = part.getContext("2d", { willReadFrequently: true });
    ink.drawImage(image, left, top, width, height, 0, 0, width, height);
    if (this.#adjustable()) levelled(ink, width, height, this.window);
    const scale = Math.min(SHARPEST, Math.max(1, COMFORTABLE / width));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(part, 0, 0, this.canvas.width, this.canvas.height);
    this.boxed = group.whole ? this.boxes : [];
    this.boxed.forEach((one) => framed(pen, one, this.canvas));
    this.stage.classList.toggle("paper", !this.#adjustable() && group.plot);
    const place = panel.slice ? `, ${t("Slice")} ${panel.slice} / ${panel.slices}` : "";
    const marks = this.boxed.map((one) => one.label).join(", ");
    const name = this.grouped.length > 1 ? `${t(group.name)}: ` : "";
    this.canvas.setAttribute("aria-label", `${name}${this.pictures[this.at].title}${place}${marks ? `. ${marks}` : ""}`);
  }

  #key(event) {
    const last = this.#panels().length - 1;
    const steps = { ArrowUp: 1, ArrowDown: -1, PageUp: 5, PageDown: -5, Home: -last, End: last };
    if (last < 1 || !(event.key in steps)) return;
    event.preventDefault();
    this.#scroll(this.#place() + steps[event.key]);
  }

  #wheel(event) {
    if (this.#panels().length < 2 || event.ctrlKey) return;
    event.preventDefault();
    this.#scroll(this.#place() - Math.sign(event.deltaY));
  }

  // As on a workstation: across changes the window, up and down the level.
  #drag(start) {
    if (!this.#adjustable() || start.button !== 0) return;
    const { width, level } = this.window;
    const inputs = (name) => this.controls.querySelector(`[data-level=${name}]`);
    const move = (event) => {
      this.window.width = clamped(width + (event.clientX - start.clientX) / 2, 8, FULL);
      this.window.level = clamped(level + (event.clientY - start.clientY) / 2, 0, FULL);
      inputs("width").value = this.window.width;
      inputs("level").value = this.window.level;
      this.#draw();
    };
    const end = () => this.canvas.removeEventListener("pointermove", move);
    this.canvas.setPointerCapture(start.pointerId);
    this.canvas.addEventListener("pointermove", move);
    for (const name of ["pointerup", "pointercancel"]) this.canvas.addEventListener(name, end, { once: true });
  }
}

// Panels of one name are a stack. The whole picture comes last, where it was taken apart.
function groups(found) {
  if (!found) return [];
  const names = [...new Set(found.panels.map((panel) => panel.name))];
  const stacks = names.map((name) => {
    const panels = found.panels.filter((panel) => panel.name === name);
    return { name, panels, apart: found.apart, whole: !panels[0].slice, plot: !found.apart };
  });
  const all = { name: "Whole", panels: [found.whole], apart: false, whole: false, plot: false };
  return found.apart ? [...stacks, all] : stacks;
}

// The place of the largest number; the first of equal ones.
function most(numbers) {
  return Math.max(0, numbers.indexOf(Math.max(...numbers)));
}

function nearest(panels, slice) {
  const far = (panel) => Math.abs((panel.slice ?? 0) - (slice ?? 0));
  return panels.reduce((best, panel) => (best && far(best) <= far(panel) ? best : panel), null)?.slice ?? slice;
}
