// A model that is open: its facts, and what can be done with it.

// Returns { show, open, restart }. `show` is given { name, bytes: the model file, model: its number in the worker, or
// null where it isn't there yet, info }.
function createModel(backend) {
  const problems = byId("model-problems"), words = byId("model-state");
  const between = createBetween(backend), directions = createDirections(backend);
  const examination = createExamination(backend, between.show);
  let current = null;

  async function show(next) {
    const replaced = current;
    let { model, info } = next;
    if (model == null) ({ model, info } = await backend.ask("open", { bytes: next.bytes }));
    current = { ...next, model, info };
    results.model = info;
    byId("model-name").textContent = current.name;
    drawFacts(info);
    byId("model").hidden = false;
    byId("look-clothes").hidden = shapeText(info.image) !== shapeText({ channels: 1, height: 28, width: 28 });
    await examination.start(current);
    between.start(current);
    await directions.start(current);
    // The model trained here stays, to be used again.
    if (replaced?.isOpened && replaced.model != null) await backend.ask("close", { model: replaced.model });
  }

  const open = async ([{ path, file }]) => {
    words.textContent = `Opening ${path} …`;
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      await show({ name: path, bytes, model: null, info: null, isOpened: true });
    } finally {
      words.textContent = "";
    }
  };
  createDropZone(byId("model-drop"), problems, open);

  return {
    async use(next) {
      byId("use-title").focus({ preventScroll: true });
      await attempt(problems, () => show(next));
      byId("use").scrollIntoView();
    },
    // In a new worker, what was open is opened again.
    restart: () => current && attempt(problems, () => {
      current.model = null;
      return show({ ...current });
    }),
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
