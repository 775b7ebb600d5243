// Trains: from the button to the model.

const OUTCOMES = {
  finished: "Training is finished.",
  early_stopped: "Training stopped early: the model had stopped improving.",
  interrupted: "Training was finished early; the best epoch so far is the model.",
};

// Returns { restart, isRunning }; `useModel` is given the trained model (see model.js) on request.
function createTraining(backend, pictures, settings, useModel) {
  const fields = byId("setup-fields"), pause = byId("pause"), finish = byId("finish");
  const problems = byId("train-problems"), words = byId("train-state");
  const live = createLive(), showResult = createResult();
  let phase = null, trained = null; // phase: null, "training", "paused" or "ending"

  function enter(next) {
    phase = next;
    fields.disabled = phase != null || !backend.isConnected();
    pause.textContent = phase === "paused" ? "Resume" : "Pause";
    pause.disabled = finish.disabled = phase === "ending";
    if (phase === "training" || phase === "paused") setState(phase);
  }

  function take(message) {
    const report = live.take(message);
    if (report.kind === "epoch") {
      finish.textContent = "Finish now";
      results.epochs.push(report.metrics);
    }
    if (report.kind === "prepared") {
      const { train, validation, test, parameters } = report;
      words.textContent = `${counted(train, "picture")} to train on, ${count(validation)} to check each epoch with, `
        + `${count(test)} for the test; ${counted(parameters, "parameter")}.`;
    }
    if (report.kind === "judging") enter("ending");
  }

  async function train() {
    const chosen = settings.read();
    enter("training");
    results.epochs = [];
    results.summary = null;
    showResult(null);
    finish.textContent = "Cancel";
    words.textContent = "";
    let wasAsked = false; // to end before the first epoch's end
    const note = () => { wasAsked = !live.lastMetrics(); };
    finish.addEventListener("click", note);
    try {
      const source = await pictures.load();
      live.begin(chosen.epochs);
      byId("live").scrollIntoView();
      trained = await backend.ask("train", { source, settings: chosen }, take);
      trained.epochs = results.epochs.length;
      results.summary = trained.summary;
      showResult(trained);
      words.textContent = OUTCOMES[trained.summary.state] ?? "";
      setState("trained");
      // Where the focus was on a button that is gone by now.
      if (document.activeElement === document.body || byId("running").contains(document.activeElement)) {
        byId("result").focus({ preventScroll: true });
      }
    } catch (error) {
      words.textContent = wasAsked ? "Cancelled before the first epoch was finished: there is no model." : "";
      if (!wasAsked) showProblems(problems, [error.message]);
      setState(wasAsked ? "ready" : "failed");
    } finally {
      finish.removeEventListener("click", note);
      live.end();
      enter(null);
    }
  }

  byId("setup").addEventListener("submit", (event) => {
    event.preventDefault();
    if (phase) return;
    showProblems(problems, []);
    train();
  });
  pause.addEventListener("click", () => attempt(problems, async () => {
    const isPausing = phase === "training";
    await backend.ask(isPausing ? "pause" : "resume");
    if (phase !== "training" && phase !== "paused") return; // it ended meanwhile
    live.pause(isPausing);
    words.textContent = isPausing ? "Paused." : "";
    enter(isPausing ? "paused" : "training");
  }));
  finish.addEventListener("click", () => attempt(problems, async () => {
    enter("ending");
    words.textContent = "Ending …";
    await backend.ask("finish");
  }));
  byId("use-trained").addEventListener("click", () => useModel({
    model: trained.model, info: trained.info, bytes: trained.file, name: "The model trained here",
  }));
  addEventListener("beforeunload", (event) => phase && event.preventDefault());

  return {
    isRunning: () => phase != null,
    // In a new worker: the trained model lives on as its file.
    restart() {
      showProblems(problems, []);
      if (trained) trained.model = null;
    },
  };
}
