// Pictures: fetched once, decoded, and taken apart where their PNG says what they are made of.

const CHUNK = "wardround";

// A loader over `read`, which gives {mimeType, blob} of a URI, blob in base64, or null.
export function pictureLoader(read) {
  const known = new Map();
  return (uri) => {
    if (!known.has(uri)) known.set(uri, loaded(read, uri).catch(() => null));
    return known.get(uri);
  };
}

async function loaded(read, uri) {
  const content = await read(uri);
  if (!content?.blob || !/^image\/(png|jpeg)$/.test(content.mimeType)) return null;
  const image = new Image();
  image.src = `data:${content.mimeType};base64,${content.blob}`;
  await image.decode();
  return { image, ...layoutOf(content.blob, image) };
}

function layoutOf(blob, image) {
  const told = read(chunkOf(Uint8Array.from(atob(blob), (letter) => letter.charCodeAt(0))));
  const panels = (Array.isArray(told.panels) ? told.panels : []).filter((panel) => fits(panel, image));
  const whole = { name: "Picture", box: [0, 0, image.naturalWidth, image.naturalHeight] };
  return {
    panels: panels.length ? panels : [whole],
    whole,
    apart: panels.length > 0,
    key: (Array.isArray(told.key) ? told.key : []).filter(([, colour]) => /^#[0-9a-f]{6}$/.test(colour)),
    note: typeof told.note === "string" ? told.note : "",
  };
}

function read(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}

function fits({ box } = {}, image) {
  if (!Array.isArray(box) || box.length !== 4 || !box.every(Number.isFinite)) return false;
  const [left, top, right, bottom] = box;
  return left >= 0 && top >= 0 && right > left && bottom > top
    && right <= image.naturalWidth + 1 && bottom <= image.naturalHeight + 1;
}

// The text of a PNG's chunk for us; empty where it has none. PNG third edition, 5.3 and 11.3.3.2.
function chunkOf(bytes) {
  const view = new DataView(bytes.buffer);
  const letters = (from, to) => String.fromCharCode(...bytes.subarray(from, to));
  let at = 8;
  while (at + 12 <= bytes.length) {
    const length = view.getUint32(at);
    const kind = letters(at + 4, at + 8);
    if (kind === "IDAT" || at + 12 + length > bytes.length) break;
    const word = at + 8 + CHUNK.length;
    if (kind === "tEXt" && letters(at + 8, word) === CHUNK && bytes[word] === 0) {
      return new TextDecoder("latin1").decode(bytes.subarray(word + 1, at + 8 + length));
    }
    at += 12 + length;
  }
  return "";
}

// How many words of each name are among the texts: what is cited is best seen where most are.
export function likeness(names, texts) {
  const wanted = new Set(words(texts.join(" ")));
  return names.map((name) => new Set(words(name).filter((word) => wanted.has(word))).size);
}

function words(text) {
  return text.toLowerCase().match(/[a-z]{3,}/g)?.filter((word) => !["the", "and", "with", "slice", "slices"].includes(word)) ?? [];
}

// The slice that a text names: 'in slice 10 of 20'.
export function sliceNamed(texts) {
  const found = texts.join(" ").match(/\bslice (\d+)\b/i);
  return found ? Number(found[1]) : null;
}
