// What a chart consists of: its axes, its lines, bins or points, and its cursor, as SVG elements.

const POINT = 5; // px, the radius of a point
const LETTER = { width: 7, height: 14 }; // px, of a name beside a point, about

// Where a chart `width` px wide shows the places and values of `content` (see chart.js).
function chartPlane(content, width) {
  const { height, left, right, top, bottom } = CHART;
  const places = content.x.length, inner = width - left - right;
  const [lowest, highest] = extent([...content.series.flatMap(({ values }) => values), content.reference]);
  const isEmpty = lowest > highest;
  const upwards = isEmpty ? axis(0, 1) : axis(content.isBinned ? 0 : lowest, highest, content.limit);
  const across = content.isPoints ? wideAxis(...extent(content.x)) : null;
  const y = (value) => top + (1 - upwards.share(value)) * (height - top - bottom);
  const along = (share) => left + share * inner;
  const x = (place) => {
    if (across) return along(across.share(content.x[place]));
    if (content.isBinned) return along((place + .5) / places);
    return along(places < 2 ? .5 : place / (places - 1));
  };
  return { x, y, along, upwards, across, width, places, inner, isEmpty };
}

// The place nearest to a pointer in px: by its height as well for points, of which none within reach is null.
function nearestPlace({ x, y, places }, { isPoints, series }, pointX, pointY) {
  let nearest = null, least = isPoints ? CHART.reach : Infinity;
  for (let place = 0; place < places; place += 1) {
    const distance = Math.hypot(x(place) - pointX, isPoints ? y(series[0].values[place]) - pointY : 0);
    if (distance < least) [nearest, least] = [place, distance];
  }
  return nearest;
}

// The marks of a chart with the cursor at a place, or at none (null).
function chartMarks(plane, content, cursor) {
  if (plane.isEmpty) {
    return [caption(plane.width / 2, CHART.height / 2, "middle", "no data yet")];
  }
  const drawn = content.isBinned ? binMarks : content.isPoints ? pointMarks : lineMarks;
  return [
    ...gridMarks(plane),
    ...(content.isPoints ? [] : placeLabels(plane, content.x)),
    ...drawn(plane, content, cursor),
    ...(content.isBinned || cursor == null ? [] : cursorMarks(plane, content, cursor)),
  ];
}

const caption = (x, y, anchor, text) => svg("text", { x, y, "text-anchor": anchor }, text);

function gridMarks({ y, along, upwards, across, width }) {
  const { left, right, top, bottom, height } = CHART;
  return [
    ...upwards.ticks.flatMap((tick) => [
      svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }),
      caption(left - 8, y(tick) + 4, "end", upwards.label(tick)),
    ]),
    ...(across?.ticks ?? []).flatMap((tick) => {
      const x = along(across.share(tick));
      return [
        svg("line", { class: "grid", x1: x, x2: x, y1: top, y2: height - bottom }),
        caption(x, height - 14, "middle", across.label(tick)),
      ];
    }),
  ];
}

function placeLabels({ x, width, places }, labels) {
  const every = Math.max(1, Math.ceil(places / Math.max(2, Math.floor(width / LABEL_WIDTH))));
  const marks = [];
  for (let place = 0; place < places; place += every) {
    marks.push(caption(x(place), CHART.height - 14, "middle", labels[place]));
  }
  return marks;
}

function binMarks({ x, y, places, inner }, { series }, cursor) {
  const wide = inner / places;
  return series[0].values.map((value, place) => svg("rect", {
    class: place === cursor ? "bin on" : "bin",
    x: x(place) - wide / 2 + 1,
    y: y(value),
    width: Math.max(1, wide - 2),
    height: Math.max(0, y(0) - y(value)),
  }));
}

function pointMarks(plane, { series: [{ key, values }], names, best }) {
  const { x, y } = plane;
  const marks = values.map((value, place) => dot({ x, y }, key, place, value, POINT));
  if (best != null) marks.push(svg("circle", { class: "best", cx: x(best), cy: y(values[best]), r: POINT + 4 }));
  return [...marks, ...nameMarks(plane, values, names)];
}

// The names to the right of the points or to the left, but for those that would lie on something.
function nameMarks({ x, y, width }, values, names) {
  const gap = POINT + 8, { left, right } = CHART;
  const taken = values.map((value, place) => ({ from: x(place) - gap, to: x(place) + gap, y: y(value) }));
  const isFree = ({ from, to, y }) => from > left && to < width - right
    && !taken.some((other) => from < other.to && to > other.from && Math.abs(y - other.y) < LETTER.height);
  return names.flatMap((name, place) => {
    const [middle, height, length] = [x(place), y(values[place]), name.length * LETTER.width];
    const sides = [
      { anchor: "start", from: middle + gap, to: middle + gap + length, y: height },
      { anchor: "end", from: middle - gap - length, to: middle - gap, y: height },
    ];
    const side = sides.find(isFree);
    if (!side) return [];
    taken.push(side);
    return [caption(side.anchor === "start" ? side.from : side.to, height + 4, side.anchor, name)];
  });
}

function lineMarks({ x, y, width, places }, { series, best, reference }) {
  const marks = [];
  if (reference != null) {
    marks.push(svg("path", { class: "c", d: `M${CHART.left} ${y(reference)}H${width - CHART.right}` }));
  }
  for (const { key, values } of series) {
    let line = "", isDrawing = false;
    values.forEach((value, place) => {
      if (isNumber(value)) line += `${isDrawing ? "L" : "M"}${x(place).toFixed(1)} ${y(value).toFixed(1)}`;
      isDrawing = isNumber(value);
    });
    marks.push(svg("path", { class: key, d: line }));
    // A line of one point can't be seen.
    if (places === 1 && isNumber(values[0])) marks.push(dot({ x, y }, key, 0, values[0], 3.5));
  }
  const atBest = best == null ? null : series.at(-1).values[best];
  if (isNumber(atBest)) marks.push(svg("circle", { class: "best", cx: x(best), cy: y(atBest), r: 5.5 }));
  return marks;
}

function cursorMarks({ x, y }, { series, isPoints }, cursor) {
  const [x1, y1, y2] = [x(cursor), CHART.top, CHART.height - CHART.bottom];
  const line = svg("line", { class: "cursor", x1, x2: x1, y1, y2 });
  const dots = series
    .filter(({ values }) => isNumber(values[cursor]))
    .map(({ key, values }) => dot({ x, y }, key, cursor, values[cursor], isPoints ? POINT + 2 : 4));
  return [line, ...dots];
}

const dot = ({ x, y }, key, place, value, r) =>
  svg("circle", { class: `${key}-fill`, cx: x(place), cy: y(value), r });
