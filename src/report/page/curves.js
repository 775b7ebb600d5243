// How training went: the loss and the validation SSIM of each epoch.

// Returns the function that draws a run's curves.
function createCurves() {
  const showLoss = createChart(byId("loss-chart"), "Loss", "epoch");
  const showSsim = createChart(byId("ssim-chart"), "Validation SSIM", "epoch");
  return ({ id, history, summary }) => {
    byId("curves").hidden = !history.epoch.length;
    if (!hasChanged("curves", [id, history, summary])) return;
    const found = summary ? history.epoch.indexOf(summary.best_epoch) : -1;
    const best = found < 0 ? {} : { best: found, rest: found };
    const bestLegend = found < 0 ? [] : [["best", `best epoch: ${summary.best_epoch}`]];
    const pca = summary && summary.pca_validation;
    const pcaName = pca && `PCA, ${counted(summary.pca_components, "component")}: ${score(pca.ssim)}`;
    const pcaLegend = pca ? [["c", pcaName]] : [];
    const epoch = (place) => `Epoch ${history.epoch[place]}`;
    showLoss({
      ...best,
      x: history.epoch,
      series: [{ key: "a", values: history.train_loss }, { key: "b", values: history.validation_loss }],
      legend: [["a", "training"], ["b", "validation"], ...bestLegend],
      tell: (place) => {
        const [training, validation] = [history.train_loss[place], history.validation_loss[place]];
        return `${epoch(place)}: training ${compact(training)}, validation ${compact(validation)}`;
      },
    });
    showSsim({
      ...best,
      x: history.epoch,
      series: [{ key: "b", values: history.validation_ssim }],
      reference: pca ? pca.ssim : null,
      limit: 1,
      legend: [["b", "model"], ...pcaLegend, ...bestLegend],
      tell: (place) => `${epoch(place)}: SSIM ${score(history.validation_ssim[place])}`,
    });
  };
}
