// Puts the page together.

function start() {
  byId("made").textContent = `${data.version}, ${data.made}`;
  const shown = data.path.length;
  const images = shown < data.all ? `${count(shown)} of ${counted(data.all, "image")}` : counted(shown, "image");
  byId("subject").textContent = `${images}, encoded to ${counted(data.latent_dim, "value")} each by ${data.arch}`;
  // Before the map, whose key has the theme's colours.
  startTheme(() => map.recolour());
  const map = createMap(), directions = createDirections(), between = createBetween();
  Promise.all([map.ready, directions.ready, between.ready]).then(() => {
    document.documentElement.dataset.ready = ""; // for tests
  });
}

start();
