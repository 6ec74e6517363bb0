// What a server that was told to writes into a folder instead of sending it.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** The code that was sent to sign somebody in. */
export async function code(folder, email) {
  for (let tries = 0; tries < 120; tries++) {
    for (const name of existsSync(folder) ? readdirSync(folder).filter((each) => each.endsWith(".eml")) : []) {
      const text = readFileSync(join(folder, name), "utf8");
      const found = text.includes(`To: ${email}`) && /^\s*([A-Z0-9]{6})\s*$/m.exec(text);
      if (found) return found[1];
    }
    await sleep(250);
  }
  return assert.fail("no code came");
}
