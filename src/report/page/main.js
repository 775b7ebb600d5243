// Puts the page together: what is drawn, in which order, and what starts it.

function start() {
  const drawBoard = createLeaderboard(select), drawRates = createRates(select);
  const loadImages = createImageLoader((id) => id === state.selected && draw());
  const sections = [
    drawHeading,
    drawSummary,
    createCurves(),
    createEpochs(),
    drawTestPictures,
    createTestImages(loadImages),
    drawSettings,
  ];

  // Draws what has changed since the last time.
  function draw() {
    if (!selectedRun()) state.selected = (linkedRun() || latestRun() || {}).id;
    drawBoard();
    drawRates();
    const run = selectedRun();
    byId("run").hidden = !run;
    if (run) for (const drawSection of sections) drawSection(run);
  }

  function select(id) {
    state.selected = id;
    try { history.replaceState(null, "", `#${id}`); } catch { /* not allowed in every viewer */ }
    draw();
  }

  // A link to a run that is put into the open page; the link past the board is none.
  addEventListener("hashchange", () => {
    const run = linkedRun();
    if (run) select(run.id);
  });
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    byId("run").focus();
  });

  startTheme(draw);
  startViewer();
  if (state.live) followServer(draw);
  else {
    byId("made").textContent = `${state.version}, ${state.made}`;
    draw();
  }
  document.documentElement.dataset.ready = ""; // for tests
}

const linkedRun = () => state.runs.find(({ id }) => `#${id}` === location.hash);

function latestRun() {
  const age = (run) => String(run.started || run.name);
  return [...state.runs].sort((a, b) => age(b).localeCompare(age(a)))[0];
}

start();
