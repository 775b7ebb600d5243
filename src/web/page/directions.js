// A slider for each of the codes' principal directions, with what is decoded from all of them.

const DIRECTION_REACH = 3; // standard deviations
const STRIP_STEPS = 7;

// Returns { start }, which is given the model.
function createDirections(backend) {
  const list = byId("sliders"), problems = byId("directions-problems"), caption = byId("walked-at");
  let opened = null, amounts = [], sliders = [];

  // Decodes codes at each of `places`, lists of amounts.
  const walk = (places) => backend.ask("walk", { model: opened.model, places });

  function captionText() {
    const moved = amounts.map((amount, place) => [amount, place]).filter(([amount]) => amount);
    if (!moved.length) return "the mean of all codes";
    return moved.map(([amount, place]) => `direction ${place + 1}: ${amount > 0 ? "+" : "−"}${Math.abs(amount)}`).join(", ");
  }

  const draw = newestOnly(() => attempt(problems, async () => {
    caption.textContent = captionText();
    paintStaged(byId("walked"), await walk([amounts]), opened.info.image);
  }));

  const drawStrips = async () => {
    const step = 2 * DIRECTION_REACH / (STRIP_STEPS - 1);
    const places = sliders.flatMap((_, direction) => Array.from({ length: STRIP_STEPS }, (_, place) => (
      amounts.map((_, other) => (other === direction ? place * step - DIRECTION_REACH : 0))
    )));
    const images = await walk(places);
    sliders.flatMap(({ tiles }) => tiles).forEach((tile, place) => paint(tile, images, opened.info.image, place));
  };

  function createSlider(share, direction) {
    const id = `direction-${direction + 1}`;
    const input = el("input", { id, type: "range", min: -DIRECTION_REACH, max: DIRECTION_REACH, step: .1, value: 0 });
    input.addEventListener("input", () => {
      amounts[direction] = Number(input.value);
      input.setAttribute("aria-valuetext", `${input.value} standard deviations`);
      draw();
    });
    const tiles = Array.from({ length: STRIP_STEPS }, () => el("canvas"));
    const label = el("label", { for: id, text: `Direction ${direction + 1}` }, el("small", { text: `${(100 * share).toFixed(1)} % of the variance` }));
    return { input, tiles, item: el("li", {}, label, input, el("div", { class: "strip", "aria-hidden": "true" }, ...tiles)) };
  }

  byId("walk-reset").addEventListener("click", () => {
    amounts.fill(0);
    for (const { input } of sliders) {
      input.value = 0;
      input.removeAttribute("aria-valuetext");
    }
    draw();
  });

  return {
    async start(next) {
      opened = next;
      const { directions, shares } = opened.info;
      amounts = new Array(directions).fill(0);
      sliders = shares.map(createSlider);
      list.replaceChildren(...sliders.map(({ item }) => item));
      byId("directions").hidden = !directions;
      if (!directions) return;
      await draw();
      await attempt(problems, drawStrips);
    },
  };
}
