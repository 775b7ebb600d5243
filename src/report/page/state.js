// What the page shows: the data in it, the selected run, and what each section was drawn from.

const state = {
  ...JSON.parse(byId("data").textContent), // { version, live, made, runs }
  selected: null, // a run's id
};

const STATE_NAMES = {
  running: "running",
  finished: "finished",
  early_stopped: "stopped early",
  interrupted: "interrupted",
  killed: "killed",
  unknown: "unknown",
  failed: "failed",
  damaged: "damaged",
};
const stateName = (run) => STATE_NAMES[run.state] || run.state;

const selectedRun = () => state.runs.find(({ id }) => id === state.selected);

// Training time in seconds, or null.
function trainingTime({ summary, history }) {
  if (summary) return summary.seconds;
  return history.seconds.length ? sum(history.seconds) : null;
}

// Test SSIM less PCA's, or null.
const gain = ({ summary }) => (summary ? gainOf(summary) : null);

const drawnFrom = new Map(); // section → JSON

// Whether `section` was last drawn from something else than `source`; a live page draws again only
// what has changed, so that focus, scrolling and the pointer's place are kept.
function hasChanged(section, source) {
  const key = JSON.stringify(source);
  if (drawnFrom.get(section) === key) return false;
  drawnFrom.set(section, key);
  return true;
}
