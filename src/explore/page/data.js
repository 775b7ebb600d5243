// What the page shows, as the program wrote it (see page.rs).

const data = JSON.parse(byId("data").textContent);

// Base64 → Float32Array; bytes are little-endian, as they are on all computers that have browsers.
function floats(text) {
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  return new Float32Array(bytes.buffer);
}

const fileName = (path) => path.slice(path.lastIndexOf("/") + 1);
const className = (place) => (data.label[place] == null ? null : data.classes[data.label[place]]);
