// The classes of test images: which of them are listed, and how each is marked. Labels may be any
// whole numbers, of any number of classes; an image without a class has the label null.

// Okabe and Ito's colours and some of Paul Tol's, lighter in the dark.
const PALETTE = {
  light: [
    "#0067a3", "#c05000", "#008a66", "#b4598a", "#3c9bd6",
    "#9a7400", "#882255", "#332288", "#6f6f6f", "#2c8f81",
  ],
  dark: [
    "#6bbcf0", "#ff9a56", "#45c79f", "#ec9ec6", "#a5dbff",
    "#e3bf45", "#e87fb0", "#a99cf5", "#b5b5b5", "#6fd6c7",
  ],
};
const NO_CLASS = { light: "#8a8f94", dark: "#7d838a" };
const CLASSES_LISTED = 60; // more than anybody compares; their legend scrolls
const SAMPLE = 28; // px of a legend's marker, which is shown at half its size

const themed = (colours) => colours[isDark() ? "dark" : "light"];

function labelColour(label) {
  const palette = themed(PALETTE);
  return label == null ? themed(NO_CLASS) : palette[label % palette.length];
}

// The test images by class. Of many classes, those with the most images are listed:
//   listed         [{ label, name, ssim: [of each image] }], by label
//   others         how many classes aren't listed
//   hasUnlabelled  whether there are images without a class beside those with one
function listClasses({ classes, label, ssim }) {
  const groups = new Map();
  for (const [key, name] of Object.entries(classes)) {
    groups.set(Number(key), { label: Number(key), name, ssim: [] });
  }
  label.forEach((key, place) => {
    if (isNumber(ssim[place])) groups.get(key)?.ssim.push(ssim[place]);
  });
  const all = [...groups.values()];
  const largest = [...all].sort((a, b) => b.ssim.length - a.ssim.length || a.label - b.label);
  const listed = new Set(largest.slice(0, CLASSES_LISTED));
  return {
    listed: all.filter((group) => listed.has(group)),
    others: all.length - listed.size,
    hasUnlabelled: all.length > 0 && label.includes(null),
  };
}

const otherClasses = (others) => (others ? `and ${counted(others, "more class", "more classes")}` : "");

const MARKERS = [
  (brush, x, y, r) => brush.arc(x, y, r, 0, 2 * Math.PI),
  (brush, x, y, r) => brush.rect(x - r * .9, y - r * .9, r * 1.8, r * 1.8),
  (brush, x, y, r) => polygon(brush, [[x, y - r * 1.2], [x + r * 1.1, y + r * .8], [x - r * 1.1, y + r * .8]]),
  (brush, x, y, r) => polygon(brush, [[x, y - r * 1.3], [x + r * 1.3, y], [x, y + r * 1.3], [x - r * 1.3, y]]),
  (brush, x, y, r) => polygon(brush, [[x, y + r * 1.2], [x + r * 1.1, y - r * .8], [x - r * 1.1, y - r * .8]]),
];

function polygon(brush, [first, ...others]) {
  brush.moveTo(...first);
  for (const corner of others) brush.lineTo(...corner);
}

// Draws the marker of `label`, about 2 `r` wide. Shapes tell classes apart as colours do; after as
// many classes as there are colours, each colour meets the next shape, so that markers repeat after
// 50 classes only.
function drawMarker(brush, label, x, y, r) {
  const cycle = Math.floor((label ?? 0) / PALETTE.light.length);
  brush.fillStyle = labelColour(label);
  brush.beginPath();
  MARKERS[((label ?? 0) + cycle) % MARKERS.length](brush, x, y, r);
  brush.closePath();
  brush.fill();
}

function markerSample(label) {
  const sample = el("canvas", { width: SAMPLE, height: SAMPLE, "aria-hidden": "true" });
  drawMarker(sample.getContext("2d"), label, SAMPLE / 2, SAMPLE / 2, SAMPLE * .36);
  return sample;
}

// Fills `list` with a button for each of `listed`, which shows or hides the class by adding its label
// to `hidden` or taking it away; then calls `onToggle`.
function drawLegend(list, { listed, others, hasUnlabelled }, hidden, onToggle) {
  const entries = listed.map(({ label, name }) => {
    const button = el("button", { type: "button" }, markerSample(label), el("span", { text: name }));
    const showState = () => button.setAttribute("aria-pressed", String(!hidden.has(label)));
    button.addEventListener("click", () => {
      if (!hidden.delete(label)) hidden.add(label);
      showState();
      onToggle();
    });
    showState();
    return el("li", {}, button);
  });
  if (hasUnlabelled) entries.push(el("li", { class: "unlabelled" }, markerSample(null), "no class"));
  if (others) entries.push(el("li", { class: "hint", text: otherClasses(others) }));
  list.replaceChildren(...entries);
  list.hidden = !entries.length;
}
