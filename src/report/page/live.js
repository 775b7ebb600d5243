// News from `trainer serve`, where the page comes from one.

const POLL_INTERVAL = 2000; // ms

// Asks for the runs again and again; `onNews` is called whenever they have changed.
function followServer(onNews) {
  let tag = null;
  // Only what differs: it is read out.
  const say = (text) => {
    if (byId("made").textContent !== text) byId("made").textContent = text;
  };

  // The runs if they have changed, or null; says how things stand.
  async function ask() {
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch("data.json", { cache: "no-store", headers });
      // 304 while nothing has changed.
      if (!answer.ok && answer.status !== 304) {
        say((await answer.text()).trim());
        return null;
      }
      const runs = answer.ok ? (await answer.json()).runs : null;
      if (runs) tag = answer.headers.get("ETag");
      say("live");
      return runs;
    } catch {
      say("The server isn’t responding; this is the latest data from it.");
      return null;
    }
  }

  async function poll() {
    const runs = await ask();
    setTimeout(poll, POLL_INTERVAL);
    if (!runs) return;
    state.runs = runs;
    onNews();
  }
  poll();
}

// Returns the function that gives a run's test images, as far as they have come: { source, images }, or
// { source, problem } where the server can't read them, or null. Where they are of another source than the
// run's, they are asked for, and `onLoad` is called with the run's id once they are here.
function createImageLoader(onLoad) {
  const loaded = new Map(), pending = new Set(); // by run id
  async function load({ id, images_source: source }) {
    pending.add(id);
    try {
      const answer = await fetch(source, { cache: "no-store" });
      const found = answer.ok ? { images: await answer.json() } : { problem: (await answer.text()).trim() };
      loaded.set(id, { source, ...found });
    } catch {
      // The next poll says that the server is gone; the next news asks again.
      return;
    } finally {
      pending.delete(id);
    }
    onLoad(id);
  }
  return (run) => {
    if (!run.images_source) return null;
    const found = loaded.get(run.id) ?? null;
    if (found?.source !== run.images_source && !pending.has(run.id)) load(run);
    return found;
  };
}
