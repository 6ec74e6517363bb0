// A page of paper as a picture: whether something stands on it, and all of it within its margins.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const DOTS_PER_INCH = 80;

/** The picture of the first page of a PDF, made beside it: a PNG for who wants to look, and its shades, 0 black to 255 white. */
export function pictured(pdf) {
  const path = pdf.replace(/\.pdf$/, "");
  const options = ["-r", String(DOTS_PER_INCH), "-singlefile"];
  execFileSync("pdftoppm", ["-png", ...options, pdf, path]);
  execFileSync("pdftoppm", ["-gray", ...options, pdf, path]);
  const bytes = readFileSync(`${path}.pgm`);
  const [head, width, height] = /^P5\s+(\d+)\s+(\d+)\s+255\s/.exec(bytes.toString("latin1", 0, 100));
  const shades = bytes.subarray(head.length);
  return { width: Number(width), height: Number(height), shades };
}

/** How much of a part of a picture is darker than a shade. The part is given by shares of its width and height. */
function share({ width, height, shades }, [left, top, right, bottom], shade = 128) {
  let dark = 0, all = 0;
  for (let y = Math.floor(top * height); y < Math.ceil(bottom * height); y++) {
    for (let x = Math.floor(left * width); x < Math.ceil(right * width); x++) {
      all += 1;
      if (shades[y * width + x] < shade) dark += 1;
    }
  }
  return dark / all;
}

/** Fails unless this is a sheet of A4 with text from its head to its foot, and nothing in its margins. */
export function assertPrinted(picture) {
  const { width, height, shades } = picture;
  assert.equal(shades.length, width * height);
  assert.ok(Math.abs(width - (210 / 25.4) * DOTS_PER_INCH) <= 2, `${width} is not the width of A4`);
  assert.ok(Math.abs(height - (297 / 25.4) * DOTS_PER_INCH) <= 2, `${height} is not the height of A4`);
  for (const [name, part] of Object.entries({
    head: [0, 0, 1, 0.25], middle: [0, 0.25, 1, 0.6], foot: [0, 0.85, 1, 1], left: [0, 0, 0.5, 1], right: [0.5, 0, 1, 1],
  })) {
    assert.ok(share(picture, part) > 0.0003, `nothing stands in the part: ${name}`);
  }
  const ink = share(picture, [0, 0, 1, 1]);
  assert.ok(ink > 0.003 && ink < 0.1, `${ink} of the page is dark`);
  for (const [name, part] of Object.entries({
    left: [0, 0, 0.06, 1], right: [0.94, 0, 1, 1], top: [0, 0, 1, 0.04], bottom: [0, 0.96, 1, 1],
  })) {
    assert.equal(share(picture, part, 250), 0, `something stands in the margin: ${name}`);
  }
}
