// A chart of lines or bins over whole numbers, or of points, with a cursor for mouse, touch and keyboard.
//
// What a chart is given to show:
//   x          the labels below its places: epochs, or the centres of bins; of points, how far right each is
//   series     [{ key: CSS class of the colour, values: one a place, or null }]; one alone for bins and points
//   isBinned   bars from zero instead of lines
//   isPoints   points instead of lines
//   names      of the points, written beside them where there is room
//   limit      what no value can exceed, or nothing
//   reference  the height of a horizontal line, or null
//   best       the place to ring on the last series, or null
//   rest       the place to read out while nobody points; by default the last
//   legend     [[key, text]]
//   tell       place → the text read out for it
//   choose     called with the place that is clicked, or that Enter is pressed at; or nothing

const CHART = { height: 260, minWidth: 240, left: 52, right: 14, top: 12, bottom: 34, reach: 40 }; // px
const LABEL_WIDTH = 70; // px between labels below a chart
const PAGE_KEYS_STEP = 10; // places
const WIDE = 8; // times its lowest number that the highest may be on an axis without logarithms
const VERY_WIDE = 100; // times, beyond which ticks are powers of ten alone

// Creates a chart in `box`, and returns the function that shows something in it.
function createChart(box, name, step, heading = "h4") {
  const legend = el("ul", { class: "legend" });
  const readout = el("p", { class: "readout" });
  const label = `${name}, by ${step}`;
  const canvas = svg("svg", { class: "plot", tabindex: "0", role: "slider", "aria-label": label });
  box.replaceChildren(el("div", { class: "chart" }, el(heading, { text: name }), legend, readout, canvas));
  let content = null, cursor = null, width = 0, plane = null;

  const last = () => content.x.length - 1;
  const restingPlace = () => content.rest ?? last();

  function render() {
    if (!content) return;
    width = Math.max(CHART.minWidth, box.clientWidth);
    canvas.setAttribute("viewBox", `0 0 ${width} ${CHART.height}`);
    canvas.setAttribute("height", CHART.height);
    plane = chartPlane(content, width);
    canvas.replaceChildren(...chartMarks(plane, content, cursor));
    const shown = cursor ?? restingPlace();
    readout.textContent = shown in content.x ? content.tell(shown) : "";
    canvas.setAttribute("aria-valuemin", 0);
    canvas.setAttribute("aria-valuemax", Math.max(0, last()));
    canvas.setAttribute("aria-valuenow", Math.max(0, shown));
    canvas.setAttribute("aria-valuetext", readout.textContent);
  }

  function moveTo(place) {
    if (!content || !content.x.length) return;
    cursor = place == null ? null : Math.max(0, Math.min(last(), place));
    render();
  }

  function follow(event) {
    if (!content) return;
    const bounds = canvas.getBoundingClientRect(), scale = width / bounds.width;
    moveTo(nearestPlace(plane, content, (event.clientX - bounds.left) * scale, (event.clientY - bounds.top) * scale));
  }

  function choose(place) {
    if (content?.choose && place in content.x) content.choose(place);
  }
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("click", (event) => {
    follow(event);
    choose(cursor);
  });
  canvas.addEventListener("pointerleave", () => document.activeElement !== canvas && moveTo(null));
  canvas.addEventListener("blur", () => moveTo(null));
  canvas.addEventListener("keydown", (event) => {
    if (!content || event.altKey || event.ctrlKey || event.metaKey) return;
    const now = cursor ?? restingPlace();
    const target = {
      ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageDown: now - PAGE_KEYS_STEP, PageUp: now + PAGE_KEYS_STEP, Home: 0, End: last(),
    }[event.key];
    const isChoice = content.choose && (event.key === "Enter" || event.key === " ");
    if (target === undefined && !isChoice) return;
    event.preventDefault();
    if (isChoice) choose(now);
    else moveTo(target);
  });
  new ResizeObserver(() => {
    if (box.clientWidth && Math.max(CHART.minWidth, box.clientWidth) !== width) render();
  }).observe(box);

  return (next) => {
    content = next;
    if (cursor != null) cursor = content.x.length ? Math.min(cursor, last()) : null;
    legend.replaceChildren(...(next.legend || []).map(([key, text]) => el("li", {}, legendSample(key), text)));
    render();
  };
}

function legendSample(key) {
  const sample = svg("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
  sample.append(key === "best" || key === "point"
    ? svg("circle", { class: key, cx: 12, cy: 5, r: 4 })
    : svg("path", { class: key, d: "M1 5H23", "stroke-width": 2.5 }));
  return sample;
}

// The power of ten that a number begins with: 0.02 → −2. Logarithms of powers may be a rounding too small.
const powerOf = (value) => Math.floor(Math.log10(Math.abs(value)) + 1e-9);

// How numbers `unit` apart, none further from zero than `most`, are labelled: with the digits that tell them apart.
function tickLabel(unit, most) {
  const power = powerOf(unit);
  if (most >= 1e-3 && most < 1e5) return (tick) => fixed(tick, Math.max(0, -power));
  // As `compact` has such numbers.
  return (tick) => (tick ? tick.toExponential(Math.max(0, powerOf(tick) - power)).replaceAll("-", "−") : "0");
}

// An axis of about five round numbers that enclose `low` and `high`, none of them above `limit`. Its
// `share` is how far along the axis a number is, from 0 to 1; its `label` is a tick's.
function axis(low, high, limit = Infinity) {
  if (low === high) {
    low -= Math.abs(low) * .1 || .5;
    high = Math.min(limit, high + (Math.abs(high) * .1 || .5));
  }
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  const from = Math.floor(low / unit), to = Math.ceil(high / unit);
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => (from + index) * unit);
  const [least, most] = [from * unit, to * unit];
  return {
    low: least,
    high: most,
    ticks,
    share: (value) => (value / unit - from) / (to - from),
    label: tickLabel(unit, Math.max(-least, most)),
  };
}

// The same with logarithms, where `high` is so many times `low` that the low numbers would crowd.
function wideAxis(low, high) {
  if (low <= 0 || high <= WIDE * low) return axis(low, high);
  const factors = high > VERY_WIDE * low ? [1] : [1, 2, 5], rounds = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power += 1) {
    rounds.push(...factors.map((factor) => factor * 10 ** power));
  }
  const from = rounds.findLast((tick) => tick <= low), to = rounds.find((tick) => tick >= high);
  const ticks = rounds.filter((tick) => tick >= from && tick <= to);
  const share = (value) => Math.log(value / from) / Math.log(to / from);
  return { low: from, high: to, ticks, share, label: compact };
}
