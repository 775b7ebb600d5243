// News from `trainer serve`, where the page comes from one.

const POLL_INTERVAL = 2000; // ms

// Asks for the runs again and again; `onNews` is called whenever they have changed.
function followServer(onNews) {
  let tag = null;
  async function poll() {
    try {
      const headers = tag ? { "If-None-Match": tag } : {};
      const answer = await fetch("data.json", { cache: "no-store", headers });
      // 304 while nothing has changed.
      if (answer.ok) {
        tag = answer.headers.get("ETag");
        state.runs = (await answer.json()).runs;
        onNews();
      }
      byId("made").textContent = "live";
    } catch {
      byId("made").textContent = "The server isn’t responding; this is the latest data from it.";
    }
    setTimeout(poll, POLL_INTERVAL);
  }
  poll();
}

// Returns the function that gives a run's test images, or null where they aren't here yet: then
// they are asked for, and `onLoad` is called with the run once they are.
function createImageLoader(onLoad) {
  const loaded = new Map(), pending = new Set(); // by run id
  async function load({ id, images_source: source }) {
    pending.add(id);
    try {
      const answer = await fetch(source, { cache: "no-store" });
      if (!answer.ok) return;
      loaded.set(id, await answer.json());
      onLoad(id);
    } catch {
      // The next poll says that the server is gone; the next news asks again.
    } finally {
      pending.delete(id);
    }
  }
  return (run) => {
    const images = loaded.get(run.id) || null;
    if (!images && run.images_source && !pending.has(run.id)) load(run);
    return images;
  };
}
