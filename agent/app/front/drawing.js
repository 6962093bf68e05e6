// Drawing on a canvas: window and level, boxes, thumbnails.

export const FULL = 256;

export function clamped(value, least, most) {
  return Math.min(most, Math.max(least, value));
}

// Grey values between the window's ends are spread over black to white, DICOM PS3.3 C.11.2.1.2.
export function levelled(ink, width, height, { width: window, level, inverted }) {
  if (window === FULL && level === FULL / 2 && !inverted) return;
  const table = new Uint8ClampedArray(256).map((_, value) => {
    const shown = ((value - level) / window + 0.5) * 255;
    return inverted ? 255 - clamped(shown, 0, 255) : shown;
  });
  const pixels = ink.getImageData(0, 0, width, height);
  const { data } = pixels;
  for (let at = 0; at < data.length; at += 4) {
    for (let channel = at; channel < at + 3; channel += 1) data[channel] = table[data[channel]];
  }
  ink.putImageData(pixels, 0, 0);
}

export function framed(pen, { box, columns, rows, label }, canvas) {
  const [x, y] = [canvas.width / columns, canvas.height / rows];
  const size = Math.round(canvas.width / 45);
  pen.lineWidth = Math.max(2, canvas.width / 300);
  pen.strokeStyle = "#ffd24d";
  pen.strokeRect(box.left * x, box.top * y, (box.right - box.left) * x, (box.bottom - box.top) * y);
  pen.font = `600 ${size}px system-ui, sans-serif`;
  pen.lineJoin = "round";
  pen.strokeStyle = "#000";
  const above = box.top * y - size * 0.5;
  const base = above > size ? above : box.bottom * y + size * 1.2;
  pen.strokeText(label, box.left * x, base);
  pen.fillStyle = "#ffd24d";
  pen.fillText(label, box.left * x, base);
}

export function cover(canvas, image, left, top, width, height) {
  const scale = Math.max(canvas.width / width, canvas.height / height);
  const [w, h] = [canvas.width / scale, canvas.height / scale];
  canvas.getContext("2d").drawImage(image, left + (width - w) / 2, top + (height - h) / 2, w, h, 0, 0, canvas.width, canvas.height);
}
