"use strict";
// Draws the page from the data in it, and where a server stands behind it, follows what is new.
// Names and settings are anyone's text: they go in by textContent alone.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const POLL = 2000; // ms
  const SVG = "http://www.w3.org/2000/svg";
  // Okabe and Ito's colours and two of Paul Tol's, made lighter for the dark; shapes tell them apart too.
  const COLOURS = {
    light: ["#0067a3", "#c05000", "#008a66", "#b4598a", "#3c9bd6", "#9a7400", "#882255", "#332288", "#6f6f6f", "#2c8f81"],
    dark: ["#6bbcf0", "#ff9a56", "#45c79f", "#ec9ec6", "#a5dbff", "#e3bf45", "#e87fb0", "#a99cf5", "#b5b5b5", "#6fd6c7"],
  };
  const STATES = { running: "running", finished: "finished", early_stopped: "stopped early", interrupted: "interrupted", killed: "killed", failed: "failed", damaged: "damaged" };

  let selected = null;
  let sort = { key: "started", down: true };
  const epochOf = new Map(); // run id → the epoch that the slider was put to
  const imagesOf = new Map(); // run id → its single test images, from a server
  const drawn = new Map(); // section → what it was drawn from

  // Elements.
  function el(tag, properties = {}, ...children) {
    const element = document.createElement(tag);
    for (const [key, value] of Object.entries(properties)) {
      if (key === "text") element.textContent = value;
      else if (key === "class") element.className = value;
      else if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
      else element.setAttribute(key, value);
    }
    element.append(...children);
    return element;
  }
  function svg(tag, attributes = {}, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return element;
  }
  const fresh = (section, from) => {
    const key = JSON.stringify(from);
    if (drawn.get(section) === key) return false;
    drawn.set(section, key);
    return true;
  };

  // Numbers, as people read them.
  const isNumber = (value) => typeof value === "number" && Number.isFinite(value);
  const fixed = (value, digits) => (isNumber(value) ? value.toFixed(digits).replace("-", "−") : "–");
  const score = (value) => fixed(value, 4).replace(/^(−?)0\./, "$1.");
  const signed = (value) => (isNumber(value) ? (value < 0 ? "" : "+") + score(value) : "–");
  const count = (value) => (isNumber(value) ? value.toLocaleString("en") : "–");
  const compact = (value) => (!isNumber(value) ? "–" : value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e5) ? value.toExponential(1) : String(+value.toPrecision(4)).replace("-", "−"));
  function duration(seconds) {
    if (!isNumber(seconds)) return "–";
    if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    const minutes = Math.round(seconds / 60);
    return minutes < 60 ? `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  }
  const date = (text) => (text ? text.slice(0, 16).replace("T", " ") : "–");
  const sum = (values) => values.reduce((total, value) => total + (value || 0), 0);
  const mean = (values) => sum(values) / values.length;
  const seconds = (run) => (run.summary ? run.summary.seconds : run.history.seconds.length ? sum(run.history.seconds) : null);
  const gain = (run) => (run.summary && run.summary.pca ? run.summary.test.ssim - run.summary.pca.ssim : null);

  // The theme: the system's, until the button says otherwise.
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (document.documentElement.dataset.theme || (system.matches ? "dark" : "light")) === "dark";
  function themed() {
    document.documentElement.toggleAttribute("data-dark", isDark());
    $("theme").textContent = isDark() ? "Light" : "Dark";
    $("theme").setAttribute("aria-label", isDark() ? "Use light colours" : "Use dark colours");
  }
  try {
    const kept = localStorage.getItem("theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch { /* a file's page may not keep anything */ }
  $("theme").addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    try { localStorage.setItem("theme", theme); } catch { /* as above */ }
    themed();
    redraw();
  });
  system.addEventListener("change", () => { themed(); redraw(); });
  themed();
  const colour = (label) => COLOURS[isDark() ? "dark" : "light"][label % 10];

  // The leaderboard.
  const COLUMNS = [
    { key: "name", title: "Run", value: (run) => run.name },
    { key: "state", title: "State", value: (run) => STATES[run.state] || run.state },
    { key: "test", title: "Test SSIM", number: true, value: (run) => run.summary && run.summary.test.ssim, show: score },
    { key: "pca", title: "PCA", number: true, value: (run) => run.summary && run.summary.pca && run.summary.pca.ssim, show: score },
    { key: "gain", title: "Difference", number: true, value: gain, show: signed },
    { key: "validation", title: "Best valid.", number: true, value: (run) => run.best_validation_ssim, show: score },
    { key: "arch", title: "Network", value: (run) => run.arch },
    { key: "latent", title: "Latent", number: true, value: (run) => run.latent_dim, show: count },
    { key: "loss", title: "Loss", value: (run) => run.loss },
    { key: "backend", title: "Backend", value: (run) => run.backend },
    { key: "epochs", title: "Epochs", number: true, value: (run) => run.epochs_done, show: (value, run) => (run.epochs && run.epochs !== value ? `${count(value)} of ${count(run.epochs)}` : count(value)) },
    { key: "duration", title: "Duration", number: true, value: seconds, show: duration },
    { key: "started", title: "Date", value: (run) => run.started, show: (started) => date(started).slice(0, 10) },
  ];
  function drawHeads() {
    $("board").querySelector("thead tr").replaceChildren(...COLUMNS.map((column) => {
      const head = el("th", { scope: "col", class: column.number ? "number" : "" }, el("button", { type: "button", text: column.title, "data-key": column.key, onclick: () => {
        sort = { key: column.key, down: sort.key === column.key ? !sort.down : Boolean(column.number) || column.key === "started" };
        drawHeads();
        drawBoard(true);
        $("board").querySelector(`th [data-key="${column.key}"]`).focus();
      } }));
      if (sort.key === column.key) head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
      return head;
    }));
  }
  function nameParts(name) {
    const match = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)_(.+)$/.exec(name);
    return match ? [match[2], match[1]] : [name, ""];
  }
  function drawBoard(always) {
    if (!fresh("board", [data.runs.map((run) => COLUMNS.map((column) => column.value(run))), selected, sort]) && !always) return;
    const column = COLUMNS.find(({ key }) => key === sort.key);
    const runs = [...data.runs].sort((a, b) => {
      const [x, y] = [column.value(a), column.value(b)];
      // What there is no value for comes last, whatever the order.
      if (x == null || y == null) return (x == null) - (y == null);
      const order = column.number ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return sort.down ? -order : order;
    });
    const focused = document.activeElement && document.activeElement.dataset.run;
    $("board").querySelector("tbody").replaceChildren(...runs.map((run) => {
      const row = el("tr", { class: run.id === selected ? "selected" : "", onclick: () => select(run.id) });
      for (const { key, number, value, show } of COLUMNS) {
        const cell = el("td", { class: number ? "number" : "" });
        const content = value(run);
        if (key === "name") {
          const [name, stem] = nameParts(run.name);
          const button = el("button", { type: "button", text: name, title: run.name, "data-run": run.id });
          if (stem) button.append(el("span", { class: "stem", text: stem }));
          if (run.id === selected) button.setAttribute("aria-current", "true");
          cell.append(button);
        } else if (key === "state") cell.append(el("span", { class: `state ${run.state}`, text: content }));
        else cell.textContent = content == null ? "–" : show ? show(content, run) : content;
        row.append(cell);
      }
      return row;
    }));
    if (focused) $("board").querySelector(`[data-run="${focused}"]`)?.focus();
    const many = data.runs.length;
    $("board-hint").textContent = many === 0 ? "No runs yet. `trainer` trains one." : `${many === 1 ? "One run" : `${many} runs`}; a click on a heading sorts them, a click on a run shows it below.`;
  }
  function select(id) {
    selected = id;
    try { history.replaceState(null, "", `#${id}`); } catch { /* not in every viewer */ }
    draw();
  }

  // A plot of lines or bins over whole numbers, with a cursor for mouse, finger and keyboard.
  function plot(box, name, step) {
    const title = el("h4", { text: name });
    const legend = el("ul", { class: "legend" });
    const readout = el("p", { class: "readout" });
    const canvas = svg("svg", { class: "plot", tabindex: "0", role: "slider", "aria-label": `${name}, by ${step}` });
    box.replaceChildren(el("div", { class: "chart" }, title, legend, readout, canvas));
    const height = 260, left = 52, right = 14, top = 12, bottom = 34;
    let content = null, at = null, width = 0;
    const x = (index) => {
      const n = content.x.length, inner = width - left - right;
      return content.bins ? left + ((index + .5) / n) * inner : n < 2 ? left + inner / 2 : left + (index / (n - 1)) * inner;
    };
    function render() {
      if (!content) return;
      width = Math.max(240, box.clientWidth);
      canvas.setAttribute("viewBox", `0 0 ${width} ${height}`);
      canvas.setAttribute("height", height);
      canvas.replaceChildren();
      const values = content.series.flatMap((series) => series.values).concat(content.reference ? [content.reference.value] : []).filter(isNumber);
      if (!values.length) {
        canvas.append(svg("text", { x: width / 2, y: height / 2, "text-anchor": "middle" }, "nothing yet"));
        readout.textContent = "";
        return;
      }
      const { low, high, ticks } = scale(content.bins ? 0 : Math.min(...values), Math.max(...values));
      const y = (value) => top + (1 - (value - low) / (high - low)) * (height - top - bottom);
      for (const tick of ticks) {
        canvas.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
        canvas.append(svg("text", { x: left - 8, y: y(tick) + 4, "text-anchor": "end" }, compact(tick)));
      }
      const n = content.x.length, every = Math.max(1, Math.ceil(n / Math.max(2, Math.floor(width / 70))));
      for (let index = 0; index < n; index += every) canvas.append(svg("text", { x: x(index), y: height - 14, "text-anchor": "middle" }, content.x[index]));
      if (content.bins) {
        const wide = (width - left - right) / n;
        content.series[0].values.forEach((value, index) => canvas.append(svg("rect", { class: index === at ? "bin on" : "bin", x: x(index) - wide / 2 + 1, y: y(value), width: Math.max(1, wide - 2), height: Math.max(0, y(0) - y(value)) })));
      } else {
        if (content.reference) canvas.append(svg("path", { class: "c", d: `M${left} ${y(content.reference.value)}H${width - right}` }));
        for (const { key, values } of content.series) {
          let line = "", pen = false;
          values.forEach((value, index) => {
            if (isNumber(value)) line += `${pen ? "L" : "M"}${x(index).toFixed(1)} ${y(value).toFixed(1)}`;
            pen = isNumber(value);
          });
          canvas.append(svg("path", { class: key, d: line }));
          if (n === 1 && isNumber(values[0])) canvas.append(svg("circle", { class: `${key}-fill`, cx: x(0), cy: y(values[0]), r: 3.5 }));
        }
        if (content.best != null && isNumber(content.series[content.series.length - 1].values[content.best])) canvas.append(svg("circle", { class: "best", cx: x(content.best), cy: y(content.series[content.series.length - 1].values[content.best]), r: 5.5 }));
        if (at != null) {
          canvas.append(svg("line", { class: "cursor", x1: x(at), x2: x(at), y1: top, y2: height - bottom }));
          for (const { key, values } of content.series) if (isNumber(values[at])) canvas.append(svg("circle", { class: `${key}-fill`, cx: x(at), cy: y(values[at]), r: 4 }));
        }
      }
      const shown = at == null ? (content.rest ?? n - 1) : at;
      readout.textContent = content.tell(shown);
      canvas.setAttribute("aria-valuemin", 0);
      canvas.setAttribute("aria-valuemax", n - 1);
      canvas.setAttribute("aria-valuenow", shown);
      canvas.setAttribute("aria-valuetext", readout.textContent);
    }
    const go = (index) => {
      at = index == null ? null : Math.max(0, Math.min(content.x.length - 1, index));
      render();
    };
    const point = (event) => {
      if (!content || !content.x.length) return;
      const box = canvas.getBoundingClientRect(), n = content.x.length;
      const share = ((event.clientX - box.left) * (width / box.width) - left) / (width - left - right);
      go(content.bins ? Math.floor(share * n) : Math.round(share * (n - 1)));
    };
    canvas.addEventListener("pointermove", point);
    canvas.addEventListener("pointerdown", point);
    canvas.addEventListener("pointerleave", () => document.activeElement !== canvas && go(null));
    canvas.addEventListener("blur", () => go(null));
    canvas.addEventListener("keydown", (event) => {
      if (!content || !content.x.length) return;
      const now = at == null ? content.rest ?? content.x.length - 1 : at;
      const to = { ArrowLeft: now - 1, ArrowDown: now - 1, ArrowRight: now + 1, ArrowUp: now + 1, PageDown: now - 10, PageUp: now + 10, Home: 0, End: content.x.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      go(to);
    });
    new ResizeObserver(() => box.clientWidth && Math.max(240, box.clientWidth) !== width && render()).observe(box);
    return (next) => {
      if (content && at != null) at = Math.min(at, next.x.length - 1);
      content = next;
      legend.replaceChildren(...(next.legend || []).map(([key, text]) => {
        const sample = svg("svg", { viewBox: "0 0 24 10", "aria-hidden": "true" });
        sample.append(key === "best" ? svg("circle", { class: "best", cx: 12, cy: 5, r: 4 }) : svg("path", { class: key, d: "M1 5H23", "stroke-width": 2.5 }));
        return el("li", {}, sample, text);
      }));
      render();
    };
  }
  // About five round numbers that hold `low` and `high`.
  function scale(low, high) {
    if (low === high) { low -= Math.abs(low) * .1 || .5; high += Math.abs(high) * .1 || .5; }
    const rough = (high - low) / 5, power = 10 ** Math.floor(Math.log10(rough));
    const unit = [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
    const from = Math.floor(low / unit), to = Math.ceil(high / unit);
    return { low: from * unit, high: to * unit, ticks: Array.from({ length: to - from + 1 }, (_, index) => (from + index) * unit) };
  }
  const lossPlot = plot($("loss-chart"), "Loss", "epoch");
  const ssimPlot = plot($("ssim-chart"), "Validation SSIM", "epoch");
  const histogram = plot($("histogram"), "Test images by SSIM", "SSIM");

  // One run.
  function drawHead(run) {
    if (!fresh("head", [run.id, run.state, run.reason, run.updated, run.started, run.problems, run.epochs_done])) return;
    $("run-name").textContent = run.name;
    document.title = data.runs.length === 1 ? run.name : `${run.name} – runs`;
    const states = [el("span", { class: `state ${run.state}`, text: STATES[run.state] || run.state })];
    if (run.reason) states.push(el("span", { text: run.reason }));
    if (run.started) states.push(el("span", { text: `started ${date(run.started)}` }));
    if (run.state === "running") states.push(el("span", { text: `epoch ${count(run.epochs_done)} of ${count(run.epochs)}` }), el("span", { text: `last heard of ${date(run.updated)}` }));
    $("head").querySelector(".states").replaceChildren(...states);
    $("head").querySelector(".problems").replaceChildren(...run.problems.map((problem) => el("li", { text: problem })));
  }
  function drawSummary(run) {
    if (!fresh("summary", [run.id, run.summary, run.best_validation_ssim, run.epochs_done, seconds(run)])) return;
    const box = $("summary"), outcome = run.summary;
    const figures = [];
    const figure = (name, value, unit, kind) => figures.push(el("div", { class: kind || "" }, el("dt", { text: name }), el("dd", { text: value }, ...(unit ? [el("small", { text: unit })] : []))));
    box.replaceChildren();
    if (outcome) {
      const pca = outcome.pca, difference = gain(run);
      const verdict = !pca ? "There is no PCA reference to compare it with." : `PCA with ${count(outcome.pca_components)} components reaches ${score(pca.ssim)}: the autoencoder is ${Math.abs(difference) < 5e-5 ? "level with it" : difference > 0 ? `${score(difference)} ahead` : `${score(-difference)} behind`}.`;
      box.append(el("p", { class: "lead", text: `From ${count(outcome.latent_dim)} numbers an image, it restores ${count(outcome.test_images)} test images with an SSIM of ${score(outcome.test.ssim)}. ${verdict}` }));
      figure("Test SSIM", score(outcome.test.ssim));
      if (pca) {
        figure("PCA’s", score(pca.ssim));
        figure("Difference", signed(difference), "", difference > 0 ? "ahead" : "behind");
      }
      figure("PSNR", fixed(outcome.test.psnr, 2), "dB");
      if (pca) figure("PCA’s PSNR", fixed(pca.psnr, 2), "dB");
      figure("Best epoch", count(outcome.best_epoch), `of ${count(run.epochs_done)}`);
      figure("Parameters", count(outcome.parameters));
      figure("Duration", duration(outcome.seconds));
    } else {
      box.append(el("p", { class: "lead", text: run.state === "running" ? "It is still training: the test images are judged at the end." : "It has no result on the test images." }));
      if (isNumber(run.best_validation_ssim)) figure("Best validation SSIM", score(run.best_validation_ssim));
      if (run.epochs_done != null) figure("Epochs", count(run.epochs_done), run.epochs ? `of ${count(run.epochs)}` : "");
      if (seconds(run) != null) figure("Duration", duration(seconds(run)));
    }
    const first = outcome ? (outcome.pca ? 3 : 1) : 0;
    if (first) box.append(el("dl", { class: "figures verdict" }, ...figures.slice(0, first)));
    if (figures.length > first) box.append(el("dl", { class: "figures" }, ...figures.slice(first)));
  }
  function drawCurves(run) {
    const { history, summary } = run;
    $("curves").hidden = !history.epoch.length;
    if (!fresh("curves", [run.id, history, summary])) return;
    const best = summary ? history.epoch.indexOf(summary.best_epoch) : -1;
    const mark = best >= 0 ? { best, rest: best, note: [["best", `best epoch, ${summary.best_epoch}`]] } : { note: [] };
    lossPlot({
      ...mark, x: history.epoch,
      series: [{ key: "a", values: history.train_loss }, { key: "b", values: history.validation_loss }],
      legend: [["a", "training"], ["b", "validation"], ...mark.note],
      tell: (at) => `Epoch ${history.epoch[at]}: training ${compact(history.train_loss[at])}, validation ${compact(history.validation_loss[at])}`,
    });
    ssimPlot({
      ...mark, x: history.epoch,
      series: [{ key: "b", values: history.validation_ssim }],
      reference: summary && summary.pca_validation ? { value: summary.pca_validation.ssim } : null,
      legend: [["b", "model"], ...(summary && summary.pca_validation ? [["c", `PCA, ${count(summary.pca_components)} components: ${score(summary.pca_validation.ssim)}`]] : []), ...mark.note],
      tell: (at) => `Epoch ${history.epoch[at]}: SSIM ${score(history.validation_ssim[at])}`,
    });
  }
  function drawEpochs(run) {
    const pictures = run.pictures, slider = $("epoch");
    $("epochs").hidden = !pictures.length;
    if (!pictures.length || !fresh("epochs", [run.id, pictures.map(({ epoch }) => epoch)])) return;
    slider.max = pictures.length - 1;
    const kept = pictures.findIndex(({ epoch }) => epoch === epochOf.get(run.id));
    slider.value = kept >= 0 ? kept : pictures.length - 1;
    $("epochs-hint").textContent = pictures.length === run.pictures_found ? "" : `To keep this file small it holds ${pictures.length} of ${run.pictures_found} epochs: ${pictures.map(({ epoch }) => epoch).join(", ")}.`;
    showEpoch(run);
  }
  function showEpoch(run) {
    const picture = run.pictures[Number($("epoch").value)];
    if (!picture) return;
    $("epoch-value").textContent = picture.epoch;
    $("epoch").setAttribute("aria-valuetext", `epoch ${picture.epoch}`);
    $("epoch-picture").alt = `Originals, reconstructions and differences after epoch ${picture.epoch}`;
    if ($("epoch-picture").getAttribute("src") !== picture.src) $("epoch-picture").src = picture.src;
  }
  $("epoch").addEventListener("input", () => {
    const run = current(), at = Number($("epoch").value);
    // At the end, the slider goes along with a run that trains.
    if (at === run.pictures.length - 1) epochOf.delete(run.id);
    else epochOf.set(run.id, run.pictures[at].epoch);
    showEpoch(run);
  });
  function drawExtremes(run) {
    const pictures = [["A sample", run.test_picture], ["The best", run.best_picture], ["The worst", run.worst_picture]].filter(([, src]) => src);
    $("extremes").hidden = !pictures.length;
    if (!fresh("extremes", [run.id, pictures.map(([, src]) => src.length)])) return;
    $("extremes").querySelector(".pictures").replaceChildren(...pictures.map(([name, src]) => el("figure", {}, el("figcaption", { text: name }), el("div", { class: "picture", tabindex: "0", role: "group", "aria-label": name }, el("img", { src, loading: "lazy", alt: `${name}: originals, reconstructions and differences of test images, with their SSIM` })))));
  }
  function drawDetails(run) {
    if (!fresh("details", [run.id, run.config, run.environment])) return;
    const rows = (pairs) => pairs.flatMap(([key, value]) => [el("dt", { text: key }), el("dd", { text: value })]);
    $("config").replaceChildren(...rows(Object.entries(run.config)));
    $("environment").replaceChildren(...rows(run.environment));
    $("details").hidden = !Object.keys(run.config).length && !run.environment.length;
  }

  // Single test images.
  function drawImages(run) {
    const images = run.images || imagesOf.get(run.id);
    $("images").hidden = !images && !run.images_missing;
    $("images-missing").textContent = run.images_missing || "";
    $("images-missing").hidden = !run.images_missing;
    $("images-found").hidden = !images;
    if (!images) {
      if (run.images_source) fetchImages(run);
      return;
    }
    if (!fresh("images", [run.id, images.ssim.length, images.ssim[0], isDark()])) return;
    const groups = Object.entries(images.classes).map(([label, name]) => ({ label: Number(label), name, ssim: images.ssim.filter((_, at) => images.label[at] === Number(label)).filter(isNumber) }));
    const means = groups.map(({ ssim }) => mean(ssim));
    // From zero, so that lengths compare as the scores do.
    $("bars").className = "bars";
    $("bars").replaceChildren(...groups.flatMap(({ label, name, ssim }, at) => {
      const bar = el("span");
      bar.style.width = `${Math.max(0, means[at]) * 100}%`;
      bar.style.backgroundColor = colour(label);
      return [el("span", { text: name }), el("div", { class: "track", "aria-hidden": "true" }, bar), el("span", { text: score(means[at]) }, el("small", { text: `  ${count(ssim.length)} images` }))];
    }));
    drawHistogram(images.ssim.filter(isNumber));
    scatter.show(images);
  }
  function drawHistogram(values) {
    const { low, high } = scale(Math.min(...values), Math.max(...values)), bins = 25;
    const counts = new Array(bins).fill(0);
    for (const value of values) counts[Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins))] += 1;
    const edge = (at) => score(low + ((high - low) * at) / bins).replace(/(\.\d\d\d?)0*$/, "$1");
    const sorted = [...values].sort((a, b) => a - b), median = sorted[Math.floor(sorted.length / 2)];
    histogram({ bins: true, x: counts.map((_, at) => fixed(low + ((high - low) * (at + .5)) / bins, 2).replace(/^0/, "")), series: [{ key: "a", values: counts }], rest: counts.indexOf(Math.max(...counts)), legend: [["a", `median ${score(median)}, from ${score(sorted[0])} to ${score(sorted[sorted.length - 1])}`]], tell: (at) => `SSIM ${edge(at)} to ${edge(at + 1)}: ${count(counts[at])} ${counts[at] === 1 ? "image" : "images"}` });
  }
  const scatter = (() => {
    const canvas = $("plane"), thumbnail = $("thumbnail").getContext("2d"), tell = $("pointed-text");
    const sheet = new Image(), hidden = new Set();
    let images = null, points = [], at = null;
    const mark = (brush, shape, x, y, r) => {
      brush.beginPath();
      if (shape === 0) brush.arc(x, y, r, 0, 7);
      else if (shape === 1) brush.rect(x - r * .9, y - r * .9, r * 1.8, r * 1.8);
      else if (shape === 2) { brush.moveTo(x, y - r * 1.2); brush.lineTo(x + r * 1.1, y + r * .8); brush.lineTo(x - r * 1.1, y + r * .8); }
      else if (shape === 3) { brush.moveTo(x, y - r * 1.3); brush.lineTo(x + r * 1.3, y); brush.lineTo(x, y + r * 1.3); brush.lineTo(x - r * 1.3, y); }
      else { brush.moveTo(x, y + r * 1.2); brush.lineTo(x + r * 1.1, y - r * .8); brush.lineTo(x - r * 1.1, y - r * .8); }
      brush.closePath();
      brush.fill();
    };
    function render() {
      if (!images || !canvas.clientWidth) return;
      const { clientWidth: width, clientHeight: height } = canvas, fine = devicePixelRatio || 1;
      canvas.width = width * fine;
      canvas.height = height * fine;
      const brush = canvas.getContext("2d");
      brush.scale(fine, fine);
      const xs = images.x.filter(isNumber), ys = images.y.filter(isNumber), pad = 18;
      const range = (values) => values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
      const [left, right] = range(xs), [low, high] = range(ys);
      // One unit is as long in both directions: distances are what the eye compares.
      const unit = Math.min((width - 2 * pad) / (right - left || 1), (height - 2 * pad) / (high - low || 1));
      points = images.x.map((x, index) => ({ index, x: width / 2 + (x - (left + right) / 2) * unit, y: height / 2 - (images.y[index] - (low + high) / 2) * unit }))
        .filter(({ index, x, y }) => isNumber(x) && isNumber(y) && !hidden.has(images.label[index]));
      const size = points.length > 2500 ? 2.2 : points.length > 600 ? 2.9 : 3.8;
      brush.globalAlpha = .72;
      for (const { index, x, y } of points) {
        brush.fillStyle = colour(images.label[index]);
        mark(brush, images.label[index] % 5, x, y, size);
      }
      brush.globalAlpha = 1;
      const chosen = points.find(({ index }) => index === at);
      if (!chosen) return;
      brush.fillStyle = colour(images.label[at]);
      mark(brush, images.label[at] % 5, chosen.x, chosen.y, size + 2.5);
      brush.strokeStyle = getComputedStyle(canvas).color;
      brush.lineWidth = 2;
      brush.beginPath();
      brush.arc(chosen.x, chosen.y, size + 6, 0, 7);
      brush.stroke();
    }
    function go(index) {
      at = index;
      thumbnail.clearRect(0, 0, 28, 28);
      if (index == null) {
        const pictured = images.tile.filter((tile) => tile != null).length;
        tell.textContent = pictured === images.tile.length ? "Point at an image, or use the arrow keys." : `Point at an image, or use the arrow keys: ${count(pictured)} of ${count(images.tile.length)} have a picture here.`;
      } else {
        const tile = images.tile[index];
        if (tile != null && sheet.complete && sheet.naturalWidth) thumbnail.drawImage(sheet, (tile % images.columns) * 28, Math.floor(tile / images.columns) * 28, 28, 28, 0, 0, 28, 28);
        tell.textContent = `${images.classes[images.label[index]]}\nSSIM ${score(images.ssim[index])}\nPSNR ${fixed(images.psnr[index], 1)} dB\nimage ${images.index[index]}`;
      }
      render();
    }
    // Those with a picture, where there are any.
    const candidates = () => {
      const pictured = points.filter(({ index }) => images.tile[index] != null);
      return pictured.length ? pictured : points;
    };
    const nearest = (x, y, fits = () => true) => candidates().filter(fits).reduce((best, point) => {
      const distance = (point.x - x) ** 2 + (point.y - y) ** 2;
      return !best || distance < best.distance ? { point, distance } : best;
    }, null);
    const pointed = (event) => {
      if (!images) return;
      const box = canvas.getBoundingClientRect(), found = nearest(event.clientX - box.left, event.clientY - box.top);
      if (found && found.distance < 40 ** 2 && found.point.index !== at) go(found.point.index);
    };
    canvas.addEventListener("pointermove", pointed);
    canvas.addEventListener("pointerdown", pointed);
    canvas.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way || !images) return;
      event.preventDefault();
      const now = points.find(({ index }) => index === at);
      const found = now
        // Rather ahead than to the side.
        ? nearest(now.x + way[0] * 6, now.y + way[1] * 6, ({ x, y }) => {
            const ahead = (x - now.x) * way[0] + (y - now.y) * way[1];
            return ahead > .5 && ahead >= Math.abs((x - now.x) * way[1] + (y - now.y) * way[0]);
          })
        : nearest(canvas.clientWidth / 2, canvas.clientHeight / 2);
      if (found) go(found.point.index);
    });
    new ResizeObserver(render).observe(canvas);
    return {
      show(next) {
        if (images !== next) {
          images = next;
          at = null;
          hidden.clear();
          if (next.thumbnails) sheet.src = next.thumbnails;
        }
        $("classes").replaceChildren(...Object.entries(next.classes).map(([label, name]) => {
          const sample = el("canvas", { width: 28, height: 28, "aria-hidden": "true" }), brush = sample.getContext("2d");
          sample.style.width = sample.style.height = "14px";
          brush.fillStyle = colour(Number(label));
          mark(brush, label % 5, 14, 14, 10);
          const button = el("button", { type: "button", "aria-pressed": String(!hidden.has(Number(label))), onclick: () => {
            const key = Number(label);
            hidden.has(key) ? hidden.delete(key) : hidden.add(key);
            button.setAttribute("aria-pressed", String(!hidden.has(key)));
            render();
          } }, sample, name);
          return el("li", {}, button);
        }));
        go(at);
      },
    };
  })();

  // All of it.
  const current = () => data.runs.find(({ id }) => id === selected);
  function draw() {
    if (!current()) {
      const linked = data.runs.find(({ id }) => `#${id}` === location.hash);
      selected = (linked || [...data.runs].sort((a, b) => String(b.started || b.name).localeCompare(String(a.started || a.name)))[0] || {}).id;
    }
    drawBoard();
    const run = current();
    $("run").hidden = !run;
    if (!run) return;
    for (const part of [drawHead, drawSummary, drawCurves, drawEpochs, drawExtremes, drawImages, drawDetails]) part(run);
  }
  function redraw() {
    drawn.delete("images");
    draw();
  }

  // News from the server.
  let tag = null;
  async function fetchImages(run) {
    try {
      const answer = await fetch(run.images_source, { cache: "no-store" });
      if (!answer.ok) return;
      imagesOf.set(run.id, await answer.json());
      if (run.id === selected) draw();
    } catch { /* the next poll says that the server is gone */ }
  }
  async function poll() {
    try {
      const answer = await fetch("data.json", { cache: "no-store", headers: tag ? { "If-None-Match": tag } : {} });
      if (answer.ok) {
        tag = answer.headers.get("ETag");
        data.runs = (await answer.json()).runs;
        draw();
      }
      $("made").textContent = "live";
    } catch {
      $("made").textContent = "the server doesn’t answer: this is the last that it said";
    }
    setTimeout(poll, POLL);
  }

  drawHeads();
  if (data.live) poll();
  else {
    $("made").textContent = `${data.version}, ${data.made}`;
    draw();
  }
  document.documentElement.dataset.ready = "";
})();
