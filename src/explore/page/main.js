// Puts the page together.

function start() {
  byId("made").textContent = `${data.version}, ${data.made}`;
  const shown = data.path.length;
  const images = shown < data.all ? `${count(shown)} of ${counted(data.all, "image")}` : counted(shown, "image");
  byId("subject").textContent = `${images}, encoded to ${counted(data.latent_dim, "value")} each by ${data.arch}`;
  const map = createMap(), directions = createDirections(), between = createBetween();
  startTheme(map.render);
  Promise.all([map.ready, directions.ready, between.ready]).then(() => {
    document.documentElement.dataset.ready = ""; // for tests
  });
}

start();
