// The selected run in words and figures: its heading, its summary, its settings.

function drawHeading(run) {
  const { id, name, reason, started, updated, problems, epochs, epochs_done: done } = run;
  if (!hasChanged("head", [id, run.state, reason, started, updated, problems, epochs, done])) return;
  byId("run-name").textContent = name;
  document.title = state.runs.length === 1 ? name : `${name} – runs`;
  const facts = [el("span", { class: `state ${run.state}`, text: stateName(run) })];
  const fact = (text) => facts.push(el("span", { text }));
  if (reason) fact(reason);
  if (started) fact(`started ${dateTime(started)}`);
  if (run.state === "running") {
    fact(`epoch ${count(done)} of ${count(epochs)}`);
    fact(`last update ${dateTime(updated)}`);
  }
  byId("head").querySelector(".states").replaceChildren(...facts);
  byId("head").querySelector(".problems").replaceChildren(...problems.map((text) => el("li", { text })));
}

function drawSummary(run) {
  const { id, summary, best_validation_ssim: best, epochs, epochs_done: done } = run;
  if (!hasChanged("summary", [id, run.state, summary, best, epochs, done, trainingTime(run)])) return;
  byId("summary").replaceChildren(...(summary ? testResult(run) : resultSoFar(run)));
}

function testResult(run) {
  const { test, pca, pca_components: components, ...outcome } = run.summary;
  const difference = gain(run);
  const verdict = () => {
    if (!pca) return "There is no PCA baseline to compare with.";
    return `PCA with ${counted(components, "component")} reaches ${score(pca.ssim)}: the autoencoder is ${placeBesidePca(difference)}.`;
  };
  const lead = `The model encodes each image as ${counted(outcome.latent_dim, "number")} and reconstructs `
    + `${counted(outcome.test_images, "test image")} with a mean SSIM of ${score(test.ssim)}. ${verdict()}`;
  const { main, rest } = outcomeFigures(run.summary, difference, run.epochs_done);
  return [
    el("p", { class: "lead", text: lead }),
    el("dl", { class: "figures verdict" }, ...main),
    el("dl", { class: "figures" }, ...rest),
  ];
}

function resultSoFar(run) {
  const lead = run.state === "running"
    ? "Training is under way; the test images are evaluated at its end."
    : "This run has no test results.";
  const { best_validation_ssim: best, epochs, epochs_done: done } = run;
  const figures = [], time = trainingTime(run);
  if (isNumber(best)) figures.push(figure("Best validation SSIM", score(best)));
  if (done != null) figures.push(figure("Epochs", count(done), epochs ? `of ${count(epochs)}` : ""));
  if (time != null) figures.push(figure("Duration", duration(time)));
  const list = figures.length ? [el("dl", { class: "figures" }, ...figures)] : [];
  return [el("p", { class: "lead", text: lead }), ...list];
}

function drawSettings({ id, config, environment }) {
  if (!hasChanged("details", [id, config, environment])) return;
  const rows = (pairs) => pairs.flatMap(([key, value]) => [el("dt", { text: key }), el("dd", { text: value })]);
  const settings = Object.entries(config);
  byId("config").replaceChildren(...rows(settings));
  byId("environment").replaceChildren(...rows(environment));
  byId("details").hidden = !settings.length && !environment.length;
}
