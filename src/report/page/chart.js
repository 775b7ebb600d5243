// A chart of lines or bins over whole numbers, with a cursor for mouse, touch and keyboard.
//
// What a chart is given to show:
//   x          the labels below its places: epochs, or the centres of bins
//   series     [{ key: CSS class of the colour, values: one a place, or null }]; for bins one alone
//   isBinned   bars from zero instead of lines
//   reference  the height of a horizontal line, or null
//   best       the place to ring on the last series, or null
//   rest       the place to read out while nobody points; by default the last
//   legend     [[key, text]]
//   tell       place → the text read out for it

const CHART = { height: 260, minWidth: 240, left: 52, right: 14, top: 12, bottom: 34 }; // px
const LABEL_WIDTH = 70; // px between labels below a chart
const PAGE_KEYS_STEP = 10; // places

// Creates a chart in `box`, and returns the function that shows something in it.
function createChart(box, name, step) {
  const legend = el("ul", { class: "legend" });
  const readout = el("p", { class: "readout" });
  const label = `${name}, by ${step}`;
  const canvas = svg("svg", { class: "plot", tabindex: "0", role: "slider", "aria-label": label });
  box.replaceChildren(el("div", { class: "chart" }, el("h4", { text: name }), legend, readout, canvas));
  let content = null, cursor = null, width = 0;

  const last = () => content.x.length - 1;
  const restingPlace = () => content.rest ?? last();

  function render() {
    if (!content) return;
    width = Math.max(CHART.minWidth, box.clientWidth);
    canvas.setAttribute("viewBox", `0 0 ${width} ${CHART.height}`);
    canvas.setAttribute("height", CHART.height);
    const marks = chartMarks(content, cursor, width);
    canvas.replaceChildren(...marks);
    const shown = cursor ?? restingPlace();
    readout.textContent = shown in content.x ? content.tell(shown) : "";
    canvas.setAttribute("aria-valuemin", 0);
    canvas.setAttribute("aria-valuemax", last());
    canvas.setAttribute("aria-valuenow", shown);
    canvas.setAttribute("aria-valuetext", readout.textContent);
  }

  function moveTo(place) {
    if (!content || !content.x.length) return;
    cursor = place == null ? null : Math.max(0, Math.min(last(), place));
    render();
  }

  function follow(event) {
    if (!content) return;
    const bounds = canvas.getBoundingClientRect(), inner = width - CHART.left - CHART.right;
    const share = ((event.clientX - bounds.left) * (width / bounds.width) - CHART.left) / inner;
    moveTo(content.isBinned ? Math.floor(share * content.x.length) : Math.round(share * last()));
  }
  canvas.addEventListener("pointermove", follow);
  canvas.addEventListener("pointerdown", follow);
  canvas.addEventListener("pointerleave", () => document.activeElement !== canvas && moveTo(null));
  canvas.addEventListener("blur", () => moveTo(null));
  canvas.addEventListener("keydown", (event) => {
    if (!content) return;
    const now = cursor ?? restingPlace();
    const target = {
      ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1,
      PageDown: now - PAGE_KEYS_STEP, PageUp: now + PAGE_KEYS_STEP, Home: 0, End: last(),
    }[event.key];
    if (target === undefined) return;
    event.preventDefault();
    moveTo(target);
  });
  new ResizeObserver(() => {
    if (box.clientWidth && Math.max(CHART.minWidth, box.clientWidth) !== width) render();
  }).observe(box);

  return (next) => {
    content = next;
    if (cursor != null) cursor = Math.min(cursor, last());
    legend.replaceChildren(...(next.legend || []).map(([key, text]) => el("li", {}, legendSample(key), text)));
    render();
  };
}

function legendSample(key) {
  const sample = svg("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
  sample.append(key === "best"
    ? svg("circle", { class: "best", cx: 12, cy: 5, r: 4 })
    : svg("path", { class: key, d: "M1 5H23", "stroke-width": 2.5 }));
  return sample;
}

// About five round numbers that enclose `low` and `high`.
function axis(low, high) {
  if (low === high) {
    low -= Math.abs(low) * .1 || .5;
    high += Math.abs(high) * .1 || .5;
  }
  const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
  const unit = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  const from = Math.floor(low / unit), to = Math.ceil(high / unit);
  const ticks = Array.from({ length: to - from + 1 }, (_, index) => (from + index) * unit);
  return { low: from * unit, high: to * unit, ticks };
}
