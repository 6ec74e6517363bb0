// A real browser, its pictures, and what it says about who cannot see them.

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const AXE = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const SCREENSHOTS = fileURLToPath(new URL("../../target/screenshots/", import.meta.url));

const LOOKS = [
  ["desktop", { viewport: { width: 1280, height: 900 } }],
  ["phone", { viewport: { width: 390, height: 844 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }],
  ["narrow", { viewport: { width: 320, height: 700 } }],
  ["dark", { viewport: { width: 1280, height: 900 }, colorScheme: "dark" }],
];

export function launch() {
  const executablePath = process.env.MERAK_CHROMIUM ?? "/usr/bin/chromium";
  // In a container there is nobody to protect from the pages, which are our own.
  return chromium.launch({ executablePath, args: ["--no-sandbox"] });
}

/** Where the picture of this name goes: into a folder that git does not look at. */
export function picture(name) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  return `${SCREENSHOTS}${name}.png`;
}

/** Takes pictures of a page in all its looks, and finds nothing wrong with it, nor with what it shows in frames. */
export async function look(browser, name, url, act = async () => {}) {
  for (const [kind, options] of LOOKS) {
    // The rules of the page forbid foreign scripts, so axe is brought in past them.
    const context = await browser.newContext({ ...options, bypassCSP: true });
    const page = await context.newPage();
    await page.goto(url);
    await act(page);
    await page.screenshot({ path: picture(`${name}-${kind}`), fullPage: true });
    for (const frame of page.frames()) {
      // What may run no scripts is looked at by itself.
      if (frame !== page.mainFrame() && await (await frame.frameElement()).getAttribute("sandbox") !== null) continue;
      const width = await frame.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(width <= 0, `${name} is ${width} pixels too wide: ${kind}, ${frame.url()}`);
      await frame.addScriptTag({ path: AXE });
      const { violations } = await frame.evaluate(() => axe.run(document, { iframes: false }));
      const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
      const told = grave.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
      assert.deepEqual(told, [], `${name}, ${kind}, ${frame.url()}`);
    }
    await context.close();
  }
}

/** Opens the end of a checkout and stays there, although its script would lead on. */
export async function stay(page, url) {
  await page.route("**/assets/checkout-*.js", (route) => route.abort());
  await page.goto(url);
}

/** A page on which an error of a script or a broken rule is a failure. */
export async function strictPage(browser, faults, options = {}) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.on("pageerror", (error) => faults.push(String(error)));
  page.on("console", (message) => {
    const isOfNetwork = message.text().startsWith("Failed to load resource");
    if (message.type() === "error" && !isOfNetwork) faults.push(message.text());
  });
  return page;
}
