// What a training came to: its test scores beside PCA's.

const SHOWN_DIGITS = 5e-5; // less than what four digits of SSIM show is no difference

// The figures of a summary whose test SSIM is `gain` above PCA's (if there is PCA), after so many epochs: { main, rest }.
function outcomeFigures(summary, gain, epochs) {
  const { test, pca } = summary;
  const main = [figure("Test SSIM", score(test.ssim))];
  const rest = [figure("PSNR", fixed(test.psnr, 2), "dB")];
  if (pca) {
    main.push(figure("PCA", score(pca.ssim)));
    main.push(figure("Difference", signedScore(gain), "", gain > 0 ? "ahead" : "behind"));
    rest.push(figure("PCA’s PSNR", fixed(pca.psnr, 2), "dB"));
  }
  if (summary.bytes_per_image != null) {
    rest.push(figure("Packed", fixed(summary.bytes_per_image, 1), "bytes an image"));
  }
  rest.push(figure("Best epoch", count(summary.best_epoch), `of ${count(epochs)}`));
  rest.push(figure("Parameters", count(summary.parameters)));
  rest.push(figure("Duration", duration(summary.seconds)));
  return { main, rest };
}

// Where a model is whose SSIM is `gain` above PCA's, as the end of a sentence.
function placeBesidePca(gain) {
  if (Math.abs(gain) < SHOWN_DIGITS) return "level with it";
  return `${score(Math.abs(gain))} ${gain > 0 ? "ahead" : "behind"}`;
}
