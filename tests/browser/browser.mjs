// Chromium, and pages in it that note what they should not do.
import { chromium } from "playwright-core";

export const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });

// A page that notes what it should not do.
export async function open(url, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  const wrong = [];
  page.on("console", (message) => message.type() === "error" && wrong.push(message.text()));
  page.on("pageerror", (error) => wrong.push(error.stack));
  page.on("request", (request) => {
    const asked = new URL(request.url());
    if (asked.protocol !== "data:" && !request.url().startsWith(url.split("#")[0])) wrong.push(`asks for ${asked}`);
  });
  const started = Date.now();
  await page.goto(url);
  await page.waitForSelector("html[data-ready]");
  return { page, wrong, waited: Date.now() - started, close: () => context.close() };
}
export const step = async (name, check) => {
  await check();
  console.log(`ok  ${name}`);
};
