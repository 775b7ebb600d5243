// Pictures in a model: each beside its reconstruction, with its scores and where the two differ.

const MOST_EXAMINED = 64; // pictures at a time
const CLOTHES_TAKEN = 12;
const FLOAT_BYTES = 4;
const FIRST_SCORE = "mse worst";

// Returns { start }, which is given the model; `onCodes` is given what the model saw, or null.
function createExamination(backend, onCodes) {
  const problems = byId("look-problems"), words = byId("look-state"), select = byId("score");
  let opened = null, seen = null; // { names, images, restored, maps, codes, scores }

  function clear() {
    seen = null;
    byId("seen").hidden = true;
    showSkipped(byId("look-skipped"), []);
    onCodes(null);
  }

  let looks = 0;

  // Shows what the model that is open in the end makes of pictures, unless others are chosen meanwhile. Returns whether
  // it was shown.
  async function look(request, found) {
    looks += 1;
    const own = looks, isNewest = () => own === looks;
    clear();
    try {
      for (;;) {
        words.textContent = `Restoring ${counted(found, "picture")} …`;
        const { model } = opened;
        const { skipped, ...next } = await backend.ask("look", { model, ...request });
        if (!isNewest()) return false;
        if (opened.model !== model) continue;
        showSkipped(byId("look-skipped"), skipped);
        if (!next.scores.length) throw new Error("None of these files is a picture that the model can see.");
        seen = next;
        results.examined = seen.scores;
        draw();
        onCodes(seen);
        return true;
      }
    } catch (error) {
      if (isNewest()) throw error;
      return false;
    } finally {
      if (isNewest()) words.textContent = "";
    }
  }

  createDropZone(byId("look-drop"), problems, async (files) => {
    const taken = files.slice(0, MOST_EXAMINED);
    const isShown = await look({ files: taken }, taken.length);
    if (isShown && taken.length < files.length) words.textContent = `These are the first ${MOST_EXAMINED} of ${count(files.length)}.`;
  });
  byId("look-clothes").addEventListener("click", () => attempt(problems, () => look({ clothes: CLOTHES_TAKEN }, CLOTHES_TAKEN)));
  select.addEventListener("change", draw);

  const threshold = () => opened.info.thresholds.find(({ score: name }) => name === select.value) ?? null;
  const isUnusual = ({ anomaly }, limit) => limit != null && anomaly?.[limit.score] > limit.threshold;

  function draw() {
    const { scores, names } = seen, limit = threshold();
    byId("seen-lead").textContent = lead(scores, limit);
    byId("cards").replaceChildren(...scores.map((_, place) => card(place, names[place], limit)));
    byId("seen").hidden = false;
  }

  function lead(scores, limit) {
    const { latent_dim: values, image, usual_share: share } = opened.info;
    const average = (key) => mean(scores.map((one) => one[key]).filter(isNumber));
    const sentences = [
      `${counted(scores.length, "picture")}, restored with a mean SSIM of ${score(average("ssim"))} and ${fixed(average("psnr"), 1)} dB.`,
      `Each becomes ${counted(values, "number")}: ${count(values * FLOAT_BYTES)} bytes as 32-bit floats, beside ${count(sizeOf(image))} bytes of pixels.`,
    ];
    if (limit) {
      const unusual = scores.filter((one) => isUnusual(one, limit)).length;
      sentences.push(`${unusual ? count(unusual) : "None"} of them ${unusual > 1 ? "are" : "is"} unusual: `
        + `above the limit that ${compact(100 * share)} % of the validation pictures stay below.`);
    }
    return sentences.join(" ");
  }

  function card(place, name, limit) {
    const { images, restored, maps, scores } = seen, { image } = opened.info, own = scores[place];
    const map = el("canvas", { role: "img", "aria-label": `SSIM map of ${name}`, class: "map" });
    paintMap(map, maps, image, place);
    const facts = [el("span", { text: `SSIM ${score(own.ssim)}` }), el("span", { text: `${fixed(own.psnr, 1)} dB` })];
    const value = limit && own.anomaly?.[limit.score];
    if (isNumber(value) && limit.threshold > 0) {
      const title = `${limit.score} ${compact(value)}, the limit is ${compact(limit.threshold)}`;
      facts.push(el("span", { text: `${Math.round(100 * value / limit.threshold)} % of the limit`, title }));
    }
    const unusual = isUnusual(own, limit);
    return el("li", { class: unusual ? "unusual" : "" },
      el("p", { class: "name" }, el("span", { text: name, title: name }), ...(unusual ? [el("b", { text: "unusual" })] : [])),
      el("div", { class: "three" },
        pictureOf(images, image, place, name), pictureOf(restored, image, place, `Reconstruction of ${name}`), map),
      el("p", { class: "numbers" }, ...facts));
  }

  return {
    start(next) {
      opened = next;
      clear();
      const names = opened.info.thresholds.map(({ score: name }) => name);
      names.sort((a, b) => (b === FIRST_SCORE) - (a === FIRST_SCORE));
      select.replaceChildren(...names.map((name) => el("option", { value: name, text: name })));
      byId("score-label").hidden = names.length < 2;
      showProblems(problems, []);
      words.textContent = "";
    },
  };
}
