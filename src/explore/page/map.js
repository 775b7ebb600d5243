// The map: each image as a point, and as its thumbnail where there is room. A pointer or the arrow keys choose one.

const NEAR = 40; // px within which a point is pointed at
const TILE = 30; // px that a thumbnail is wide on the map
const CROWD = .55; // of the map that thumbnails may cover

const COLOURS = { class: "class", ssim: "SSIM", score: "anomaly score" };

function createMap() {
  const canvas = byId("plane"), places = createPlaces(canvas);
  const originals = createSheet(data.originals, data.columns), restored = createSheet(data.restored, data.columns);
  const classes = listClasses(data), hidden = new Set();
  let chosen = null, colour = data.classes.length ? "class" : "score";

  const isShown = (place) => !hidden.has(data.label[place]);
  const inView = ([x, y]) => x > -TILE && y > -TILE && x < canvas.clientWidth + TILE && y < canvas.clientHeight + TILE;

  // From the least to the most, pale to strong; a few extreme values don't make all others alike.
  const limits = (values) => {
    const sorted = [...values].sort((a, b) => a - b);
    const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
    return [at(.02), at(.98)];
  };
  const ranges = { ssim: limits(data.ssim), score: limits(data.score) };

  function valueColour(place) {
    const [low, high] = ranges[colour], share = (data[colour][place] - low) / (high - low || 1);
    const strength = Math.min(1, Math.max(0, share));
    // Blue to orange, by way of grey; lighter in the dark.
    const hue = strength < .5 ? 240 : 50, chroma = .17 * Math.abs(2 * strength - 1);
    return `oklch(${isDark() ? .78 : .58} ${chroma.toFixed(3)} ${hue})`;
  }

  function drawPoint(brush, place, [x, y], size) {
    if (colour === "class") return drawMarker(brush, data.label[place] ?? (data.classes.length ? null : 0), x, y, size);
    brush.fillStyle = valueColour(place);
    brush.beginPath();
    brush.arc(x, y, size, 0, 2 * Math.PI);
    brush.fill();
  }

  function render() {
    const { clientWidth: width, clientHeight: height } = canvas;
    if (!width) return;
    const density = devicePixelRatio || 1;
    canvas.width = width * density;
    canvas.height = height * density;
    const brush = canvas.getContext("2d");
    brush.scale(density, density);
    const seen = data.path.map((_, place) => [place, places.at(place)]).filter(([place, at]) => isShown(place) && inView(at));
    const tall = TILE * data.tile[1] / data.tile[0];
    const pictured = seen.length * TILE * tall < CROWD * width * height;
    const size = pictured ? 0 : seen.length > 2500 ? 2.2 : seen.length > 600 ? 2.9 : 3.8;
    brush.imageSmoothingEnabled = data.tile[0] > TILE;
    canvas.dataset.shows = pictured ? "thumbnails" : "points";
    for (const [place, at] of seen) {
      if (!pictured) {
        brush.globalAlpha = .72;
        drawPoint(brush, place, at, size);
        continue;
      }
      const [left, top] = [at[0] - TILE / 2, at[1] - tall / 2];
      originals.paint(brush, place, left, top, TILE);
      drawPoint(brush, place, [left + 1, top + 1], 4);
    }
    brush.globalAlpha = 1;
    if (chosen == null || !isShown(chosen)) return;
    const [x, y] = places.at(chosen);
    if (!pictured) drawPoint(brush, chosen, [x, y], size + 2.5);
    brush.strokeStyle = getComputedStyle(canvas).color;
    brush.lineWidth = 2;
    brush.beginPath();
    brush.arc(x, y, pictured ? Math.max(TILE, tall) * .75 : size + 6, 0, 2 * Math.PI);
    brush.stroke();
  }

  function choose(place) {
    chosen = place;
    canvas.dataset.chosen = place ?? "";
    byId("pair").hidden = place == null;
    if (place == null) byId("facts").textContent = "Point at an image, or use the arrow keys. Zoom with the wheel, or with + and −.";
    else {
      originals.draw(byId("original"), place);
      restored.draw(byId("restored"), place);
      const lines = [className(place), data.path[place], `SSIM ${score(data.ssim[place])}`, `anomaly score ${compact(data.score[place])} (${data.score_name})`];
      byId("facts").textContent = lines.filter((line) => line != null).join("\n");
    }
    render();
  }

  function nearest(x, y, fits = () => true) {
    let best = null;
    data.path.forEach((_, place) => {
      if (!isShown(place)) return;
      const at = places.at(place), distance = Math.hypot(at[0] - x, at[1] - y);
      if ((!best || distance < best.distance) && fits(at, place)) best = { place, distance };
    });
    return best;
  }

  followPointer(canvas, places, render, (x, y) => {
    const found = nearest(x, y);
    if (found && found.distance < NEAR && found.place !== chosen) choose(found.place);
  });

  const zoomBy = (times) => {
    const at = chosen == null ? [canvas.clientWidth / 2, canvas.clientHeight / 2] : places.at(chosen);
    places.enlarge(times, ...at);
    render();
  };
  byId("zoom-in").addEventListener("click", () => zoomBy(1.6));
  byId("zoom-out").addEventListener("click", () => zoomBy(1 / 1.6));
  const showAll = () => {
    places.showAll();
    render();
  };
  byId("zoom-all").addEventListener("click", showAll);

  canvas.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const times = { "+": 1.6, "=": 1.6, "-": 1 / 1.6 }[event.key];
    if (times) return zoomBy(times);
    if (event.key === "0") return showAll();
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!way) return;
    event.preventDefault();
    const [dx, dy] = way;
    if (chosen == null) return choose(nearest(canvas.clientWidth / 2, canvas.clientHeight / 2)?.place ?? null);
    const now = places.at(chosen);
    const found = nearest(now[0] + dx * 6, now[1] + dy * 6, ([x, y], place) => {
      const ahead = (x - now[0]) * dx + (y - now[1]) * dy, aside = (x - now[0]) * dy + (y - now[1]) * dx;
      return place !== chosen && ahead > .5 && ahead >= Math.abs(aside);
    });
    if (!found) return;
    places.bringIntoView(found.place);
    choose(found.place);
  });

  function drawKey() {
    const byClass = colour === "class", range = byId("range");
    byId("classes").hidden = !byClass;
    range.hidden = byClass;
    if (byClass) return drawLegend(byId("classes"), classes, hidden, render);
    const [low, high] = ranges[colour];
    range.textContent = `${COLOURS[colour]}: blue ${compact(low)} or less, orange ${compact(high)} or more`;
  }

  function recolour() {
    drawKey();
    render();
  }

  const kinds = byId("map-kind"), colours = byId("map-colour");
  kinds.append(...data.maps.map(({ name }, place) => el("option", { value: place, text: name })));
  kinds.value = data.maps.length - 1;
  kinds.addEventListener("change", () => {
    places.take(data.maps[kinds.value]);
    render();
  });
  const offered = Object.keys(COLOURS).filter((key) => key !== "class" || data.classes.length);
  colours.append(...offered.map((key) => el("option", { value: key, text: COLOURS[key] })));
  colours.value = colour;
  colours.addEventListener("change", () => {
    colour = colours.value;
    recolour();
  });
  places.take(data.maps[kinds.value]);
  drawKey();
  new ResizeObserver(() => {
    if (places.areAllShown()) places.showAll();
    render();
  }).observe(canvas);
  const ready = Promise.all([originals.ready, restored.ready]).then(() => choose(null));
  return { recolour, ready };
}

// Drags and enlarges the map with a mouse or fingers, and tells where a pointer is that does neither.
function followPointer(canvas, places, render, point) {
  const down = new Map(); // pointer → its place
  const place = ({ clientX, clientY }) => {
    const { left, top } = canvas.getBoundingClientRect();
    return [clientX - left, clientY - top];
  };
  const apart = () => {
    const [a, b] = [...down.values()];
    return { distance: Math.hypot(a[0] - b[0], a[1] - b[1]) || 1, middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  };
  const forget = ({ pointerId }) => {
    down.delete(pointerId);
    canvas.classList.remove("dragged");
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    down.set(event.pointerId, place(event));
    canvas.setPointerCapture(event.pointerId);
    point(...place(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    // Its end may have gone elsewhere, such as to a menu.
    if (!event.buttons) forget(event);
    const at = place(event), from = down.get(event.pointerId);
    if (!from) return point(...at);
    if (down.size === 2) {
      const before = apart();
      down.set(event.pointerId, at);
      const after = apart();
      places.move(after.middle[0] - before.middle[0], after.middle[1] - before.middle[1]);
      places.enlarge(after.distance / before.distance, ...after.middle);
    } else {
      places.move(at[0] - from[0], at[1] - from[1]);
      down.set(event.pointerId, at);
    }
    canvas.classList.add("dragged");
    render();
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, forget);
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    places.enlarge(Math.exp(-event.deltaY / 400), ...place(event));
    render();
  }, { passive: false });
}
