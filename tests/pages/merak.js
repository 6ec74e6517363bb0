// Starts the real program on a fresh database and speaks to its command line.

import { execFileSync, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

export const ENGINES = ["sqlite", "postgres"];

const READY = /^merak is listening on (http:\/\/\S+)$/;

export class Merak {
  #database;
  #environment;
  #folder;
  #process;

  /** Starts a server on an engine of `ENGINES`, with further variables, and waits until it answers. */
  static async start(engine, variables = {}) {
    const merak = new Merak();
    merak.#folder = mkdtempSync(join(tmpdir(), "merak-pages-"));
    merak.#database = engine === "postgres" ? createDatabase() : `sqlite:${join(merak.#folder, "merak.db")}`;
    merak.#environment = {
      ...process.env,
      MERAK_DATA_DIR: merak.#folder,
      MERAK_DATABASE_URL: merak.#database,
      // The suites call from one address as fast as they can.
      MERAK_RATE_LIMIT_PER_ADDRESS: "0",
      MERAK_RATE_LIMIT_PER_KEY: "0",
      ...variables,
    };
    merak.#process = spawn(required("MERAK_BIN"), ["serve", "--listen", "127.0.0.1:0"], {
      env: merak.#environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
    merak.url = await merak.#ready();
    return merak;
  }

  /** Runs a command of the command line beside the server and returns the JSON it prints. */
  cli(...arguments_) {
    const output = execFileSync(required("MERAK_BIN"), [...arguments_, "--json"], { env: this.#environment });
    return JSON.parse(output.toString());
  }

  /** Asks the server to end, waits for it and removes what it left. */
  async stop() {
    const exit = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGTERM");
    const code = await exit;
    if (this.#database.startsWith("postgres")) {
      administer(`DROP DATABASE "${new URL(this.#database).pathname.slice(1)}" WITH (FORCE)`);
    }
    rmSync(this.#folder, { recursive: true });
    return code;
  }

  async #ready() {
    for await (const line of createInterface({ input: this.#process.stdout })) {
      const match = READY.exec(line);
      if (match) return match[1];
    }
    throw new Error("merak ended before it was ready");
  }
}

function createDatabase() {
  const name = `merak_${randomUUID().replaceAll("-", "")}`;
  // Text is ordered and folded as SQLite does it, whatever the server's own locale.
  administer(`CREATE DATABASE "${name}" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'`);
  const url = new URL(required("MERAK_TEST_POSTGRES_URL"));
  url.pathname = `/${name}`;
  return url.toString();
}

function administer(statement) {
  execFileSync("psql", ["--quiet", "--no-psqlrc", "--command", statement, required("MERAK_TEST_POSTGRES_URL")]);
}

function required(variable) {
  const value = process.env[variable];
  if (!value) throw new Error(`${variable} is not set: run these tests with \`cargo xtask test pages\``);
  return value;
}
