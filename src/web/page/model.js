// A model that is open: its facts, and what can be done with it.

// Returns { use, release, restart }. `use` is given { name, bytes: the model file, model: its number in the worker, or
// null where it isn't there yet, info }; `release` a number whose model nobody else uses any more.
function createModel(backend) {
  const problems = byId("model-problems"), words = byId("model-state");
  const between = createBetween(backend), directions = createDirections(backend);
  const examination = createExamination(backend, between.show);
  let current = null, asked = 0;

  // Shows the model that `find` comes to, { name, bytes, model, info } as in `use`, unless another is asked for meanwhile.
  async function show(find) {
    asked += 1;
    const own = asked, found = await find();
    const isOpened = found.model == null; // and closed, when another replaces it
    const { model, info } = isOpened ? await backend.ask("open", { bytes: found.bytes }) : found;
    const close = (one) => one?.isOpened && one.model != null && backend.ask("close", { model: one.model });
    const next = { ...found, model, info, isOpened: isOpened || found.isOpened };
    if (own !== asked) {
      await close(next);
      return;
    }
    const replaced = current;
    current = next;
    results.model = info;
    byId("model-name").textContent = current.name;
    drawFacts(info);
    byId("model").hidden = false;
    byId("look-clothes").hidden = shapeText(info.image) !== shapeText({ channels: 1, height: 28, width: 28 });
    examination.start(next);
    between.start(next);
    await directions.start(next);
    // The model trained here stays, to be used again.
    if (replaced !== next) await close(replaced);
  }

  const open = async ([{ path, file }]) => {
    words.textContent = `Opening ${path} …`;
    try {
      await show(async () => ({ name: path, bytes: new Uint8Array(await file.arrayBuffer()), model: null, info: null }));
    } finally {
      words.textContent = "";
    }
  };
  createDropZone(byId("model-drop"), problems, open);

  return {
    async use(next) {
      byId("use-title").focus({ preventScroll: true });
      await attempt(problems, () => show(() => next));
      byId("use").scrollIntoView();
    },
    release(model) {
      if (model == null) return;
      if (current?.model === model) current.isOpened = true;
      else backend.ask("close", { model }).catch(() => {}); // it went with its worker
    },
    // In a new worker, what was open is opened again.
    restart() {
      if (!current) return undefined;
      current.model = null;
      return attempt(problems, () => show(() => current));
    },
  };
}

function drawFacts({ arch, latent_dim, image, loss, refine, classes, parameters, version }) {
  const facts = [
    ["Pictures", shapeText(image)],
    ["Code", `${counted(latent_dim, "number")} a picture`],
    ["Architecture", `${arch}, ${counted(parameters, "parameter")}`],
    ["Trained for", loss + (refine ? `, codes refined in ${counted(refine, "step")}` : "")],
    ["Classes", classes.length ? listed(classes) : "none"],
    ["Made by", `trainer ${version}`],
  ];
  byId("model-facts").replaceChildren(...facts.map(([name, text]) => (
    el("div", {}, el("dt", { text: name }), el("dd", { text }))
  )));
}
