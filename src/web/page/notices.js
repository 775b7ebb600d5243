// What the page says about how things stand: to people, near what they did, and to tests, on the root element.

const REASONS_LISTED = 50; // of files that can't be used

// "loading", "ready", "training", "paused", "trained" or "failed".
const setState = (state) => {
  document.documentElement.dataset.state = state;
};

const showProblems = (list, texts) => list.replaceChildren(...texts.map((text) => el("li", { text })));

// The result of `action`, or undefined once its error is shown in `problems`.
async function attempt(problems, action) {
  showProblems(problems, []);
  try {
    return await action();
  } catch (error) {
    showProblems(problems, [error.message]);
    return undefined;
  }
}

// Fills a `details` element with the files that aren't used: [{ path, reason }].
function showSkipped(details, skipped) {
  details.hidden = !skipped.length;
  details.querySelector("summary").textContent = `${counted(skipped.length, "file")} skipped`;
  const listed = skipped.slice(0, REASONS_LISTED).map(({ path, reason }) => (
    el("li", {}, el("b", { text: path }), ` ${reason}`)
  ));
  const others = skipped.length - listed.length;
  if (others) listed.push(el("li", { text: `and ${count(others)} more` }));
  details.querySelector("ul").replaceChildren(...listed);
}

// A function that calls `work` with what it is given, one call at a time; of what comes meanwhile, only the newest
// is taken: a slider moves faster than pictures are decoded.
function newestOnly(work) {
  let waiting = null, isBusy = false;
  return async (value) => {
    waiting = { value };
    if (isBusy) return;
    isBusy = true;
    while (waiting) {
      const next = waiting.value;
      waiting = null;
      await work(next);
    }
    isBusy = false;
  };
}
