// What is decoded on the straight line from one image's code to another's.

function createBetween() {
  const { chosen, steps, sheet } = data.between;
  const pictures = createSheet(sheet, steps), from = byId("from"), to = byId("to"), way = byId("way");
  const tiles = Array.from({ length: steps }, (_, step) => {
    const share = Math.round(100 * step / (steps - 1));
    const canvas = el("canvas", { role: "img", "aria-label": `${share} % of the way` });
    way.append(el("li", {}, canvas, el("span", { text: `${share} %` })));
    return canvas;
  });
  const name = (place) => [className(place), fileName(data.path[place])].filter((word) => word != null).join(", ");
  for (const select of [from, to]) select.append(...chosen.map((place, rank) => el("option", { value: rank, text: name(place) })));
  [from.value, to.value] = [0, chosen.length - 1];

  // The row of a pair, the lower rank first: those of all pairs before it come first.
  const row = (low, high) => low * chosen.length - low * (low + 1) / 2 + high - low - 1;

  function draw() {
    const [a, b] = [Number(from.value), Number(to.value)], [low, high] = [Math.min(a, b), Math.max(a, b)];
    tiles.forEach((tile, step) => {
      // From an image to itself, nothing changes: its end of any pair.
      if (low === high) {
        const other = low ? 0 : 1;
        const place = low ? row(other, low) * steps + steps - 1 : row(low, other) * steps;
        return pictures.draw(tile, place);
      }
      pictures.draw(tile, row(low, high) * steps + (a < b ? step : steps - 1 - step));
    });
  }
  for (const select of [from, to]) select.addEventListener("change", draw);
  byId("between").hidden = chosen.length < 2;
  return { ready: pictures.ready.then(() => chosen.length > 1 && draw()) };
}
