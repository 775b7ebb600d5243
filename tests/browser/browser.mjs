// Chromium, and pages in it that note what they should not do.
import { chromium } from "playwright-core";

// WebGPU is Chromium's own, in software.
const FLAGS = ["--no-sandbox", "--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];
export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });

// A page that notes what it should not do.
export async function open(url, { selector = "html[data-ready]", ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && !request.url().startsWith(url.split(/[?#]/)[0])) wrong.push(`asks for ${asked}`);
  });
  const started = Date.now();
  await page.goto(url);
  await page.waitForSelector(selector);
  return { page, wrong, waited: Date.now() - started, close: () => context.close() };
}
export const step = async (name, check) => {
  const started = Date.now();
  await check();
  console.log(`ok  ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
};
