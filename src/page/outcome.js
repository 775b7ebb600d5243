// What a training came to: its test scores beside PCA's.

// A summary's test SSIM less PCA's, or null.
const gainOf = ({ test, pca }) => (isNumber(test.ssim) && isNumber(pca?.ssim) ? test.ssim - pca.ssim : null);

// Whether a difference is more than the digits that are shown of it.
const isAhead = (gain) => gain >= LEAST_SHOWN;
const isBehind = (gain) => gain <= -LEAST_SHOWN;

// The figures of a summary whose test SSIM is `gain` above PCA's (if there is PCA), after so many epochs: { main, rest }.
function outcomeFigures(summary, gain, epochs) {
  const { test, pca } = summary;
  const main = [figure("Test SSIM", score(test.ssim))];
  const rest = [figure("PSNR", fixed(test.psnr, 2), "dB")];
  if (pca) {
    main.push(figure("PCA", score(pca.ssim)));
    main.push(figure("Difference", signedScore(gain), "", isAhead(gain) ? "ahead" : isBehind(gain) ? "behind" : ""));
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
  if (gain == null) return "not comparable";
  if (!isAhead(gain) && !isBehind(gain)) return "level with it";
  return `${score(Math.abs(gain))} ${isAhead(gain) ? "ahead" : "behind"}`;
}
