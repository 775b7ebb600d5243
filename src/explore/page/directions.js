// A slider for each of the codes' principal directions. A linear decoder's images are sums, which are made here from
// all sliders at once; other networks' were decoded before, along one direction at a time.

function createDirections() {
  const { shares, steps, reach, sheet, linear } = data.directions;
  const pictures = createSheet(sheet, steps), canvas = byId("walked"), caption = byId("walked-at");
  const [width, height] = data.size;
  const decoder = linear && { mean: floats(linear.mean), directions: floats(linear.directions) };
  const amounts = shares.map(() => 0);
  const step = 2 * reach / (steps - 1);
  byId("directions-hint").textContent = decoder
    ? "Images are decoded here, as you move: the sliders add up, in standard deviations of the codes."
    : "Decoded before, along one direction at a time, in standard deviations of the codes: moving one slider brings the others back.";

  // One matrix product: the mean's image, and for each direction so much of its own.
  function decode() {
    const image = Float32Array.from(decoder.mean);
    amounts.forEach((amount, direction) => {
      const start = direction * image.length;
      for (let place = 0; amount && place < image.length; place += 1) image[place] += amount * decoder.directions[start + place];
    });
    const brush = canvas.getContext("2d"), pixels = brush.createImageData(width, height), plane = width * height;
    for (let pixel = 0; pixel < plane; pixel += 1) {
      for (let channel = 0; channel < 3; channel += 1) {
        const value = image[(data.channels === 3 ? channel : 0) * plane + pixel];
        pixels.data[4 * pixel + channel] = Math.round(255 * Math.min(1, Math.max(0, value)));
      }
      pixels.data[4 * pixel + 3] = 255;
    }
    brush.putImageData(pixels, 0, 0);
  }

  function draw(direction) {
    const moved = amounts.map((amount, place) => [amount, place]).filter(([amount]) => amount);
    caption.textContent = moved.length
      ? moved.map(([amount, place]) => `direction ${place + 1}: ${amount > 0 ? "+" : "−"}${Math.abs(amount)}`).join(", ")
      : "the mean of all codes";
    if (decoder) {
      sizeTo(canvas, width, height);
      return decode();
    }
    pictures.draw(canvas, direction * steps + Math.round((amounts[direction] + reach) / step));
  }

  const sliders = shares.map((share, direction) => {
    const id = `direction-${direction + 1}`;
    const input = el("input", { id, type: "range", min: -reach, max: reach, step: decoder ? "any" : step, value: 0 });
    input.addEventListener("input", () => {
      const value = Math.round(Number(input.value) * 100) / 100;
      if (!decoder) amounts.fill(0);
      amounts[direction] = value;
      if (!decoder) sliders.forEach((other, place) => { other.input.value = amounts[place]; });
      announce();
      draw(direction);
    });
    const strip = el("div", { class: "strip", "aria-hidden": "true" });
    const tiles = Array.from({ length: steps }, () => el("canvas"));
    strip.append(...tiles);
    const label = el("label", { for: id, text: `Direction ${direction + 1}` }, el("small", { text: `${(100 * share).toFixed(1)} % of the variance` }));
    return { input, tiles, item: el("li", {}, label, input, strip) };
  });
  function announce() {
    sliders.forEach(({ input }, place) => input.setAttribute("aria-valuetext", `${amounts[place]} standard deviations`));
  }
  byId("sliders").append(...sliders.map(({ item }) => item));
  byId("walk-reset").addEventListener("click", () => {
    amounts.fill(0);
    sliders.forEach(({ input }) => { input.value = 0; });
    announce();
    draw(0);
  });
  const ready = pictures.ready.then(() => {
    sliders.forEach(({ tiles }, direction) => tiles.forEach((tile, place) => pictures.draw(tile, direction * steps + place)));
    if (shares.length) draw(0);
  });
  byId("directions").hidden = !shares.length;
  return { ready };
}
