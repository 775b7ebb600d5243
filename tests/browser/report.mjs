// The report and the live page in headless Chromium: node report.mjs TRAINER SCREENSHOTS
//
// Makes its own small runs, and fails at the first thing that isn't as it should be.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browser, open, step } from "./browser.mjs";

const [, , trainer, screenshots] = process.argv;
const home = mkdtempSync(join(tmpdir(), "trainer-browser-"));
const runs = join(home, "runs");
const small = ["--backend", "flex", "--limit", "200", "--quiet"];
const train = (...more) => execFileSync(trainer, [...small, "--runs", runs, ...more]);
let server;

// A copy of the report `file` whose runs `change` has altered: what data sets of other kinds lead to.
function alter(file, name, change) {
  const [, before, json, after] = /^(.*<script id="data" type="application\/json">)(.*?)(<\/script>.*)$/s.exec(readFileSync(file, "utf8"));
  const data = JSON.parse(json);
  for (const run of data.runs) change(run);
  const copy = join(home, name);
  writeFileSync(copy, before + JSON.stringify(data).replaceAll("<", "\\u003c") + after);
  return pathToFileURL(copy).href;
}
// A sheet of thumbnails, each of one colour: red for its place, of which `columns` stand in a row.
const makeSheet = (page, tiles, columns, width, height) => page.evaluate(([tiles, columns, width, height]) => {
  const sheet = document.createElement("canvas"), brush = sheet.getContext("2d");
  sheet.width = Math.min(tiles, columns) * width;
  sheet.height = Math.ceil(tiles / columns) * height;
  for (let tile = 0; tile < tiles; tile += 1) {
    brush.fillStyle = `rgb(${tile}, 100, 200)`;
    brush.fillRect((tile % columns) * width, Math.floor(tile / columns) * height, width, height);
  }
  return sheet.toDataURL();
}, [tiles, columns, width, height]);
// The thumbnail's size, in its own pixels and on the page, and the colours of its first and last pixel.
const thumbnail = (page) => page.locator("#thumbnail").evaluate((canvas) => {
  const { width, height } = canvas, brush = canvas.getContext("2d");
  const pixel = (x, y) => [...brush.getImageData(x, y, 1, 1).data];
  return { size: [width, height], shown: [canvas.clientWidth, canvas.clientHeight], pixels: [pixel(0, 0), pixel(width - 1, height - 1)] };
});

try {
  train("--epochs", "5", "--name", "first");
  train("--epochs", "2", "--name", "second", "--loss", "0.8*ssim+0.2*l1");
  const [first] = readdirSync(runs).filter((name) => name.endsWith("_first"));
  writeFileSync(join(runs, readdirSync(runs).find((name) => name.endsWith("_second")), "summary.json"), "{");
  const file = execFileSync(trainer, ["report", "--all", "--runs", runs], { encoding: "utf8" }).trim();
  const url = pathToFileURL(file).href;
  const { page, wrong, waited, close } = await open(url);
  console.log(`    ${statSync(file).size} bytes, ready after ${waited} ms`);
  const text = (selector) => page.locator(selector).innerText();

  await step("the leaderboard lists the runs, the damaged one with what is wrong", async () => {
    assert.equal(await page.locator("tbody tr").count(), 2);
    assert.match(await text(".problems"), /summary\.json/);
    await page.locator("tbody button", { hasText: "first" }).click();
    assert.match(await text("#run-name"), /_first$/);
    assert.match(await text(".lead"), /PCA with 128 components/);
  });

  await step("a click on a heading sorts, and again turns the order round", async () => {
    const names = () => page.locator("tbody button").evaluateAll((buttons) => buttons.map((button) => button.firstChild.textContent));
    await page.locator("th button", { hasText: "Run" }).click();
    assert.deepEqual(await names(), ["first", "second"]);
    await page.keyboard.press("Enter");
    assert.deepEqual(await names(), ["second", "first"]);
    assert.equal(await page.locator("th[aria-sort=descending]").innerText(), "Run");
  });

  await step("curves tell their values under the pointer and by keyboard", async () => {
    const plot = page.locator("#loss-chart svg.plot"), readout = "#loss-chart .readout";
    await plot.scrollIntoViewIfNeeded();
    const box = await plot.boundingBox();
    await page.mouse.move(box.x + 60, box.y + 100);
    assert.match(await text(readout), /^Epoch 1: training [\d.]+, validation [\d.]+$/);
    await page.mouse.move(box.x + box.width - 20, box.y + 100);
    assert.match(await text(readout), /^Epoch 5:/);
    const ssim = page.locator("#ssim-chart svg.plot");
    await ssim.focus();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowRight");
    assert.match(await ssim.getAttribute("aria-valuetext"), /^Epoch 2: SSIM \.\d{4}$/);
  });

  await step("the slider goes through the epochs by keyboard", async () => {
    await page.locator("#epoch").focus();
    assert.equal(await text("#epoch-value"), "5");
    const last = await page.locator("#epoch-picture").getAttribute("src");
    await page.keyboard.press("ArrowLeft");
    assert.equal(await text("#epoch-value"), "4");
    const other = await page.locator("#epoch-picture").getAttribute("src");
    assert.notEqual(other, last);
    assert.ok(await page.locator("#epoch-picture").evaluate((image) => image.decode().then(() => image.naturalWidth)) > 1000);
  });

  await step("the scatter shows the image under the pointer and the focus", async () => {
    const plane = page.locator("#plane"), pictured = () => page.locator("#thumbnail").evaluate((canvas) => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some((value, at) => at % 4 !== 3 && value > 0));
    await plane.focus();
    await page.keyboard.press("ArrowRight");
    assert.match(await text("#pointed-text"), /SSIM [.\d]+/);
    assert.ok(await pictured(), "a thumbnail");
    const before = await text("#pointed-text");
    await page.keyboard.press("ArrowRight");
    assert.notEqual(await text("#pointed-text"), before);
    assert.equal(await page.locator("#classes button").count(), 2);
  });

  await step("a picture fits the page, and opens at its own size", async () => {
    const fits = (selector) => page.locator(selector).evaluate((image) => image.clientWidth <= document.body.clientWidth);
    assert.ok(await fits("#epoch-picture"));
    await page.locator(".picture button").first().click();
    assert.ok(await page.locator("#viewer").isVisible());
    const { shown, natural } = await page.locator("#viewer-picture").evaluate(async (image) => {
      await image.decode();
      return { shown: image.clientWidth, natural: image.naturalWidth };
    });
    assert.equal(shown, natural);
    await page.keyboard.press("Escape");
    assert.ok(!(await page.locator("#viewer").isVisible()));
  });

  await step("the theme follows the system and the button", async () => {
    const paper = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const light = await paper();
    await page.emulateMedia({ colorScheme: "dark" });
    const dark = await paper();
    assert.notEqual(dark, light);
    await page.locator("#theme").click();
    assert.equal(await paper(), light);
    await page.emulateMedia({ colorScheme: "light" });
  });

  await step("every control can be reached by keyboard and shows it", async () => {
    const reached = new Set();
    await page.evaluate(() => { document.querySelector(".skip").focus(); });
    for (let press = 0; press < 60; press += 1) {
      await page.keyboard.press("Tab");
      const now = await page.evaluate(() => { const at = document.activeElement; return [at.id || at.dataset.key || at.dataset.run || at.parentNode.parentNode.id || at.tagName, getComputedStyle(at).outlineStyle]; });
      if (now[0] === "BODY") break;
      reached.add(now[0]);
      assert.notEqual(now[1], "none", `${now[0]} shows its focus`);
    }
    for (const control of ["theme", "name", "started", "epoch", "plane", "loss-chart", "ssim-chart", "histogram"]) assert.ok(reached.has(control), `${control} in ${[...reached]}`);
  });

  // In rows of 7, and all in one row that isn't full.
  for (const columns of [7, 1000]) await step(`images without classes and of another size are shown, ${columns} a row`, async () => {
    const [width, height] = [40, 24], tiles = 15, sheet = await makeSheet(page, tiles, columns, width, height);
    const other = await open(alter(file, "unlabelled.html", ({ images }) => {
      if (!images) return;
      assert.ok(images.tile.length >= tiles);
      images.label.fill(null);
      images.classes = {};
      images.index = images.index.map((_, place) => place);
      images.tile = images.tile.map((_, place) => (place < tiles ? place : null));
      Object.assign(images, { columns, thumbnails: sheet });
    }));
    await other.page.locator("tbody button", { hasText: "first" }).click();
    assert.ok(!(await other.page.locator("#class-scores").isVisible()));
    assert.ok(!(await other.page.locator("#classes").isVisible()));
    assert.ok(await other.page.locator("#histogram").isVisible());
    await other.page.waitForFunction((width) => document.getElementById("thumbnail").width === width, width);
    await other.page.locator("#plane").focus();
    const seen = new Set();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft", "ArrowDown", "ArrowUp"]) {
      await other.page.keyboard.press(key);
      const text = await other.page.locator("#pointed-text").textContent();
      const told = /^SSIM −?\.\d{4}\nPSNR [\d.]+ dB\nimage (\d+)(?:\n.+)?$/.exec(text);
      assert.ok(told, text);
      seen.add(told[1]);
      const colour = [Number(told[1]), 100, 200, 255];
      assert.deepEqual(await thumbnail(other.page), { size: [width, height], shown: [3 * width, 3 * height], pixels: [colour, colour] });
    }
    assert.ok(seen.size > 1, "the arrow keys move");
    assert.deepEqual(other.wrong, []);
    await other.page.screenshot({ path: join(screenshots, "unlabelled.png"), fullPage: true });
    await other.close();
  });

  await step("of many classes the largest are listed", async () => {
    const other = await open(alter(file, "classes.html", ({ images }) => {
      if (!images) return;
      images.classes = Object.fromEntries(Array.from({ length: 300 }, (_, label) => [label, `class ${label}`]));
      images.label = images.label.map((_, place) => (place === 0 ? 3 : place % 2 ? 250 : 299));
    }));
    await other.page.locator("tbody button", { hasText: "first" }).click();
    const names = await other.page.locator("#classes button").allInnerTexts();
    assert.equal(names.length, 60);
    for (const name of ["class 3", "class 250", "class 299"]) assert.ok(names.includes(name), `${name} in ${names}`);
    assert.match(await other.page.locator("#classes").innerText(), /and 240 more classes$/);
    assert.equal(await other.page.locator("#bars .name").count(), 60);
    // Hidden, a class is pointed at no more.
    for (const name of ["class 250", "class 299"]) await other.page.locator("#classes button", { hasText: name }).click();
    await other.page.locator("#plane").focus();
    await other.page.keyboard.press("ArrowRight");
    assert.match(await other.page.locator("#pointed-text").innerText(), /^class 3\n/);
    assert.deepEqual(other.wrong, []);
    await other.close();
  });

  await step("runs with packed codes are points by bytes and SSIM, of which a click or Enter shows one", async () => {
    assert.ok(!(await page.locator("#rates").isVisible()), "no chart without such runs");
    const packed = join(home, "packed"), model = ["--arch", "baseline", "--latent-dim", "8", "--epochs", "4", "--runs", packed];
    for (const rate of ["0.0005", "0.05"]) execFileSync(trainer, [...small, ...model, "--rate", rate, "--name", `rate-${rate}`]);
    execFileSync(trainer, [...small, ...model, "--name", "plain"]);
    const file = execFileSync(trainer, ["report", "--all", "--runs", packed], { encoding: "utf8" }).trim();
    const other = await open(pathToFileURL(file).href);
    const plot = other.page.locator("#rates svg.plot"), points = plot.locator(".point-fill");
    const text = (selector) => other.page.locator(selector).innerText();
    await other.page.locator("tbody button", { hasText: "plain" }).click();
    assert.equal(await points.count(), 2);
    assert.equal(await plot.locator(".best").count(), 0);
    await plot.scrollIntoViewIfNeeded();
    const told = [];
    for (const place of [0, 1]) {
      const { x, y, width, height } = await points.nth(place).boundingBox();
      await other.page.mouse.click(x + width / 2, y + height / 2);
      const [, name, bytes, ssim] = /^(rate-[\d.]+): ([\d.]+) bytes an image, SSIM (−?\.\d{4})$/.exec(await text("#rates .readout"));
      told.push(Number(bytes));
      assert.ok((await text("#run-name")).endsWith(name));
      assert.ok((await text("tbody tr.selected")).includes(ssim));
      assert.equal(await plot.locator(".best").count(), 1);
    }
    assert.ok(told[0] <= told[1], `${told} from the left`);
    const right = await text("#run-name");
    await other.page.mouse.move(0, 0);
    await plot.focus();
    await other.page.keyboard.press("ArrowLeft");
    assert.equal(await text("#run-name"), right);
    await other.page.keyboard.press("Enter");
    assert.notEqual(await text("#run-name"), right);
    assert.match(await plot.getAttribute("aria-valuetext"), /bytes an image/);
    assert.deepEqual(other.wrong, []);
    await other.page.screenshot({ path: join(screenshots, "rates.png"), fullPage: true });
    await other.close();
  });

  await step("no console error, and nothing asked for beyond the page", async () => assert.deepEqual(wrong, []));
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(screenshots, "light.png"), fullPage: true });
  await page.emulateMedia({ colorScheme: "dark", reducedMotion: "reduce" });
  await page.evaluate(() => { delete document.documentElement.dataset.theme; });
  await page.screenshot({ path: join(screenshots, "dark.png"), fullPage: true });
  await close();

  await step("a phone has no sideways scrolling", async () => {
    const phone = await open(url, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    await phone.page.locator("tbody button", { hasText: "first" }).tap();
    assert.equal(await phone.page.evaluate(() => document.documentElement.scrollWidth), 360);
    await phone.page.screenshot({ path: join(screenshots, "phone.png"), fullPage: true });
    assert.deepEqual(phone.wrong, []);
    await phone.close();
  });

  await step("the live page follows a run, and keeps the place, the slider and the run", async () => {
    server = spawn(trainer, ["serve", "--port", "0", "--runs", runs]);
    const address = await new Promise((resolve, reject) => {
      server.stdout.once("data", (bytes) => resolve(String(bytes).trim()));
      server.once("exit", () => reject(new Error("the server ended")));
    });
    const live = await open(address);
    await live.page.locator("tbody button", { hasText: "first" }).click();
    await live.page.locator("#epoch").focus();
    await live.page.keyboard.press("Home");
    await live.page.waitForFunction(() => document.getElementById("epoch-picture").naturalWidth > 1000);
    await live.page.waitForFunction(() => /SSIM|Point/.test(document.getElementById("pointed-text").textContent));
    await live.page.locator("#epoch").scrollIntoViewIfNeeded();
    // Where it is seen: a row more above moves the page, and nothing in view.
    const seen = () => live.page.locator("#epoch").evaluate((slider) => Math.round(slider.getBoundingClientRect().top));
    const place = await seen();
    // As if the run went on: another epoch's row and picture.
    const rows = readFileSync(join(runs, first, "metrics.csv"), "utf8").trimEnd().split("\n");
    writeFileSync(join(runs, first, "metrics.csv"), [...rows, rows.at(-1).replace(/^5,/, "6,")].join("\n") + "\n");
    writeFileSync(join(runs, first, "reconstructions", "epoch-0006.png"), readFileSync(join(runs, first, "reconstructions", "epoch-0005.png")));
    await live.page.waitForFunction(() => document.getElementById("epoch").max === "5", null, { timeout: 15000 });
    assert.equal(await live.page.locator("#epoch-value").innerText(), "1");
    assert.equal(await live.page.evaluate(() => document.activeElement.id), "epoch");
    assert.match(await live.page.locator("#run-name").innerText(), /_first$/);
    assert.ok(Math.abs(await seen() - place) <= 1, "the slider stays where it was");
    train("--epochs", "1", "--name", "third");
    await live.page.waitForFunction(() => document.querySelectorAll("tbody tr").length === 3, null, { timeout: 15000 });
    assert.match(await live.page.locator("#run-name").innerText(), /_first$/);
    assert.ok(Math.abs(await seen() - place) <= 1, "the slider stays where it was");
    assert.deepEqual(live.wrong, []);
    await live.close();
  });

  await step("Ctrl-C ends the server", async () => {
    const code = await new Promise((resolve) => {
      server.once("exit", resolve);
      server.kill("SIGINT");
    });
    assert.equal(code, 130);
    server = undefined;
  });
} finally {
  server?.kill();
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
