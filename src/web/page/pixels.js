// Pictures on canvases. The worker has them as bytes, [C, H, W] one after another; maps of SSIM as [H, W].

const STAGED = 192; // px that the longer side of a small picture is enlarged to, about, where it has the stage
const SHARP_BELOW = 96; // px: larger pictures are shown smoothed
const UNLIKE = [224, 108, 28]; // the colour where SSIM is 0; it is as strong on light as on dark

const sizeOf = ({ channels, height, width }) => channels * height * width;

function prepareCanvas(canvas, { height, width }) {
  canvas.width = width;
  canvas.height = height;
  canvas.classList.toggle("enlarged", Math.max(width, height) < SHARP_BELOW);
  const brush = canvas.getContext("2d");
  return { brush, pixels: brush.createImageData(width, height) };
}

// Paints the picture at `place` of `bytes`.
function paint(canvas, bytes, shape, place = 0) {
  const { brush, pixels } = prepareCanvas(canvas, shape);
  const plane = shape.height * shape.width, start = place * sizeOf(shape);
  for (let pixel = 0; pixel < plane; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const source = shape.channels === 1 ? 0 : channel;
      pixels.data[4 * pixel + channel] = bytes[start + source * plane + pixel];
    }
    pixels.data[4 * pixel + 3] = 255;
  }
  brush.putImageData(pixels, 0, 0);
}

// Paints a map: clear where SSIM is 1, coloured where it is less.
function paintMap(canvas, bytes, shape, place) {
  const { brush, pixels } = prepareCanvas(canvas, shape);
  const plane = shape.height * shape.width;
  for (let pixel = 0; pixel < plane; pixel += 1) {
    pixels.data.set([...UNLIKE, 255 - bytes[place * plane + pixel]], 4 * pixel);
  }
  brush.putImageData(pixels, 0, 0);
}

function pictureOf(bytes, shape, place, name) {
  const canvas = el("canvas", { role: "img", "aria-label": name });
  paint(canvas, bytes, shape, place);
  return canvas;
}

// On the stage, small pictures are enlarged by whole numbers, each pixel a square.
function paintStaged(canvas, bytes, shape) {
  paint(canvas, bytes, shape);
  const factor = Math.max(1, Math.round(STAGED / Math.max(shape.width, shape.height)));
  canvas.style.width = `${shape.width * factor}px`;
}
