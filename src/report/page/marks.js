// What a chart consists of: its axes, its lines or bins, and its cursor, as SVG elements.

// The marks of a chart `width` px wide that shows `content` (see chart.js) with the cursor at a
// place, or at none (null).
function chartMarks(content, cursor, width) {
  const { height, left, right, top, bottom } = CHART;
  const places = content.x.length, inner = width - left - right;
  const reference = content.reference ?? null;
  const [lowest, highest] = extent([...content.series.flatMap(({ values }) => values), reference]);
  if (lowest > highest) {
    return [svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "no data yet")];
  }
  const { low, high, ticks } = axis(content.isBinned ? 0 : lowest, highest);
  const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
  const x = (place) => {
    if (content.isBinned) return left + ((place + .5) / places) * inner;
    return places < 2 ? left + inner / 2 : left + (place / (places - 1)) * inner;
  };
  const plane = { x, y, width, places, inner };
  return [
    ...gridMarks(plane, ticks),
    ...placeLabels(plane, content.x),
    ...(content.isBinned ? binMarks(plane, content, cursor) : lineMarks(plane, content, reference)),
    ...(content.isBinned || cursor == null ? [] : cursorMarks(plane, content, cursor)),
  ];
}

function gridMarks({ y, width }, ticks) {
  return ticks.flatMap((tick) => [
    svg("line", { class: "grid", x1: CHART.left, x2: width - CHART.right, y1: y(tick), y2: y(tick) }),
    svg("text", { x: CHART.left - 8, y: y(tick) + 4, "text-anchor": "end" }, compact(tick)),
  ]);
}

function placeLabels({ x, width, places }, labels) {
  const every = Math.max(1, Math.ceil(places / Math.max(2, Math.floor(width / LABEL_WIDTH))));
  const marks = [];
  for (let place = 0; place < places; place += every) {
    marks.push(svg("text", { x: x(place), y: CHART.height - 14, "text-anchor": "middle" }, labels[place]));
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

function lineMarks({ x, y, width, places }, { series, best }, reference) {
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

function cursorMarks({ x, y }, { series }, cursor) {
  const [x1, y1, y2] = [x(cursor), CHART.top, CHART.height - CHART.bottom];
  const line = svg("line", { class: "cursor", x1, x2: x1, y1, y2 });
  const dots = series
    .filter(({ values }) => isNumber(values[cursor]))
    .map(({ key, values }) => dot({ x, y }, key, cursor, values[cursor], 4));
  return [line, ...dots];
}

const dot = ({ x, y }, key, place, value, r) =>
  svg("circle", { class: `${key}-fill`, cx: x(place), cy: y(value), r });
