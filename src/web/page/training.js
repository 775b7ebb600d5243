// Trains: from the button to the model.

const OUTCOMES = {
  finished: "Training is finished.",
  early_stopped: "Training stopped early: the model had stopped improving.",
  interrupted: "Training was finished early; the best epoch so far is the model.",
};

// Returns { restart }; `opened` is where the trained model is used on request (see model.js).
function createTraining(backend, pictures, settings, opened) {
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
    if (report.kind === "prepared" && phase !== "ending") {
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
    const note = () => { wasAsked = !results.epochs.length; };
    finish.addEventListener("click", note);
    try {
      const source = await pictures.load();
      if (wasAsked) throw new Error("Cancelled.");
      live.begin(chosen.epochs);
      byId("live").scrollIntoView();
      const earlier = trained;
      trained = await backend.ask("train", { source, settings: chosen }, take);
      trained.epochs = results.epochs.length;
      if (earlier) opened.release(earlier.model);
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
      if (trained) showResult(trained); // the earlier one's
    } finally {
      finish.removeEventListener("click", note);
      live.end(trained != null);
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
    // It ended meanwhile, and must not wait in its last steps.
    if (isPausing && phase !== "training") await backend.ask("resume");
    if (phase !== "training" && phase !== "paused") return;
    live.pause(isPausing);
    words.textContent = isPausing ? "Paused." : "";
    enter(isPausing ? "paused" : "training");
  }));
  finish.addEventListener("click", () => attempt(problems, async () => {
    enter("ending");
    words.textContent = "Ending …";
    await backend.ask("finish");
  }));
  byId("use-trained").addEventListener("click", () => opened.use({
    model: trained.model, info: trained.info, bytes: trained.file, name: "The model trained here",
  }));
  addEventListener("beforeunload", (event) => phase && event.preventDefault());

  return {
    // In a new worker: the trained model lives on as its file.
    restart() {
      showProblems(problems, []);
      if (trained) trained.model = null;
    },
  };
}
