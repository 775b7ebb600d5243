// Puts the page together.

// For tests: metrics of the last training's epochs, its summary, the open model's facts, the scores last computed.
const results = { epochs: [], summary: null, model: null, examined: null };

function deviceText({ backend, adapter, software, reason }) {
  if (backend !== "wgpu" && !reason) return "Computing on the CPU in WebAssembly, as the address asks for";
  if (backend !== "wgpu") return `No WebGPU here (${reason}): computing on the CPU in WebAssembly, which is slow but works`;
  const name = adapter || "a graphics card without a name";
  return software
    ? `Computing on ${name}, by WebGPU: software on the CPU, which is slow but works`
    : `Computing on ${name}, by WebGPU`;
}

function start() {
  const root = document.documentElement, device = byId("device"), lost = byId("lost");
  const forced = new URLSearchParams(location.search).get("backend");
  const backend = createBackend(fail);
  const settings = createSettings(), pictures = createPictures(backend), model = createModel(backend);
  const training = createTraining(backend, pictures, settings, model);

  function enable(isEnabled) {
    byId("setup-fields").disabled = byId("choose-model").disabled = !isEnabled;
  }

  function fail(reason) {
    setState("failed");
    enable(false);
    device.textContent = "Not computing";
    byId("lost-reason").textContent = isLoss(reason)
      ? `The graphics card was lost: another program, or the system, may have reset it. (${reason})`
      : reason;
    lost.hidden = false;
  }

  async function connect() {
    setState("loading");
    lost.hidden = true;
    device.textContent = "Starting …";
    try {
      const found = await backend.connect(["wgpu", "flex"].includes(forced) ? forced : null);
      settings.offer(await backend.ask("choices"));
      root.dataset.backend = found.backend;
      device.textContent = deviceText(found);
      enable(true);
      setState("ready");
    } catch (error) {
      fail(error.message);
    }
  }

  byId("restart").addEventListener("click", async () => {
    // The button goes, and takes the focus with it.
    byId("train-title").focus({ preventScroll: true });
    pictures.restart();
    training.restart();
    await connect();
    if (root.dataset.state === "ready") await model.restart();
  });
  window.results = results;
  startTheme(() => {});
  keepFilesOffPage();
  connect();
}

start();
