// Thumbnails of test images: tiles of one sheet, in rows without gaps, of whatever size.

const ENLARGED = 112; // px that the longer side of a small thumbnail is enlarged to, about

// Returns { load, show } for the canvas: `load(images, onLoad)` fetches the sheet of `images`,
// `show(place)` draws the thumbnail of one of them, or nothing (null).
function createThumbnail(canvas) {
  const brush = canvas.getContext("2d");
  let images = null, sheet = null, tiles = 0;

  function tileSize() {
    if (!sheet || !sheet.complete || !sheet.naturalWidth || !tiles) return null;
    const columns = Math.min(tiles, images.columns), rows = Math.ceil(tiles / columns);
    return { columns, width: sheet.naturalWidth / columns, height: sheet.naturalHeight / rows };
  }

  // By whole pixels, so that each is a square of the same size; larger ones at their own size.
  function resize({ width, height }) {
    const factor = Math.max(1, Math.round(ENLARGED / Math.max(width, height)));
    canvas.width = width;
    canvas.height = height;
    canvas.style.width = `${width * factor}px`;
    canvas.classList.toggle("enlarged", factor > 1);
  }

  return {
    load(next, onLoad) {
      images = next;
      tiles = images.tile.filter(isNumber).length;
      canvas.hidden = !images.thumbnails || !tiles;
      sheet = null;
      if (canvas.hidden) return;
      sheet = new Image();
      sheet.addEventListener("load", () => {
        if (images !== next) return;
        resize(tileSize());
        onLoad();
      });
      sheet.src = images.thumbnails;
    },
    show(place) {
      brush.clearRect(0, 0, canvas.width, canvas.height);
      const size = tileSize(), tile = place == null ? null : images.tile[place];
      if (!size || tile == null) return;
      const { columns, width, height } = size;
      const left = (tile % columns) * width, top = Math.floor(tile / columns) * height;
      brush.drawImage(sheet, left, top, width, height, 0, 0, canvas.width, canvas.height);
    },
  };
}
