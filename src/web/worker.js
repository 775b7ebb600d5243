// The worker: computes what the page asks for, so that the tab never waits.
//
//   page → worker   { id, name, args }: a request of `serve`, with its arguments
//   worker → page   { id, value } or { id, error, isFatal }; before it, { id, report: { json, bytes } } any number of times;
//                   { crash }, why the worker computes no more
//
// Pictures are bytes, [n, C, H, W]; codes are Float32Arrays, [n, latent_dim]; models are numbers.
import init, * as trainer from "./trainer.js";

const CLOTHES = { images: "fashion-mnist-images.gz", labels: "fashion-mnist-labels.gz" };

const MOST_BYTES = 1e9; // of files, which are all in memory before the first is decoded
const BACKGROUND = "white"; // of pictures that are transparent somewhere
const gigabytes = (bytes) => `${(bytes / 1e9).toFixed(1)} GB`;

// Memory of the module is freed by hand: its wrappers are small, so that they are collected late. Nothing is freed
// while a request uses it.
const uses = new Map(), unwanted = new Set(); // wrapper → requests that use it; those to free after their last use

function discard(wrapper) {
  if (uses.has(wrapper)) unwanted.add(wrapper);
  else wrapper.free();
}

// What `work` makes of the wrapper, which may take time.
async function using(wrapper, work) {
  uses.set(wrapper, (uses.get(wrapper) ?? 0) + 1);
  try {
    return await work(wrapper);
  } catch (error) {
    // A trap leaves nothing in the module that could be called.
    if (error instanceof WebAssembly.RuntimeError) unwanted.clear();
    throw error;
  } finally {
    const left = uses.get(wrapper) - 1;
    if (left) uses.set(wrapper, left);
    else {
      uses.delete(wrapper);
      if (unwanted.delete(wrapper)) wrapper.free();
    }
  }
}

const sources = {}; // "clothes" and "own": trainer.Pictures to train on
const models = new Map();
let modelsMade = 0;

function keepModel(model) {
  modelsMade += 1;
  models.set(modelsMade, model);
  return { model: modelsMade, info: JSON.parse(model.info()) };
}

function modelOf(number) {
  const model = models.get(number);
  if (!model) throw new Error("The model isn’t open yet. Try again in a moment.");
  return model;
}

// What browsers tell of a graphics card that has no description: its maker and generation.
async function adapterName() {
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return [adapter?.info?.vendor, adapter?.info?.architecture].filter(Boolean).join(" ");
}

async function fetchBytes(name) {
  const answer = await fetch(new URL(name, import.meta.url)).catch(() => null);
  if (!answer?.ok) throw new Error(`${name} can’t be loaded${answer ? ` (${answer.status})` : ""}: are you online?`);
  return new Uint8Array(await answer.arrayBuffer());
}

async function readBytes(file) {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new Error("it can’t be read: it may have been moved or changed");
  }
}

// Gives the bytes of each file to `use`. Returns those that can't be read or used, with the reason.
async function forEachFile(files, use) {
  const skipped = [];
  for (const { path, file } of files) {
    try {
      use(path, await readBytes(file));
    } catch (error) {
      // A trap leaves nothing that could be relied on for the next file.
      if (error instanceof WebAssembly.RuntimeError) throw error;
      skipped.push({ path, reason: error.message });
    }
  }
  return skipped;
}

async function clothes() {
  if (!sources.clothes) {
    const [images, labels] = await Promise.all([fetchBytes(CLOTHES.images), fetchBytes(CLOTHES.labels)]);
    sources.clothes = trainer.Pictures.idx(images, labels);
  }
  return sources.clothes;
}

function keepOwn(pictures) {
  if (sources.own) discard(sources.own);
  sources.own = pictures;
}

function describe(pictures, sample, unread = []) {
  const description = JSON.parse(pictures.describe());
  description.skipped = [...unread, ...description.skipped];
  return { description, images: pictures.sample(sample) };
}

// Prepares files for a model, one after another.
async function prepare(model, files) {
  const prepared = [], names = [];
  const skipped = await forEachFile(files, (path, bytes) => {
    prepared.push(model.prepare(bytes));
    names.push(path);
  });
  const images = new Uint8Array(prepared.reduce((total, { length }) => total + length, 0));
  let end = 0;
  for (const one of prepared) {
    images.set(one, end);
    end += one.length;
  }
  return { images, names, skipped };
}

async function look(model, files, wanted) {
  const found = wanted
    ? { images: (await clothes()).sample(wanted), skipped: [] }
    : await prepare(model, files);
  const { channels, height, width } = JSON.parse(model.info()).image;
  found.names ??= Array.from({ length: found.images.length / (channels * height * width) }, (_, place) => `picture ${place + 1}`);
  if (!found.names.length) return { ...found, scores: [] };
  const seen = await model.examine(found.images);
  const { codes, restored, maps, scores } = seen;
  seen.free();
  return { ...found, codes, restored, maps, scores: JSON.parse(scores) };
}

const serve = {
  // kind: "wgpu" or "flex". Returns { backend, adapter, software }.
  async start({ kind }) {
    await init();
    const started = JSON.parse(await trainer.start(kind));
    return { ...started, adapter: started.adapter || (await adapterName()) };
  },
  choices: () => JSON.parse(trainer.choices()),

  // Pictures to train on: both return { description, images: a sample of them }.
  clothes: async ({ sample }) => describe(await clothes(), sample),
  async own({ options, files, sample }) {
    keepOwn(undefined); // before there are others: there may not be room for both
    const total = files.reduce((sum, { file }) => sum + file.size, 0);
    if (total > MOST_BYTES) throw new Error(`These files have ${gigabytes(total)}, and a tab has room for ${gigabytes(MOST_BYTES)}: choose fewer, or make them smaller.`);
    const pictures = new trainer.Pictures(JSON.stringify({ ...options, fit: "crop", background: BACKGROUND }));
    const unread = await forEachFile(files, (path, bytes) => pictures.add(path, bytes));
    pictures.finish();
    keepOwn(pictures);
    return describe(pictures, sample, unread);
  },

  // Returns { summary, model, info, file }, the last of them the bytes of the model file.
  async train({ source, settings }, report) {
    const train = (pictures) => trainer.train(pictures, JSON.stringify(settings), report);
    const trained = await using(sources[source], train);
    const model = trained.model(), summary = JSON.parse(trained.summary());
    trained.free();
    return { summary, ...keepModel(model), file: await model.file() };
  },
  pause: () => trainer.pause(),
  resume: () => trainer.resume(),
  finish: () => trainer.finish(),

  open: ({ bytes }) => keepModel(trainer.Model.open(bytes)),
  close({ model: number }) {
    const model = models.get(number);
    models.delete(number);
    if (model) discard(model);
  },
  // Takes `files`, or as many as `clothes` of the clothes. Returns { names, skipped, images, restored, maps, codes, scores }.
  look: ({ model, files, clothes: wanted }) => using(modelOf(model), (open) => look(open, files, wanted)),
  decode: ({ model, codes }) => using(modelOf(model), (open) => open.decode(codes)),
  // Decodes codes along the principal directions: `places` are lists of amounts.
  walk: ({ model: number, places }) => using(modelOf(number), async (model) => {
    const found = places.map((amounts) => model.along(Float32Array.from(amounts)));
    const codes = new Float32Array(found.length * found[0].length);
    found.forEach((code, row) => codes.set(code, row * code.length));
    return model.decode(codes);
  }),
};

// Sends a message; arrays in `value` that own their memory are handed over rather than copied.
function send(message, value) {
  const arrays = ArrayBuffer.isView(value) ? [value] : Object.values(value ?? {}).filter(ArrayBuffer.isView);
  const owned = arrays.filter(({ buffer, byteLength }) => buffer.byteLength === byteLength);
  postMessage(message, [...new Set(owned.map(({ buffer }) => buffer))]);
}

// A trap in work that nothing here waits for.
addEventListener("error", (event) => {
  event.preventDefault();
  postMessage({ crash: self.panicked || event.message });
});

addEventListener("message", async ({ data: { id, name, args } }) => {
  const report = (json, bytes) => {
    const told = { json, bytes: bytes ?? null };
    send({ id, report: told }, told);
  };
  try {
    const value = await serve[name](args, report);
    send({ id, value }, value);
  } catch (error) {
    // After a trap, nothing in the module can be relied on.
    const isFatal = error instanceof WebAssembly.RuntimeError;
    postMessage({ id, error: String((isFatal && self.panicked) || (error?.message ?? error)), isFatal });
  }
});
