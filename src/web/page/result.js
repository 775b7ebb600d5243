// What came of a training: its test scores beside PCA's, and the model to take home.

const MODEL_TYPE = "application/octet-stream";

// Returns the function that shows a training's summary and model file, or nothing (null).
function createResult() {
  const section = byId("result"), download = byId("download");
  return (trained) => {
    URL.revokeObjectURL(download.href);
    section.hidden = !trained;
    if (!trained) return;
    const { summary, info, epochs, file } = trained, { test, pca } = summary;
    const gain = gainOf(summary);
    const { main, rest } = outcomeFigures(summary, gain, epochs);
    byId("result-lead").textContent = `The model turns each picture into ${counted(info.latent_dim, "number")}, and restores `
      + `test pictures, which it hadn’t seen before, with a mean SSIM of ${score(test.ssim)}; 1 would be perfect. ${verdict(pca, gain)}`;
    byId("result-verdict").replaceChildren(...main);
    byId("result-figures").replaceChildren(...rest);
    download.href = URL.createObjectURL(new Blob([file], { type: MODEL_TYPE }));
  };
}

function verdict(pca, gain) {
  if (!pca) return "There is no PCA to compare with.";
  return `PCA, the classic method, reaches ${score(pca.ssim)} with as many numbers: the model is ${placeBesidePca(gain)}.`;
}
