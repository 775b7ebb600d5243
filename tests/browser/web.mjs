// The page for browsers in headless Chromium, on its software WebGPU: node web.mjs TRAINER SCREENSHOTS SITE REFERENCE
//
// SITE is the folder that .ci/web/build makes, REFERENCE that of other libraries' values. What the page computes is held
// against those values, and against the native program on the same pictures.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { gunzipSync } from "node:zlib";
import { browser, open, step } from "./browser.mjs";

const [, , trainer, screenshots, site, reference] = process.argv;
const home = mkdtempSync(join(tmpdir(), "trainer-web-"));
// After a failure, too, which ends the process.
process.on("exit", () => rmSync(home, { recursive: true, force: true }));
const run = (...words) => execFileSync(trainer, words, { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"] });
const read = (name) => JSON.parse(readFileSync(join(reference, `${name}.json`), "utf8")).cases;

// As in tests/it/ssim.
const SCORE_TOLERANCE = 2e-6;
const GRADIENT_TOLERANCE = 1e-3;
// Of an epoch's losses and scores, and of what a model makes of a picture, between browser and program.
const SAME = 1e-4;
const MINUTES = 60_000;

// Any static host, below a path of its own.
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".wasm": "application/wasm" };
const server = createServer((request, response) => {
  const name = new URL(request.url, "http://host").pathname.replace(/^\/below\/a\/path\//, "") || "index.html";
  const file = join(site, name);
  if (name.includes("/") || !existsSync(file)) return response.writeHead(404).end();
  response.writeHead(200, { "Content-Type": TYPES[extname(name)] ?? "application/octet-stream" });
  createReadStream(file).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const address = `http://127.0.0.1:${server.address().port}/below/a/path/`;

async function until(page, what, check, limit = 10 * MINUTES) {
  for (const end = Date.now() + limit; Date.now() < end; await page.waitForTimeout(200)) {
    if (await page.evaluate(check)) return;
    const problems = await page.$$eval(".problems li, #lost:not([hidden]) p", (all) => all.map((one) => one.textContent));
    assert.deepEqual(problems, [], what);
  }
  assert.fail(`${what}: not within ${limit / MINUTES} minutes`);
}
async function start(query = "", options = {}) {
  const opened = await open(address + query, { selector: 'html[data-state="ready"]', ...options });
  return opened;
}
const near = (found, expected, tolerance, what) => {
  assert.ok(Math.abs(found - expected) <= tolerance, `${what}: ${found}, not ${expected}`);
};

// Pictures of Fashion-MNIST as files, in a folder for each class: Netpbm is written in a line.
function pictures(count) {
  const folder = join(home, `pictures-${count}`);
  const [images, labels] = ["images", "labels"].map((name) => gunzipSync(readFileSync(join(site, `fashion-mnist-${name}.gz`))));
  for (let place = 0; place < count; place += 1) {
    const at = join(folder, ["t-shirt", "trouser"][labels[8 + place]]);
    mkdirSync(at, { recursive: true });
    const pixels = images.subarray(16 + 784 * place, 16 + 784 * (place + 1));
    writeFileSync(join(at, `${String(place).padStart(4, "0")}.pgm`), Buffer.concat([Buffer.from("P5 28 28 255\n"), pixels]));
  }
  return folder;
}

await step("SSIM and its gradients are those of other libraries, in each preset, on WebGPU", async () => {
  const { page, wrong, close } = await start();
  const similarities = (pairs) => page.evaluate(async (pairs) => {
    const { default: init, start, ssim } = await import("./trainer.js");
    await init();
    if (!window.started) window.started = await start("wgpu");
    const found = [];
    for (const { x, y, pair } of pairs) {
      const { score, gradients } = await ssim(Float32Array.from(x), Float32Array.from(y), JSON.stringify(pair));
      found.push({ score, gradients: Array.from(gradients) });
    }
    return found;
  }, pairs);
  const request = ({ channels, height, width, scale, x, y }, pair) => {
    const values = (levels) => levels.map((level) => Math.fround(level / scale));
    return { x: values(x), y: values(y), pair: { size: [channels, height, width], ...pair } };
  };
  const check = async (cases, preset, expected, more = {}) => {
    const found = await similarities(cases.map((one) => request(one, { preset, ...more })));
    found.forEach(({ score }, place) => near(score, expected(cases[place]), SCORE_TOLERANCE, `${preset}, ${cases[place].name}`));
    return found;
  };
  let compared = 0;
  for (const preset of ["tf", "skimage", "skimage-gaussian", "torchmetrics", "same"]) {
    const cases = read("ssim_cases").filter(({ scores }) => preset in scores);
    compared += (await check(cases, preset, ({ scores }) => scores[preset])).length;
  }
  compared += (await check(read("ms_ssim_cases"), "tf", ({ score }) => score, { multi_scale: true })).length;
  assert.ok(compared > 200, `${compared} values`);
  for (const [preset, border] of [["tf", "valid"], ["torchmetrics", "reflect"], ["same", "zero"]]) {
    const cases = read("ssim_gradients");
    const found = await similarities(cases.map((one) => request(one, { preset, gradients: true })));
    cases.forEach(({ name, gradients }, place) => {
      const expected = [...gradients[border].grad_x, ...gradients[border].grad_y], half = expected.length / 2;
      for (const part of [0, 1]) {
        const own = expected.slice(part * half, (part + 1) * half);
        const largest = Math.max(...own.map(Math.abs));
        const off = own.map((value, index) => Math.abs(value - found[place].gradients[part * half + index]));
        assert.ok(Math.max(...off) < GRADIENT_TOLERANCE * largest, `${border}, ${name}`);
      }
    });
  }
  assert.match(await page.evaluate(() => window.started), /"backend":"wgpu"/);
  assert.deepEqual(wrong, []);
  await close();
});

// Trains in the page, and natively on `backend` with the same settings.
async function trainBoth(page, folder, backend, settings) {
  const { arch, latentDim, epochs, loss, refine = 0 } = settings;
  await page.check("#source-own");
  await page.setInputFiles("#own-folder", folder);
  await page.selectOption("#arch", arch);
  await page.selectOption("#loss", loss);
  await page.fill("#latent-dim", String(latentDim));
  await page.fill("#epochs", String(epochs));
  await page.fill("#refine", String(refine));
  await page.click("#start");
  await until(page, "training", () => document.documentElement.dataset.state === "trained");
  const runs = join(home, `runs-${arch}`);
  run("--backend", backend, "--data", folder, "--arch", arch, "--latent-dim", String(latentDim), "--loss", loss,
    "--epochs", String(epochs), "--refine", String(refine), "--runs", runs, "--quiet", "--no-cache");
  const [name] = readdirSync(runs).filter((name) => name.endsWith(`-z${latentDim}`));
  const [head, ...rows] = readFileSync(join(runs, name, "metrics.csv"), "utf8").trim().split("\n").map((row) => row.split(","));
  const natively = rows.map((row) => Object.fromEntries(row.map((value, place) => [head[place], Number(value)])));
  const here = await page.evaluate(() => results.epochs);
  return { here, natively, run: join(runs, name) };
}
const METRICS = ["train_loss", "validation_loss", "validation_ssim", "validation_mse"];

await step("a run in the page is the run of the program, and its model too", async () => {
  const { page, wrong, close } = await start();
  assert.equal(await page.getAttribute("html", "data-backend"), "wgpu", "no fallback");
  assert.match(await page.innerText("#device"), /swiftshader.*WebGPU/);
  await page.screenshot({ path: join(screenshots, "web-start.png"), fullPage: true });
  const folder = pictures(500);
  const { here, natively, run: native } = await trainBoth(page, folder, "wgpu", { arch: "baseline", latentDim: 16, epochs: 2, loss: "ssim+mse" });
  assert.equal(here.length, 2);
  for (const metric of METRICS) near(here[0][metric], natively[0][metric], SAME, `${metric} of the first epoch`);
  await page.screenshot({ path: join(screenshots, "web-trained.png"), fullPage: true });

  // Its file, opened by the program.
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  const file = join(home, "model.safetensors");
  await download.saveAs(file);
  const told = JSON.parse(run("info", file, "--json"));
  assert.equal(told.latent_dim, 16);
  await examineBoth(page, file, folder, async () => page.click("#use-trained"));
  // And the program's, opened here.
  const made = join(native, "checkpoints", "best.safetensors");
  await examineBoth(page, made, folder, async () => page.setInputFiles("#model-file", made));
  await until(page, "directions", () => !document.getElementById("directions").hidden);
  await page.locator("#direction-1").fill("2");
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(screenshots, "web-model.png"), fullPage: true });
  assert.deepEqual(wrong, []);
  await close();
});

// What a model makes of two pictures, here and natively.
async function examineBoth(page, model, folder, openHere) {
  const names = ["t-shirt", "trouser"].map((name) => join(folder, name, readdirSync(join(folder, name))[3]));
  const out = join(home, "restored");
  rmSync(out, { recursive: true, force: true });
  run("reconstruct", model, ...names, "-o", out, "--backend", "flex", "--quiet");
  const [head, ...rows] = readFileSync(join(out, "scores.csv"), "utf8").trim().split("\n").map((row) => row.split(","));
  await page.evaluate(() => { results.model = results.examined = null; });
  await openHere();
  await until(page, "opening", () => results.model);
  await page.setInputFiles("#look-files", names);
  await until(page, "restoring", () => results.examined);
  const examined = await page.evaluate(() => results.examined);
  assert.equal(examined.length, rows.length);
  rows.forEach((row, place) => {
    for (const metric of ["ssim", "mse"]) {
      near(examined[place][metric], Number(row[head.indexOf(metric)]), SAME, `${metric} of ${names[place]}`);
    }
  });
}

// Each step of refinement carries the rounding of the one before: after 8, CPU and GPU of the program agree to 2e-7, after
// the usual 20, its two CPU backends to 2e-4 only.
await step("codes that are refined come out the same", async () => {
  const { page, wrong, close } = await start();
  const settings = { arch: "linear", latentDim: 4, epochs: 1, loss: "ssim+psnr", refine: 8 };
  const { here, natively } = await trainBoth(page, pictures(60), "flex", settings);
  for (const metric of METRICS) near(here[0][metric], natively[0][metric], SAME, metric);
  assert.deepEqual(wrong, []);
  await close();
});

await step("without WebGPU it computes on the CPU, pauses, goes on and finishes early", async () => {
  const { page, wrong, close } = await start("?backend=flex", { colorScheme: "dark" });
  assert.equal(await page.getAttribute("html", "data-backend"), "flex");
  await page.selectOption("#arch", "baseline");
  await page.fill("#latent-dim", "8");
  await page.fill("#epochs", "500");
  await page.click("#start");
  await until(page, "an epoch", () => results.epochs.length > 0);
  await page.click("#pause");
  await until(page, "a pause", () => document.documentElement.dataset.state === "paused");
  await page.waitForTimeout(1000);
  const paused = await page.evaluate(() => results.epochs.length);
  await page.waitForTimeout(3000);
  assert.equal(await page.evaluate(() => results.epochs.length), paused);
  await page.click("#pause");
  await until(page, "more epochs", `results.epochs.length > ${paused}`);
  await page.click("#finish");
  await until(page, "the end", () => document.documentElement.dataset.state === "trained");
  assert.equal(await page.evaluate(() => results.summary.state), "interrupted");
  await page.click("#use-trained");
  await page.click("#look-clothes");
  await until(page, "twelve pictures", () => results.examined?.length === 12);
  await page.waitForTimeout(1000);
  await page.screenshot({ path: join(screenshots, "web-dark.png"), fullPage: true });
  assert.deepEqual(wrong, []);
  await close();
});

await step("wrong files are said, and a phone has room for all", async () => {
  const { page, wrong, close } = await start("?backend=flex", { viewport: { width: 390, height: 844 }, isMobile: true });
  const bad = join(home, "bad.safetensors");
  writeFileSync(bad, "nonsense");
  await page.setInputFiles("#model-file", bad);
  await page.waitForSelector("#model-problems li");
  assert.match(await page.innerText("#model-problems"), /safetensors|model/);
  await page.check("#source-own");
  await page.setInputFiles("#own-files", [bad]);
  await page.waitForSelector("#train-problems li");
  // A few good ones among others: what is left out is told, and that they are too few.
  const few = readdirSync(join(pictures(60), "t-shirt")).slice(0, 5).map((name) => join(pictures(60), "t-shirt", name));
  const other = join(home, "notes.txt");
  writeFileSync(other, "not a picture");
  await page.setInputFiles("#own-files", [...few, other]);
  await page.waitForFunction(() => document.getElementById("pictures-facts").textContent.includes("left out"));
  assert.match(await page.innerText("#pictures-facts"), /5 pictures, .*left out: 1 \.txt/);
  await page.click("#start");
  await page.waitForSelector("#train-problems li");
  assert.match(await page.innerText("#train-problems"), /too few/);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "no sideways scrolling");
  await page.screenshot({ path: join(screenshots, "web-phone.png"), fullPage: true });
  assert.deepEqual(wrong, []);
  await close();
});

await browser.close();
server.close();
