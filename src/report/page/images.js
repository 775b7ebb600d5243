// Individual test images: their scores by class and as a histogram, and the latent space.

const BINS = 25;

// Returns the function that draws a run's; `load(run)` returns what has come of its test images from a
// server (see live.js).
function createTestImages(load) {
  const showHistogram = createChart(byId("histogram"), "Test images by SSIM", "SSIM");
  const showLatentSpace = createLatentSpace();
  return (run) => {
    const found = run.images ? { images: run.images } : load(run);
    const images = found?.images, missing = run.images_missing || found?.problem;
    byId("images").hidden = !images && !missing;
    byId("images-missing").textContent = missing || "";
    byId("images-missing").hidden = !missing;
    byId("images-found").hidden = !images;
    if (!images || !hasChanged("images", [run.id, found.source, isDark()])) return;
    const classes = listClasses(images), values = images.ssim.filter(isNumber);
    drawClassScores(classes);
    byId("histogram").hidden = !values.length;
    if (values.length) showHistogram(histogram(values));
    showLatentSpace(images, classes);
  };
}

const FEW_CLASSES = 10; // which are found at a glance in any order

function drawClassScores({ listed, others }) {
  byId("class-scores").hidden = !listed.length;
  // Of many classes, the worst come first.
  const average = ({ ssim }) => (ssim.length ? mean(ssim) : Infinity);
  const shown = listed.length > FEW_CLASSES ? [...listed].sort((a, b) => average(a) - average(b)) : listed;
  byId("bars").replaceChildren(...shown.flatMap(({ label, name, ssim }) => {
    const average = ssim.length ? mean(ssim) : null, bar = el("span");
    // From zero, so that lengths compare as the scores do.
    bar.style.width = `${Math.max(0, average) * 100}%`;
    bar.style.backgroundColor = labelColour(label);
    return [
      el("span", { class: "name", title: name, text: name }),
      el("div", { class: "track", "aria-hidden": "true" }, bar),
      el("span", { text: score(average) }, el("small", { text: `  ${counted(ssim.length, "image")}` })),
    ];
  }));
  byId("bars-others").textContent = otherClasses(others);
}

// The content of a chart (see chart.js) of how many images have which SSIM.
function histogram(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const lowest = sorted[0], highest = sorted.at(-1), median = sorted[Math.floor(sorted.length / 2)];
  const { low, high } = axis(lowest, highest, 1), width = (high - low) / BINS;
  const counts = new Array(BINS).fill(0);
  for (const value of values) counts[Math.min(BINS - 1, Math.floor((value - low) / width))] += 1;
  // At least two digits, and no zeros after them.
  const edge = (bin) => score(low + width * bin).replace(/(\.\d\d\d*?)0*$/, "$1");
  const digits = Math.max(2, -powerOf(width)); // that tell one bin from the next
  return {
    isBinned: true,
    x: counts.map((_, bin) => fixed(low + width * (bin + .5), digits).replace(/^(−?)0\./, "$1.")),
    series: [{ key: "a", values: counts }],
    rest: counts.indexOf(Math.max(...counts)),
    legend: [["a", `median ${score(median)}, from ${score(lowest)} to ${score(highest)}`]],
    tell: (bin) => `SSIM ${edge(bin)} to ${edge(bin + 1)}: ${counted(counts[bin], "image")}`,
  };
}
