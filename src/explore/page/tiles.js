// Sheets of pictures: tiles of one size in rows without gaps.

// px that the longer side of a small picture is enlarged to, about; more where one has the stage
const SMALLEST = 96;
const STAGED = 192;

// A sheet that draws its tiles: `draw(canvas, tile)` fills a canvas, `paint(brush, tile, x, y, width)` puts one on
// it. Loaded when `ready` is.
function createSheet(source, columns) {
  const [width, height] = data.tile;
  const image = new Image();
  const ready = source
    ? new Promise((done) => {
      image.addEventListener("load", done);
      image.src = source;
    })
    : Promise.resolve();
  const corner = (tile) => [(tile % columns) * width, Math.floor(tile / columns) * height];
  return {
    ready,
    paint(brush, tile, x, y, wide) {
      brush.drawImage(image, ...corner(tile), width, height, x, y, wide, wide * height / width);
    },
    draw(canvas, tile) {
      sizeTo(canvas, width, height);
      canvas.getContext("2d").drawImage(image, ...corner(tile), width, height, 0, 0, width, height);
    },
  };
}

// Gives a canvas that many pixels; small ones are shown enlarged by a whole number, each pixel a square.
function sizeTo(canvas, width, height) {
  canvas.width = width;
  canvas.height = height;
  const longest = Math.max(width, height), target = canvas.closest(".stage") ? STAGED : SMALLEST;
  const factor = Math.max(1, Math.round(target / longest));
  canvas.classList.toggle("enlarged", longest < target);
  if (!canvas.closest(".strip, #way")) canvas.style.width = `${width * factor}px`;
}
