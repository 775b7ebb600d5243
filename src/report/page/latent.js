// The latent space: each test image as a point in the plane of the first two principal components.
// Pointing at one, or the arrow keys, show its thumbnail and its scores.

const MARGIN = 18; // px around the points
const REACH = 40; // px within which a point is pointed at
const OPACITY = .72; // of a point, so that crowds look denser

// Points get smaller where there are many.
const pointSize = (points) => (points > 2500 ? 2.2 : points > 600 ? 2.9 : 3.8); // px

// Returns the function that shows a run's test images, with their classes as `listClasses` has them.
function createLatentSpace() {
  const canvas = byId("plane"), description = byId("pointed-text");
  const thumbnail = createThumbnail(byId("thumbnail"));
  const hidden = new Set(); // labels
  let images = null, isLabelled = false, points = [], chosen = null;

  // Where no image has a class, points have the first colour rather than that of the odd one out.
  const markerLabel = (place) => images.label[place] ?? (isLabelled ? null : 0);

  // Coordinates to pixels: one unit is as long in both directions, since distances are compared.
  function layOut() {
    const { clientWidth: width, clientHeight: height } = canvas;
    const [left, right] = extent(images.x), [low, high] = extent(images.y);
    const unit = Math.min((width - 2 * MARGIN) / (right - left || 1), (height - 2 * MARGIN) / (high - low || 1));
    points = [];
    images.x.forEach((x, place) => {
      const y = images.y[place];
      if (!isNumber(x) || !isNumber(y) || hidden.has(images.label[place])) return;
      points.push({
        place,
        x: width / 2 + (x - (left + right) / 2) * unit,
        y: height / 2 - (y - (low + high) / 2) * unit,
      });
    });
  }

  function render() {
    if (!images || !canvas.clientWidth) return;
    layOut();
    const density = devicePixelRatio || 1, size = pointSize(points.length);
    canvas.width = canvas.clientWidth * density;
    canvas.height = canvas.clientHeight * density;
    const brush = canvas.getContext("2d");
    brush.scale(density, density);
    brush.globalAlpha = OPACITY;
    for (const { place, x, y } of points) drawMarker(brush, markerLabel(place), x, y, size);
    brush.globalAlpha = 1;
    const point = points.find(({ place }) => place === chosen);
    if (!point) return;
    drawMarker(brush, markerLabel(chosen), point.x, point.y, size + 2.5);
    brush.strokeStyle = getComputedStyle(canvas).color;
    brush.lineWidth = 2;
    brush.beginPath();
    brush.arc(point.x, point.y, size + 6, 0, 2 * Math.PI);
    brush.stroke();
  }

  function choose(place) {
    chosen = place;
    thumbnail.show(place);
    description.textContent = place == null ? invitation() : facts(place);
    render();
  }

  function invitation() {
    const total = images.tile.length, pictured = images.thumbnails ? images.tile.filter(isNumber).length : 0;
    const few = pictured && pictured < total ? ` ${count(pictured)} of ${count(total)} have a thumbnail.` : "";
    return `Point at an image or use the arrow keys.${few}`;
  }

  function facts(place) {
    const name = images.classes[images.label[place]];
    const lines = name === undefined ? [] : [name];
    lines.push(`SSIM ${score(images.ssim[place])}`);
    lines.push(`PSNR ${fixed(images.psnr[place], 1)} dB`);
    lines.push(`image ${images.index[place]}`);
    const path = images.path?.[place];
    if (path) lines.push(path);
    return lines.join("\n");
  }

  // The point nearest to a place, of those with a thumbnail if there are any.
  function nearest(x, y, fits = () => true) {
    const pictured = points.filter(({ place }) => images.tile[place] != null);
    let best = null;
    for (const point of pictured.length ? pictured : points) {
      const distance = Math.hypot(point.x - x, point.y - y);
      if ((!best || distance < best.distance) && fits(point)) best = { point, distance };
    }
    return best;
  }

  function follow(event) {
    if (!images) return;
    const bounds = canvas.getBoundingClientRect();
    const found = nearest(event.clientX - bounds.left, event.clientY - bounds.top);
    if (found && found.distance < REACH && found.point.place !== chosen) choose(found.point.place);
  }
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way || !images) return;
    event.preventDefault();
    const [dx, dy] = way, now = points.find(({ place }) => place === chosen);
    const isAhead = ({ x, y }) => {
      const ahead = (x - now.x) * dx + (y - now.y) * dy, aside = (x - now.x) * dy + (y - now.y) * dx;
      return ahead > .5 && ahead >= Math.abs(aside);
    };
    const found = now
      ? nearest(now.x + dx * 6, now.y + dy * 6, isAhead)
      : nearest(canvas.clientWidth / 2, canvas.clientHeight / 2);
    if (found) choose(found.point.place);
  });
  new ResizeObserver(render).observe(canvas);

  return (next, classes) => {
    if (images !== next) {
      images = next;
      isLabelled = classes.listed.length > 0;
      chosen = null;
      hidden.clear();
      thumbnail.load(images, () => thumbnail.show(chosen));
    }
    drawLegend(byId("classes"), classes, hidden, render);
    choose(chosen);
  };
}
