// Rate and quality: the runs whose codes are packed, by the bytes of an image and the SSIM of what comes back.

// Returns the function that draws them from `state`; `onSelect` is given a run's id.
function createRates(onSelect) {
  const show = createChart(byId("rates"), "Test SSIM by bytes an image", "run", "h2");
  return () => {
    const bytesOf = ({ summary }) => summary?.bytes_per_image;
    const runs = state.runs
      .filter((run) => isNumber(bytesOf(run)) && isNumber(run.summary.test.ssim))
      .sort((a, b) => bytesOf(a) - bytesOf(b));
    byId("rates").hidden = !runs.length;
    const shown = runs.map((run) => [run.id, bytesOf(run), run.summary.test.ssim]);
    if (!hasChanged("rates", [shown, state.selected]) || !runs.length) return;
    const selected = runs.indexOf(selectedRun()), names = runs.map(({ name }) => nameParts(name)[0]);
    show({
      isPoints: true,
      names,
      x: runs.map(bytesOf),
      series: [{ key: "point", values: runs.map(({ summary }) => summary.test.ssim) }],
      limit: 1,
      best: selected < 0 ? null : selected,
      rest: selected,
      legend: [["point", "a run: click to show it"], ...(selected < 0 ? [] : [["best", "the run below"]])],
      tell: (place) => {
        const { bytes_per_image: bytes, test } = runs[place].summary;
        return `${names[place]}: ${fixed(bytes, 1)} bytes an image, SSIM ${score(test.ssim)}`;
      },
      choose: (place) => onSelect(runs[place].id),
    });
  };
}
