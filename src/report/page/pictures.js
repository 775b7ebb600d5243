// Pictures of originals, reconstructions and differences: after each epoch, and of test images. On
// the page they are as wide as its column at most; a click opens one at its own size.

// What tells a picture from another. In a file, a source is the whole picture: its length does well enough.
const pictureKey = (src) => (state.live ? src : src.length);

// Opens `image` on top of the page. Not in a tab: browsers refuse to open `data:` addresses there.
function openPicture({ src, alt }) {
  const viewer = byId("viewer"), picture = byId("viewer-picture");
  picture.src = src;
  picture.alt = alt;
  byId("viewer-caption").textContent = alt;
  viewer.showModal();
  byId("viewer-pane").scrollTo(0, 0);
}

function startViewer() {
  const viewer = byId("viewer");
  byId("viewer-close").addEventListener("click", () => viewer.close());
  // The dialog itself is hit only beside what it holds.
  viewer.addEventListener("click", (event) => event.target === viewer && viewer.close());
}

// The slider through the pictures of the epochs. Returns the function that draws a run's.
function createEpochs() {
  const slider = byId("epoch"), picture = byId("epoch-picture");
  const chosen = new Map(); // run id → the epoch that the slider was moved to
  let run = null;

  function show() {
    const { epoch, src } = run.pictures[Number(slider.value)];
    byId("epoch-value").textContent = epoch;
    slider.setAttribute("aria-valuetext", `epoch ${epoch}`);
    picture.alt = `Originals, reconstructions and differences after epoch ${epoch}`;
    if (picture.getAttribute("src") !== src) picture.src = src;
  }
  slider.addEventListener("input", () => {
    const place = Number(slider.value);
    // At its end, the slider follows a run that is still training.
    if (place === run.pictures.length - 1) chosen.delete(run.id);
    else chosen.set(run.id, run.pictures[place].epoch);
    show();
  });
  picture.parentNode.addEventListener("click", () => openPicture(picture));

  return (next) => {
    run = next;
    const epochs = run.pictures.map(({ epoch }) => epoch);
    byId("epochs").hidden = !epochs.length;
    const shown = run.pictures.map(({ epoch, src }) => [epoch, pictureKey(src)]);
    if (!hasChanged("epochs", [run.id, shown, run.pictures_found]) || !epochs.length) return;
    const place = epochs.indexOf(chosen.get(run.id));
    slider.max = epochs.length - 1;
    slider.value = place >= 0 ? place : epochs.length - 1;
    const isComplete = epochs.length === run.pictures_found;
    byId("epochs-hint").textContent = isComplete
      ? ""
      : `To keep this file small, it includes ${epochs.length} of ${run.pictures_found} epochs: ${epochs.join(", ")}.`;
    show();
  };
}

// Test images: a sample, those with the highest SSIM and those with the lowest.
function drawTestPictures(run) {
  const pictures = [
    ["A sample", run.test_picture],
    ["The best", run.best_picture],
    ["The worst", run.worst_picture],
  ].filter(([, src]) => src);
  byId("extremes").hidden = !pictures.length;
  if (!hasChanged("extremes", [run.id, pictures.map(([name, src]) => [name, pictureKey(src)])])) return;
  byId("extremes").querySelector(".pictures").replaceChildren(...pictures.map(([name, src]) => {
    const alt = `${name}: test images, their reconstructions and the differences, with SSIM`;
    const image = el("img", { src, alt, loading: "lazy" });
    const button = el("button", { type: "button", title: "Open at full size" }, image);
    button.addEventListener("click", () => openPicture(image));
    return el("figure", {}, el("figcaption", { text: name }), el("div", { class: "picture" }, button));
  }));
}
