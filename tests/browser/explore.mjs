// The page of codes in headless Chromium: node explore.mjs TRAINER SCREENSHOTS
//
// Trains two small models, and fails at the first thing that isn't as it should be.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { browser, open, step } from "./browser.mjs";

const [, , trainer, screenshots] = process.argv;
const home = mkdtempSync(join(tmpdir(), "trainer-browser-"));
const run = (...words) => execFileSync(trainer, words, { encoding: "utf8" });

// A model of the embedded images, and its page of pictures that the first of them has made.
function made(name, ...settings) {
  const runs = join(home, name), file = join(home, `${name}.html`), pictures = join(home, "pictures");
  run("--backend", "flex", "--limit", "300", "--epochs", "2", "--quiet", "--runs", runs, ...settings);
  const [folder] = readdirSync(runs).filter((name) => name.endsWith("-z12"));
  const model = join(runs, folder);
  if (name === "linear") {
    run("decode", "--backend", "flex", model, codes(model), "-o", pictures, "--quiet");
  }
  run("explore", "--backend", "flex", model, pictures, "-o", file, "--quiet");
  return file;
}

// A table of 60 codes in two classes, along two lines.
function codes(model) {
  const file = join(home, "codes.csv"), { latent_dim: width } = JSON.parse(run("info", model, "--json"));
  const names = Array.from({ length: width }, (_, value) => `code_${value}`);
  const rows = Array.from({ length: 60 }, (_, row) => {
    const values = names.map((_, value) => (value === row % 2 ? 3 : 0) + Math.sin(row + value) * (value < 6 ? 2 : .1));
    const name = row % 2 ? "odd" : "even";
    return [row, `${name}/${String(row).padStart(2, "0")}.png`, name, ...values].join(",");
  });
  writeFileSync(file, [["row", "path", "class", ...names].join(","), ...rows].join("\n") + "\n");
  return file;
}

const dataOf = (file) => JSON.parse(/<script id="data" type="application\/json">(.*?)<\/script>/s.exec(readFileSync(file, "utf8"))[1]);
// The pixels of a canvas, one number each.
const pixels = (page, selector) => page.locator(selector).first().evaluate((canvas) => {
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({ length: data.length / 4 }, (_, pixel) => data[4 * pixel]);
});
const largestDifference = (a, b) => a.reduce((most, value, place) => Math.max(most, Math.abs(value - b[place])), 0);
// Moves a slider as a hand does.
const slide = (page, id, value) => page.locator(id).evaluate((input, value) => {
  input.value = value;
  input.dispatchEvent(new Event("input"));
}, value);

try {
  const linear = made("linear", "--latent-dim", "12");
  const url = pathToFileURL(linear).href;
  const { page, wrong, waited, close } = await open(url);
  console.log(`    ${statSync(linear).size} bytes, ready after ${waited} ms`);
  const text = (selector) => page.locator(selector).innerText();
  const data = dataOf(linear);

  await step("the page says what it shows, and has both maps", async () => {
    assert.match(await text("#subject"), /^60 images, encoded to 12 values each by linear$/);
    assert.deepEqual(await page.locator("#map-kind option").allInnerTexts(), ["PCA of the codes", "t-SNE"]);
    assert.deepEqual(data.classes, ["even", "odd"]);
    assert.equal(data.maps[1].x.length, 60);
  });

  await step("an image is chosen by the pointer and by the arrow keys", async () => {
    const plane = page.locator("#plane");
    await plane.focus();
    await page.keyboard.press("ArrowRight");
    const first = await plane.getAttribute("data-chosen");
    assert.notEqual(first, "");
    assert.match(await text("#facts"), /(even|odd)\n(even|odd)\/\d\d\.png\nSSIM [\d.]+\nanomaly score [\d.]+ \(ssim\+l1 worst\)/);
    for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"]) await page.keyboard.press(key);
    const chosen = Number(await plane.getAttribute("data-chosen"));
    assert.ok(Number.isInteger(chosen) && chosen < 60);
    assert.equal((await text("#facts")).split("\n")[1], data.path[chosen]);
  });

  await step("zooming in shows thumbnails, and All goes back", async () => {
    const plane = page.locator("#plane"), all = page.locator("#zoom-all");
    const map = () => plane.evaluate((canvas) => canvas.toDataURL());
    await all.click();
    const { x, y, width, height } = await plane.boundingBox();
    // The pointer chooses an image, which the map rings: always from the same place, the same one.
    const pointAtMiddle = () => page.mouse.move(x + width / 2, y + height / 2);
    await pointAtMiddle();
    const before = await map();
    for (let turn = 0; turn < 8; turn += 1) await page.mouse.wheel(0, -300);
    await page.waitForTimeout(300);
    assert.equal(await plane.getAttribute("data-shows"), "thumbnails");
    assert.ok(await map() !== before, "the wheel enlarges the map");
    await all.click();
    assert.ok(await map() === before, "all of it after the wheel");
    await pointAtMiddle();
    await page.mouse.down();
    await page.mouse.move(x + width / 2 + 100, y + height / 2 + 50, { steps: 4 });
    await page.mouse.up();
    assert.ok(await map() !== before, "a hand moves the map");
    await all.click();
    assert.ok(await map() === before, "all of it after the hand");
  });

  await step("colours are those of classes, of SSIM or of the anomaly score", async () => {
    assert.equal(await page.locator("#classes button").count(), 2);
    await page.locator("#map-colour").selectOption("score");
    assert.match(await text("#range"), /^anomaly score: blue [\d.]+ or less, orange [\d.]+ or more$/);
    assert.ok(!await page.locator("#classes").isVisible());
    await page.locator("#map-colour").selectOption("class");
    await page.locator("#classes button").first().click();
    assert.equal(await page.locator("#classes button").first().getAttribute("aria-pressed"), "false");
    await page.locator("#classes button").first().click();
  });

  await step("a linear decoder's images, decoded in the page, are the program's", async () => {
    assert.equal(await page.locator("#sliders input").count(), 8);
    for (const [direction, place] of [[1, 0], [1, 8], [4, 6], [8, 2]]) {
      await page.locator("#walk-reset").click();
      await slide(page, `#direction-${direction}`, String(-3 + .75 * place));
      const here = await pixels(page, "#walked");
      const there = await pixels(page, `#sliders li:nth-child(${direction}) .strip canvas:nth-child(${place + 1})`);
      assert.ok(largestDifference(here, there) <= 1, `direction ${direction}, step ${place}`);
    }
    assert.match(await text("#walked-at"), /direction 8: −1.5/);
    await page.locator("#direction-2").focus();
    await page.keyboard.press("End");
    assert.match(await text("#walked-at"), /direction 2: \+3, direction 8: −1.5/);
    await page.locator("#walk-reset").click();
    assert.equal(await text("#walked-at"), "the mean of all codes");
  });

  await step("the way from one image to another begins and ends at them, and turns round", async () => {
    assert.equal(await page.locator("#way canvas").count(), 9);
    const tile = (place) => pixels(page, `#way li:nth-child(${place}) canvas`);
    const [first, last] = [await tile(1), await tile(9)];
    assert.ok(largestDifference(first, last) > 20);
    const [from, to] = [await page.locator("#from").inputValue(), await page.locator("#to").inputValue()];
    await page.locator("#from").selectOption(to);
    assert.equal(largestDifference(await tile(1), await tile(9)), 0);
    await page.locator("#to").selectOption(from);
    assert.equal(largestDifference(await tile(1), last), 0);
    assert.equal(largestDifference(await tile(9), first), 0);
  });

  await step("light and dark, wide and narrow", async () => {
    await page.screenshot({ path: join(screenshots, "explore-light.png"), fullPage: true });
    await page.locator("#theme").click();
    assert.equal(await page.locator("html").getAttribute("data-theme"), "dark");
    await page.screenshot({ path: join(screenshots, "explore-dark.png"), fullPage: true });
    const phone = await open(url, { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true });
    // Of a page that is too wide, the viewport would grow.
    await phone.page.locator("#plane").tap();
    assert.equal(await phone.page.evaluate(() => document.documentElement.scrollWidth), 360);
    await phone.page.screenshot({ path: join(screenshots, "explore-phone.png"), fullPage: true });
    assert.deepEqual(phone.wrong, []);
    await phone.close();
  });

  await step("every control can be reached by keyboard", async () => {
    const reached = new Set();
    await page.evaluate(() => { document.activeElement.blur(); scrollTo(0, 0); });
    for (let press = 0; press < 40; press += 1) {
      await page.keyboard.press("Tab");
      reached.add(await page.evaluate(() => document.activeElement.id));
    }
    for (const id of ["theme", "map-kind", "map-colour", "zoom-in", "plane", "walk-reset", "direction-1", "direction-8", "from", "to"]) {
      assert.ok(reached.has(id), id);
    }
  });
  assert.deepEqual(wrong, []);
  await close();

  await step("another network's images along a direction are those that were decoded before", async () => {
    const file = made("baseline", "--arch", "baseline", "--latent-dim", "12");
    const other = await open(pathToFileURL(file).href);
    await slide(other.page, "#direction-3", "2.25");
    const here = await pixels(other.page, "#walked");
    const there = await pixels(other.page, "#sliders li:nth-child(3) .strip canvas:nth-child(8)");
    assert.equal(largestDifference(here, there), 0);
    await slide(other.page, "#direction-1", "-3");
    assert.equal(await other.page.locator("#direction-3").inputValue(), "0");
    assert.deepEqual(other.wrong, []);
    await other.close();
  });
} finally {
  await browser.close();
  rmSync(home, { recursive: true, force: true });
}
