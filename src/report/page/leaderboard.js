// The table of all runs, sorted by a click on a heading.

const COLUMNS = [
  { key: "name", title: "Run", value: (run) => run.name },
  { key: "state", title: "State", value: stateName },
  { key: "test", title: "Test SSIM", number: true, value: ({ summary }) => summary?.test.ssim, show: score },
  { key: "pca", title: "PCA", number: true, value: ({ summary }) => summary?.pca?.ssim, show: score },
  { key: "gain", title: "vs. PCA", number: true, value: gain, show: signedScore },
  { key: "validation", title: "Val. SSIM", number: true, value: (run) => run.best_validation_ssim, show: score },
  { key: "arch", title: "Architecture", value: (run) => run.arch },
  { key: "latent", title: "Latent", number: true, value: (run) => run.latent_dim, show: count },
  { key: "loss", title: "Loss", value: (run) => run.loss },
  { key: "backend", title: "Backend", value: (run) => run.backend },
  { key: "epochs", title: "Epochs", number: true, value: (run) => run.epochs_done, show: epochsOf },
  { key: "duration", title: "Duration", number: true, value: trainingTime, show: duration },
  { key: "started", title: "Date", descendsFirst: true, value: (run) => run.started, show: date },
];

function epochsOf(done, run) {
  return run.epochs && run.epochs !== done ? `${count(done)} of ${count(run.epochs)}` : count(done);
}

// "2026-01-31T12-34-56_name" → ["name", "2026-01-31T12-34-56"]
function nameParts(folder) {
  const match = /^(\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d)_(.+)$/.exec(folder);
  return match ? [match[2], match[1]] : [folder, ""];
}

// Returns the function that draws the table from `state`; `onSelect` is given a run's id.
function createLeaderboard(onSelect) {
  const board = byId("board");
  let sort = { key: "started", descends: true };

  function drawHeadings() {
    board.querySelector("thead tr").replaceChildren(...COLUMNS.map((column) => {
      const { key, title, number } = column;
      const button = el("button", { type: "button", text: title, "data-key": key, onclick: () => sortBy(column) });
      const heading = el("th", { scope: "col", class: number ? "number" : "" }, button);
      if (sort.key === key) heading.setAttribute("aria-sort", sort.descends ? "descending" : "ascending");
      return heading;
    }));
  }

  function sortBy({ key, number, descendsFirst }) {
    const descends = sort.key === key ? !sort.descends : Boolean(number || descendsFirst);
    sort = { key, descends };
    drawHeadings();
    draw();
    board.querySelector(`th [data-key="${key}"]`).focus();
  }

  function sorted() {
    const { value, number } = COLUMNS.find(({ key }) => key === sort.key);
    return [...state.runs].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      // Runs without a value come last in either order.
      if (x == null || y == null) return (x == null) - (y == null);
      const order = number ? x - y : String(x).localeCompare(String(y), "en", { numeric: true });
      return sort.descends ? -order : order;
    });
  }

  function cell(run, { key, number, value, show }) {
    const content = value(run), isSelected = run.id === state.selected;
    const td = el("td", { class: number ? "number" : "" });
    if (key === "name") {
      const [name, started] = nameParts(run.name);
      const button = el("button", { type: "button", text: name, title: run.name, "data-run": run.id });
      if (started) button.append(el("span", { class: "stem", text: started }));
      if (isSelected) button.setAttribute("aria-current", "true");
      td.append(button);
    } else if (key === "state") td.append(el("span", { class: `state ${run.state}`, text: content }));
    else if (content == null) td.textContent = "–";
    else td.textContent = show ? show(content, run) : content;
    return td;
  }

  function draw() {
    const shown = state.runs.map((run) => COLUMNS.map(({ value }) => value(run)));
    if (!hasChanged("board", [shown, state.selected, sort])) return;
    const focused = document.activeElement && document.activeElement.dataset.run;
    board.querySelector("tbody").replaceChildren(...sorted().map((run) => {
      const row = el("tr", { onclick: () => onSelect(run.id) }, ...COLUMNS.map((column) => cell(run, column)));
      if (run.id === state.selected) row.className = "selected";
      return row;
    }));
    if (focused) board.querySelector(`[data-run="${focused}"]`)?.focus();
    byId("board-hint").textContent = state.runs.length
      ? `${counted(state.runs.length, "run")}. Click a heading to sort, a run to show it below.`
      : "No runs yet: they appear here as soon as training starts.";
  }

  drawHeadings();
  return draw;
}
