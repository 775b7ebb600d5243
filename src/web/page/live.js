// A training as it goes on: how far it is, its curves, and pictures that it restores.

// Returns { begin, take, pause, end }: `take` is given the reports of worker.js.
function createLive() {
  const showSsim = createChart(byId("ssim-chart"), "Validation SSIM", "epoch");
  const showLoss = createChart(byId("loss-chart"), "Loss", "epoch");
  let run = null;

  function begin(epochs) {
    run = { epochs, epoch: 0, history: [], best: null, prepared: null, done: 0, clock: createClock() };
    for (const id of ["live", "running", "live-figures"]) byId(id).hidden = false;
    byId("restored").hidden = true;
    byId("live-figures").replaceChildren();
    drawCurves();
    drawProgress();
  }

  const takers = {
    prepared(report, originals) {
      run.prepared = report;
      const shown = originals ? originals.length / sizeOf(report.shape) : 0;
      run.pairs = Array.from({ length: shown }, (_, place) => ({
        original: pictureOf(originals, report.shape, place, `Original ${place + 1}`),
        restored: el("canvas", { role: "img", "aria-label": `Reconstruction ${place + 1}` }),
      }));
      for (const { restored } of run.pairs) prepareCanvas(restored, report.shape);
      byId("restored-pairs").replaceChildren(...run.pairs.map(({ original, restored }) => el("li", {}, original, restored)));
      byId("restored").hidden = !shown;
      drawFigures();
      drawCurves();
    },
    epoch_started({ epoch }) {
      run.epoch = epoch;
      run.done = 0;
    },
    step({ images }) {
      run.done += images;
      run.clock.count(images);
    },
    epoch({ metrics, best }, restored) {
      if (best) run.best = run.history.length;
      run.history.push(metrics);
      if (restored) run.pairs.forEach((pair, place) => paint(pair.restored, restored, run.prepared.shape, place));
      drawFigures();
      drawCurves();
    },
    judging() {
      run.isJudging = true;
    },
  };

  function drawFigures() {
    const { prepared: { pca }, history } = run, now = history.at(-1);
    const figures = [figure("Validation SSIM", score(now?.validation_ssim))];
    if (pca) figures.push(figure("PCA’s SSIM", score(pca.ssim)));
    figures.push(figure("PSNR", fixed(now?.validation_psnr, 1), "dB"));
    if (pca) figures.push(figure("PCA’s PSNR", fixed(pca.psnr, 1), "dB"));
    figures.push(figure("Speed", now ? count(Math.round(now.images_per_second)) : "–", "images/s"));
    byId("live-figures").replaceChildren(...figures);
  }

  function drawCurves() {
    const { history, best, prepared } = run;
    const of = (key) => history.map((metrics) => metrics[key]);
    const ring = best == null ? {} : { best };
    const bestLegend = best == null ? [] : [["best", `best epoch: ${history[best].epoch}`]];
    const pca = prepared?.pca, pcaLegend = pca ? [["c", `PCA: ${score(pca.ssim)}`]] : [];
    const x = of("epoch"), epoch = (place) => `Epoch ${history[place].epoch}`;
    showSsim({
      ...ring,
      x,
      series: [{ key: "b", values: of("validation_ssim") }],
      reference: pca ? pca.ssim : null,
      limit: 1,
      legend: [["b", "model"], ...pcaLegend, ...bestLegend],
      tell: (place) => `${epoch(place)}: SSIM ${score(history[place].validation_ssim)}`,
    });
    showLoss({
      ...ring,
      x,
      series: [{ key: "a", values: of("train_loss") }, { key: "b", values: of("validation_loss") }],
      legend: [["a", "training"], ["b", "validation"], ...bestLegend],
      tell: (place) => {
        const { train_loss: training, validation_loss: validation } = history[place];
        return `${epoch(place)}: training ${compact(training)}, validation ${compact(validation)}`;
      },
    });
  }

  function progressText() {
    const { epoch, epochs, history, clock, done, prepared } = run;
    if (run.isJudging) return "Scoring the test pictures …";
    if (!prepared) return "Preparing the pictures and PCA, which the model is compared with …";
    if (!epoch) return "Preparing the model …";
    const words = [`Epoch ${epoch} of ${count(epochs)}`];
    const speed = history.at(-1)?.images_per_second ?? clock.speed();
    if (!speed) words.push("the first steps take longest");
    else {
      words.push(`${count(Math.round(speed))} images/s`);
      words.push(`about ${duration(((epochs - epoch + 1) * prepared.train - done) / speed)} left`);
    }
    return words.join(" · ");
  }

  function drawProgress() {
    const { epoch, epochs, done, prepared } = run, bar = byId("progress");
    byId("progress-text").textContent = progressText();
    if (!prepared) return bar.removeAttribute("value"); // at work, nobody knows how long
    bar.value = run.isJudging ? 1 : Math.min(1, (Math.max(0, epoch - 1) + done / prepared.train) / epochs);
  }

  return {
    begin,
    take({ json, bytes }) {
      const report = JSON.parse(json);
      takers[report.kind]?.(report, bytes);
      drawProgress();
      return report;
    },
    pause: (isPaused) => run.clock.pause(isPaused),
    // Curves and pictures stay, where there are some; of figures, those of a result come.
    end(hasResult) {
      byId("running").hidden = byId("live-figures").hidden = true;
      byId("live").hidden = !run?.history.length && !hasResult;
    },
  };
}

// How fast images are trained on, not counting pauses or the first step, in which shaders are compiled.
function createClock() {
  let since = null, images = 0, pausedAt = null;
  return {
    count(more) {
      if (since == null) since = performance.now();
      else images += more;
    },
    pause(isPaused) {
      if (isPaused) pausedAt = performance.now();
      else if (pausedAt != null && since != null) since += performance.now() - pausedAt;
    },
    speed: () => (images ? images * 1000 / (performance.now() - since) : null),
  };
}
