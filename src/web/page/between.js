// What is decoded on the straight line from one picture's code to another's.

const WAY_STEPS = 7;

// Returns { start, show }: `start` is given the model, `show` what it saw (see examine.js), or null.
function createBetween(backend) {
  const from = byId("from"), to = byId("to"), share = byId("share"), way = byId("way"), problems = byId("between-problems");
  let opened = null, seen = null;

  const tiles = Array.from({ length: WAY_STEPS }, (_, step) => {
    const text = `${Math.round(100 * step / (WAY_STEPS - 1))} %`;
    const canvas = el("canvas", { role: "img", "aria-label": `${text} of the way` });
    way.append(el("li", {}, canvas, el("span", { text })));
    return canvas;
  });

  // The codes at `shares` (0 to 1) of the way, one after another.
  function codesAt(shares) {
    const size = opened.info.latent_dim, codes = new Float32Array(shares.length * size);
    const [start, end] = [from, to].map(({ value }) => Number(value) * size);
    shares.forEach((part, row) => {
      for (let place = 0; place < size; place += 1) {
        codes[row * size + place] = (1 - part) * seen.codes[start + place] + part * seen.codes[end + place];
      }
    });
    return codes;
  }

  const decode = (shares) => backend.ask("decode", { model: opened.model, codes: codesAt(shares) });

  const drawWay = newestOnly(() => attempt(problems, async () => {
    if (!seen) return;
    const images = await decode(tiles.map((_, step) => step / (WAY_STEPS - 1)));
    tiles.forEach((tile, step) => paint(tile, images, opened.info.image, step));
  }));
  const drawMixed = newestOnly(() => attempt(problems, async () => {
    if (!seen) return;
    const text = `${share.value} % of the way`;
    share.setAttribute("aria-valuetext", text);
    byId("mixed-at").textContent = text;
    paintStaged(byId("mixed"), await decode([Number(share.value) / 100]), opened.info.image);
  }));

  share.addEventListener("input", drawMixed);
  for (const select of [from, to]) {
    select.addEventListener("change", () => {
      drawWay();
      drawMixed();
    });
  }

  return {
    start(next) {
      opened = next;
    },
    show(next) {
      seen = next && next.names.length > 1 ? next : null;
      byId("between").hidden = !seen;
      if (!seen) return;
      for (const select of [from, to]) {
        select.replaceChildren(...seen.names.map((name, place) => el("option", { value: place, text: name })));
      }
      [from.value, to.value] = [0, seen.names.length - 1];
      drawWay();
      drawMixed();
    },
  };
}
