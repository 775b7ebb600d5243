// Where the images are on the map, in pixels: a map's own places, moved and enlarged as the reader likes.

const EDGE = 24; // px around all points
const CLOSEST = 400; // times that a map is enlarged at most

function createPlaces(canvas) {
  let points = [], zoom = 1, centre = [0, 0], unit = 1, middle = [0, 0];

  const size = () => [canvas.clientWidth, canvas.clientHeight];

  return {
    // The places of another map, all of which are in view.
    take({ x, y }) {
      points = x.map((value, place) => [value, y[place]]);
      this.showAll();
    },
    showAll() {
      const [left, right] = extent(points.map(([x]) => x)), [low, high] = extent(points.map(([, y]) => y));
      const [width, height] = size();
      // One unit is as long in both directions, since distances are compared.
      unit = Math.min((width - 2 * EDGE) / (right - left || 1), (height - 2 * EDGE) / (high - low || 1));
      middle = [(left + right) / 2, (low + high) / 2];
      [zoom, centre] = [1, [...middle]];
    },
    // Whether the map is as `showAll` leaves it, but for rounding.
    areAllShown: () => zoom === 1 && Math.hypot(centre[0] - middle[0], centre[1] - middle[1]) * unit < 1,
    at(place) {
      const [width, height] = size(), [x, y] = points[place];
      return [width / 2 + (x - centre[0]) * unit * zoom, height / 2 - (y - centre[1]) * unit * zoom];
    },
    // Enlarges the map so that what is at a place on the canvas stays there.
    enlarge(times, x, y) {
      const [width, height] = size(), next = Math.min(CLOSEST, Math.max(1, zoom * times));
      const [dx, dy] = [(x - width / 2) / unit, (height / 2 - y) / unit];
      centre[0] += dx / zoom - dx / next;
      centre[1] += dy / zoom - dy / next;
      zoom = next;
      if (zoom === 1) centre = [...middle];
    },
    move(dx, dy) {
      centre[0] -= dx / (unit * zoom);
      centre[1] += dy / (unit * zoom);
    },
    bringIntoView(place) {
      const [width, height] = size(), [x, y] = this.at(place);
      const beyond = (value, most) => Math.min(0, value - EDGE) + Math.max(0, value - most + EDGE);
      this.move(-beyond(x, width), -beyond(y, height));
    },
  };
}
