// What to train on: clothes that lie beside the page, or the visitor's own pictures.

const SAMPLED = 12; // pictures shown of those to train on

// Returns { load, restart }: `load()` sees to it that the worker has the chosen pictures, and returns which they are:
// "clothes" or "own". After `restart()`, it has none.
function createPictures(backend) {
  const problems = byId("train-problems"), facts = byId("pictures-facts"), sample = byId("pictures-sample");
  let files = [], chosenTimes = 0, loaded = null; // the key of what the worker has

  const source = () => (byId("source-own").checked ? "own" : "clothes");
  const options = () => ({ size: byId("own-size").value, channels: byId("own-channels").value });
  const key = () => JSON.stringify(source() === "own" ? ["own", options(), chosenTimes] : ["clothes"]);

  function show(description, images) {
    const { shape, classes, skipped, ignored, warnings } = description;
    const named = classes.length ? `${counted(classes.length, "class", "classes")}: ${listed(classes)}` : "no classes";
    const kinds = Object.entries(ignored ?? {}).map(([kind, files]) => `${count(files)} ${kind}`);
    const others = kinds.length ? [`Other files, left out: ${listed(kinds)}.`] : [];
    facts.textContent = [`${counted(description.images, "picture")}, ${shapeText(shape)}; ${named}.`, ...warnings, ...others].join(" ");
    const shown = images.length / sizeOf(shape);
    sample.replaceChildren(...Array.from({ length: shown }, (_, place) => (
      el("li", {}, pictureOf(images, shape, place, `Picture ${place + 1}`))
    )));
    showSkipped(byId("skipped"), skipped);
  }

  function clear() {
    loaded = null;
    facts.textContent = "";
    sample.replaceChildren();
    showSkipped(byId("skipped"), []);
  }

  // Reads until what is read is what is chosen: the choice may change meanwhile.
  async function read() {
    const wanted = key(), isOwn = source() === "own";
    if (loaded === wanted) return source();
    if (isOwn && !files.length) throw new Error("Choose your pictures first: drop them on the field above, or choose files.");
    clear();
    facts.textContent = isOwn ? `Reading ${counted(files.length, "file")} …` : "Loading 2,000 pictures …";
    try {
      const { description, images } = isOwn
        ? await backend.ask("own", { options: options(), files, sample: SAMPLED })
        : await backend.ask("clothes", { sample: SAMPLED });
      loaded = wanted;
      if (wanted === key()) show(description, images);
    } catch (error) {
      clear();
      if (wanted === key()) throw error;
    }
    return read();
  }

  let reading = null; // one at a time
  const load = () => {
    reading ??= read().finally(() => { reading = null; });
    return reading;
  };
  const loadNow = () => attempt(problems, load);

  createDropZone(byId("own-drop"), problems, (next) => {
    if (next.length > MOST_FILES) throw new Error(`There are more than ${count(MOST_FILES)} files, more than a tab has room for: choose a part of them.`);
    files = next;
    chosenTimes += 1;
    byId("source-own").checked = true;
    showChoice();
    return loadNow();
  });
  // Browsers keep a choice when a page is loaded again.
  const showChoice = () => { byId("own").hidden = source() !== "own"; };
  showChoice();
  for (const id of ["source-clothes", "source-own"]) {
    byId(id).addEventListener("change", () => {
      showChoice();
      showProblems(problems, []);
      clear();
      if (source() === "own" && files.length) loadNow();
    });
  }
  for (const id of ["own-size", "own-channels"]) byId(id).addEventListener("change", () => files.length && loadNow());

  return { load, restart: clear };
}
