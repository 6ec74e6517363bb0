// Stand-ins of Discord and GitHub: one server that checks what is sent, and remembers who has what.

import { createVerify, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BOT = "900";

export class Services {
  /** Discord: the roles of each account on the server 10. */
  members = new Map([[BOT, new Set(["13"])]]);
  /** GitHub: the permission of each account on acme/app, and of each that is invited. */
  collaborators = new Map();
  /** Requests that were not as they should be. */
  mistakes = [];
  #folder = mkdtempSync(join(tmpdir(), "merak-services-"));
  #keys = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs1", format: "pem" },
  });
  #server;

  static async start() {
    const services = new Services();
    writeFileSync(join(services.#folder, "key.pem"), services.#keys.privateKey);
    services.#server = createServer((request, response) => services.#serve(request, response));
    await new Promise((resolve) => services.#server.listen(0, "127.0.0.1", resolve));
    services.url = `http://127.0.0.1:${services.#server.address().port}`;
    return services;
  }

  /** Settings of a server that is connected to the stand-ins. */
  environment() {
    return {
      MERAK_DISCORD_URL: `${this.url}/discord`,
      MERAK_DISCORD_CLIENT_ID: "discord-client",
      MERAK_DISCORD_CLIENT_SECRET: "discord-secret",
      MERAK_DISCORD_BOT_TOKEN: "bot-token",
      MERAK_GITHUB_URL: `${this.url}/github`,
      MERAK_GITHUB_API_URL: `${this.url}/api`,
      MERAK_GITHUB_APP_ID: "4711",
      MERAK_GITHUB_APP_PRIVATE_KEY_FILE: join(this.#folder, "key.pem"),
      MERAK_GITHUB_APP_CLIENT_ID: "app-client",
      MERAK_GITHUB_APP_CLIENT_SECRET: "app-secret",
    };
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true });
  }

  async #serve(request, response) {
    let text = "";
    for await (const chunk of request) text += chunk;
    const url = new URL(request.url, this.url);
    const call = {
      line: `${request.method} ${url.pathname}`,
      token: (request.headers.authorization ?? "").split(" "),
      accept: request.headers.accept,
      text,
    };
    const [status, body] = this.#discord(call) ?? this.#github(call) ?? [404, { message: "Not Found" }];
    // Whether something is a repository, or was called so, may be asked.
    const isQuestion = /^GET \/api\/repos\/.*\/installation$/.test(call.line);
    if (status >= 400 && !(status === 404 && isQuestion)) this.mistakes.push(`${call.line}: ${status}`);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(status === 204 ? undefined : JSON.stringify(body));
  }

  #discord({ line, token, text }) {
    const [scheme, secret] = token;
    const guild = "/discord/api/v10/guilds/10";
    if (!line.includes(" /discord/")) return undefined;
    if (line === "POST /discord/api/v10/oauth2/token") {
      const expected = Buffer.from("discord-client:discord-secret").toString("base64");
      if (scheme !== "Basic" || secret !== expected) return [401, { error: "invalid_client" }];
      // The code says whose the account is.
      const account = new URLSearchParams(text).get("code");
      const guildOf = account === "bot" ? { guild: { id: "10" } } : {};
      return [200, { access_token: `access-${account}`, refresh_token: "r", expires_in: 604800, ...guildOf }];
    }
    if (scheme === "Bearer" && line === "GET /discord/api/v10/users/@me") {
      const id = secret.replace("access-", "");
      return [200, { id, username: `user${id}` }];
    }
    if (scheme !== "Bot" || secret !== "bot-token") return [401, { message: "401: Unauthorized" }];
    if (line === "GET /discord/api/v10/users/@me") return [200, { id: BOT, username: "merak" }];
    if (line === `GET ${guild}`) {
      const role = (id, position, bot) => ({ id, name: id, position, managed: !!bot, tags: bot && { bot_id: bot } });
      return [200, { id: "10", name: "Acme", roles: [role("11", 1), role("12", 2), role("13", 3, BOT), role("14", 4)] }];
    }
    const member = new RegExp(`^(GET|PUT|DELETE) ${guild}/members/(\\d+)(?:/roles/(\\d+))?$`).exec(line);
    if (!member) return undefined;
    const [, method, account, role] = member;
    if (method === "GET") return [200, { roles: [...this.members.get(account)] }];
    if (method === "PUT" && !role) {
      const { access_token, roles } = JSON.parse(text);
      if (access_token !== `access-${account}`) return [403, { message: "Invalid OAuth2 access token" }];
      if (this.members.has(account)) return [204];
      this.members.set(account, new Set(roles));
      return [201, {}];
    }
    if (method === "PUT") this.members.get(account).add(role);
    if (method === "DELETE") this.members.get(account).delete(role);
    return [204];
  }

  #github({ line, token, accept, text }) {
    const installation = { id: 70, account: { login: "acme", type: "Organization" } };
    if (line === "POST /github/login/oauth/access_token") {
      const form = new URLSearchParams(text);
      if (form.get("client_secret") !== "app-secret") return [200, { error: "incorrect_client_credentials" }];
      return [200, { access_token: `ghu_${form.get("code")}`, token_type: "bearer" }];
    }
    if (!line.includes(" /api/")) return undefined;
    if (accept !== "application/vnd.github+json") return [400, { message: "Say which version you speak." }];
    const [scheme, secret] = token;
    if (scheme !== "Bearer") return [401, { message: "Bad credentials" }];
    if (secret.startsWith("ghu_")) {
      const id = Number(secret.replace("ghu_", ""));
      switch (line) {
        case "GET /api/user":
          return [200, { id, login: `user${id}` }];
        case "GET /api/user/installations":
          return [200, { installations: [installation] }];
        case "GET /api/user/installations/70/repositories":
          return [200, { repositories: [{ id: 900, name: "app", owner: installation.account }] }];
        default:
          return undefined;
      }
    }
    if (secret !== "ghs_70") {
      const [head, claims, signature] = secret.split(".");
      const verify = createVerify("RSA-SHA256").update(`${head}.${claims}`);
      const isSigned = verify.verify(this.#keys.publicKey, signature ?? "", "base64url");
      if (!isSigned || JSON.parse(Buffer.from(claims, "base64url")).iss !== "4711") {
        return [401, { message: "Bad credentials" }];
      }
      if (line === "GET /api/repos/acme/app/installation") return [200, installation];
      if (line === "POST /api/app/installations/70/access_tokens") return [201, { token: "ghs_70" }];
      return undefined;
    }
    const user = /^GET \/api\/user\/(\d+)$/.exec(line);
    if (user) return [200, { id: Number(user[1]), login: `user${user[1]}` }];
    if (line === "GET /api/repos/acme/app/invitations") return [200, []];
    const collaborator = /^(PUT|DELETE) \/api\/repos\/acme\/app\/collaborators\/user(\d+)$/.exec(line);
    if (!collaborator) return undefined;
    const [, method, account] = collaborator;
    if (method === "DELETE") this.collaborators.delete(account);
    else this.collaborators.set(account, JSON.parse(text).permission);
    return method === "PUT" ? [201, {}] : [204];
  }
}
