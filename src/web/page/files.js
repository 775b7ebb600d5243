// Files that are chosen or dropped, with their paths: [{ path, file }]. Folders among them are read to the end.

const MOST_FILES = 20000; // as many as a tab can hold decoded; of more, one more is listed

const isHidden = (name) => name.startsWith(".") || name === "Thumbs.db";

// Without a folder that holds everything: its name says nothing about any of the pictures.
function withoutCommonFolder(files) {
  const [first] = files, end = first ? first.path.indexOf("/") + 1 : 0;
  const folder = end ? first.path.slice(0, end) : "";
  if (!folder || !files.every(({ path }) => path.startsWith(folder))) return files;
  return files.map(({ path, file }) => ({ path: path.slice(end), file }));
}

async function readEntry(entry, folder, files) {
  if (isHidden(entry.name) || files.length > MOST_FILES) return;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    files.push({ path: folder + entry.name, file });
    return;
  }
  const reader = entry.createReader();
  // A reader gives a hundred entries or so at a time, and none at the end.
  for (;;) {
    const entries = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!entries.length) return;
    for (const inner of entries) await readEntry(inner, `${folder}${entry.name}/`, files);
  }
}

async function droppedFiles({ items, files: plain }) {
  // Entries are only there while the event is handled: all of them are taken before the first is read.
  const entries = [...items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean), files = [];
  if (!entries.length) return [...plain].map((file) => ({ path: file.name, file }));
  for (const entry of entries) await readEntry(entry, "", files);
  return withoutCommonFolder(files);
}

function chosenFiles(input) {
  const files = [...input.files].map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  const visible = files.filter(({ path }) => !path.split("/").some(isHidden)).slice(0, MOST_FILES + 1);
  return withoutCommonFolder(visible);
}

// Wires the place `zone`, its buttons and its inputs; `onFiles` is given what comes. Where there is nothing to do with
// files yet, its buttons are disabled, and nothing can be dropped.
function createDropZone(zone, problems, onFiles) {
  let taken = 0;
  const take = (find) => attempt(problems, async () => {
    taken += 1;
    const own = taken;
    zone.setAttribute("aria-busy", "true");
    const files = await Promise.resolve(find()).finally(() => own === taken && zone.removeAttribute("aria-busy"));
    if (own !== taken) return; // others were chosen while a large folder was listed
    if (!files.length) throw new Error("There is no file in it.");
    if (!isReady()) throw new Error("The page is at work by now. Choose these files again when it has ended.");
    await onFiles(files);
  });
  const isReady = () => [...zone.querySelectorAll("button")].some((button) => !button.matches(":disabled"));
  for (const button of zone.querySelectorAll("[data-choose]")) {
    const input = byId(button.dataset.choose);
    button.addEventListener("click", () => input.click());
    input.addEventListener("change", () => {
      const files = chosenFiles(input);
      // So that the same file can be chosen again, after it has changed.
      input.value = "";
      if (files.length) take(() => files);
    });
  }
  let depth = 0; // elements of the zone that the pointer has entered and not left
  const light = (change) => {
    depth = Math.max(0, depth + change);
    zone.classList.toggle("over", depth > 0 && isReady());
  };
  zone.addEventListener("dragenter", () => light(1));
  zone.addEventListener("dragleave", () => light(-1));
  zone.addEventListener("drop", (event) => {
    light(-depth);
    if (isReady()) take(() => droppedFiles(event.dataTransfer));
  });
}

// A file that misses its place must not replace the page.
function keepFilesOffPage() {
  for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
}
