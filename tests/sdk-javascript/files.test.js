// Files and downloads through the official JavaScript SDK; the parts are sent by fetch.

import assert from "node:assert/strict";
import { createHash, createHmac } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { HTTPValidationError } from "@polar-sh/sdk/models/errors/httpvalidationerror.js";
import { NotPermitted } from "@polar-sh/sdk/models/errors/notpermitted.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { SDKError } from "@polar-sh/sdk/models/errors/sdkerror.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

/** A well-formed identifier of nothing. */
const NOBODY = "3f2c1d8e-5b6a-4c7d-8e9f-0a1b2c3d4e5f";
const TEXT = "hello world";
const SECRET = "a secret that signs what this suite outlives";
const CHECKSUM = createHash("sha256").update(TEXT).digest("base64");

/** Where the problems of a rejected call are. */
function at(...places) {
  return (error) => {
    assert.ok(error instanceof HTTPValidationError, `${error}`);
    assert.deepEqual(error.detail.map((each) => each.loc), places);
    return true;
  };
}

/** Announces a file of one part. */
function announce(shop, name, service = "downloadable", changes = {}) {
  return shop.polar.files.create({
    service,
    organizationId: shop.organization.id,
    name,
    mimeType: service === "downloadable" ? "text/plain" : "image/png",
    size: TEXT.length,
    checksumSha256Base64: CHECKSUM,
    upload: {
      parts: [{ number: 1, chunkStart: 0, chunkEnd: TEXT.length, checksumSha256Base64: CHECKSUM }],
    },
    ...changes,
  });
}

/** Sends the only part and answers what completes the upload. */
async function send(announced) {
  const [part] = announced.upload.parts;
  const sent = await fetch(part.url, { method: "PUT", headers: part.headers, body: TEXT });
  assert.equal(sent.status, 200);
  const parts = [{ number: 1, checksumEtag: sent.headers.get("etag"), checksumSha256Base64: CHECKSUM }];
  return { id: announced.upload.id, path: announced.upload.path, parts };
}

/** The token of a download as the server would have signed it an hour ago. Nothing but its end is another. */
function outlived(token) {
  const told = JSON.parse(Buffer.from(token.split(".")[0], "base64url").toString());
  const content = Buffer.from(JSON.stringify({ ...told, ends: told.ends - 3600e6 })).toString("base64url");
  const key = createHmac("sha256", SECRET).update("merak key: downloads").digest();
  return `${content}.${createHmac("sha256", key).update(content).digest("base64url")}`;
}

async function upload(shop, name, service = "downloadable", changes = {}) {
  const announced = await announce(shop, name, service, changes);
  return shop.polar.files.uploaded({ id: announced.id, fileUploadCompleted: await send(announced) });
}

for (const engine of ENGINES) {
  describe(`files on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine, { MERAK_SECRET: SECRET });
      shop = await Shop.open(merak);
    });

    after(async () => assert.equal(await merak.stop(), 0, "the server ends with exit status 0"));

    test("a file is uploaded, listed, renamed and deleted", async () => {
      const { files } = shop.polar;
      const organizationId = shop.organization.id;
      const announced = await announce(shop, "étonnante-🦄.txt", "downloadable", { version: "1" });
      assert.equal(announced.isUploaded, false);
      assert.equal(announced.sizeReadable, "11.0 B");
      assert.equal(announced.upload.parts[0].headers["x-amz-checksum-sha256"], CHECKSUM);
      assert.ok(announced.upload.parts[0].expiresAt instanceof Date);
      assert.deepEqual(await all(files.list({ organizationId })), []);

      const fileUploadCompleted = await send(announced);
      const file = await files.uploaded({ id: announced.id, fileUploadCompleted });
      assert.equal(file.service, "downloadable");
      assert.equal(file.isUploaded, true);
      assert.equal(file.version, "1");
      assert.equal(file.checksumEtag, '"241d8a27c836427bd7f04461b60e7359-1"');
      assert.equal((await files.uploaded({ id: announced.id, fileUploadCompleted })).id, file.id);

      const media = await upload(shop, "logo.png", "product_media");
      const avatar = await upload(shop, "me.png", "organization_avatar");
      for (const picture of [media, avatar]) {
        const shown = await fetch(picture.publicUrl);
        assert.equal(shown.headers.get("content-type"), "image/png");
        assert.equal(await shown.text(), TEXT);
      }

      const names = async (filter) => (await all(files.list({ organizationId, ...filter }))).map((each) => each.name);
      assert.deepEqual(await names({}), ["me.png", "logo.png", "étonnante-🦄.txt"]);
      assert.deepEqual(await names({ limit: 1 }), ["me.png", "logo.png", "étonnante-🦄.txt"]);
      assert.deepEqual(await names({ ids: [file.id, NOBODY] }), ["étonnante-🦄.txt"]);

      const renamed = await files.update({ id: file.id, filePatch: { name: "b.txt" } });
      assert.deepEqual([renamed.name, renamed.version, renamed.path], ["b.txt", "1", file.path]);
      const dated = await files.update({ id: file.id, filePatch: { version: "2" } });
      assert.deepEqual([dated.name, dated.version], ["b.txt", "2"]);
      assert.equal((await files.update({ id: file.id, filePatch: { name: null, version: "" } })).version, "2");

      await files.delete({ id: media.id });
      assert.equal((await fetch(media.publicUrl)).status, 404);
      assert.deepEqual(await names({}), ["me.png", "b.txt"]);
      await assert.rejects(files.delete({ id: media.id }), ResourceNotFound);
      await assert.rejects(files.update({ id: media.id, filePatch: { name: "c" } }), ResourceNotFound);
    });

    test("what does not fit is refused", async () => {
      const { files } = shop.polar;
      await assert.rejects(announce(shop, "a.txt", "downloadable", { upload: { parts: [] } }), HTTPValidationError);
      await assert.rejects(announce(shop, "a.png", "organization_avatar", { size: 1048577 }), HTTPValidationError);
      await assert.rejects(announce(shop, "a.txt", "downloadable", { organizationId: null }), HTTPValidationError);
      const part = { number: 1, chunkStart: 0, chunkEnd: TEXT.length, checksumSha256Base64: "abc" };
      for (const [service, changes, ...place] of [
        ["product_media", { mimeType: "text/plain" }, "product_media", "mime_type"],
        ["organization_avatar", { mimeType: "image/avif" }, "organization_avatar", "mime_type"],
        ["product_media", { mimeType: "image/svg+xml", size: 10_485_761 }, "product_media", "size"],
        ["downloadable", { checksumSha256Base64: "no base64!" }, "checksum_sha256_base64"],
        ["downloadable", { upload: { parts: [part] } }, "upload", "parts", 0, "checksum_sha256_base64"],
      ]) {
        await assert.rejects(announce(shop, "a", service, changes), at(["body", ...place]));
      }
      const named = await upload(shop, "named.txt");
      for (const name of ["..", "/", "x".repeat(256)]) {
        await assert.rejects(files.update({ id: named.id, filePatch: { name } }), at(["body", "name"]));
      }
      assert.equal((await files.update({ id: named.id, filePatch: {} })).name, "named.txt");
      const announced = await announce(shop, "a.txt");
      const fileUploadCompleted = await send(announced);
      await assert.rejects(
        files.uploaded({ id: announced.id, fileUploadCompleted: { ...fileUploadCompleted, path: "elsewhere" } }),
        HTTPValidationError,
      );
      await assert.rejects(files.uploaded({ id: NOBODY, fileUploadCompleted }), ResourceNotFound);

      const stranger = (await Shop.open(merak)).polar.files;
      await assert.rejects(stranger.uploaded({ id: announced.id, fileUploadCompleted }), NotPermitted);
      await assert.rejects(stranger.update({ id: announced.id, filePatch: { name: "c" } }), NotPermitted);
      await assert.rejects(stranger.delete({ id: announced.id }), NotPermitted);
      for (const filter of [{}, { organizationId: shop.organization.id }]) {
        await assert.rejects(
          stranger.list(filter),
          (error) => error instanceof SDKError && error.statusCode === 403,
        );
      }
    });

    test("a buyer downloads what a benefit gives, until it is taken back", async () => {
      const { polar, organization } = shop;
      const [first, second] = [await upload(shop, "first.txt"), await upload(shop, "second.txt")];
      const gives = (files) =>
        polar.benefits.create({
          type: "downloadables",
          description: "The files",
          organizationId: organization.id,
          properties: { files, archived: {} },
        });
      const benefit = await gives([first.id]);
      const more = await gives([second.id, first.id]);
      await assert.rejects(gives([NOBODY]), HTTPValidationError);
      const customer = await shop.customer("downloads@example.com");
      for (const each of [benefit, more]) merak.cli("grant", "--benefit", each.id, "--customer", customer.id);

      const { downloadables } = (await shop.portal(customer)).customerPortal;
      assert.equal((await all(downloadables.list({}))).length, 3);
      assert.equal((await all(downloadables.list({ limit: 2 }))).length, 3);
      assert.equal((await all(downloadables.list({ organizationId: organization.id }))).length, 3);
      assert.equal((await all(downloadables.list({ organizationId: NOBODY }))).length, 0);
      assert.equal((await all(downloadables.list({ benefitId: [benefit.id, more.id] }))).length, 3);
      const [held] = await all(downloadables.list({ benefitId: benefit.id }));
      assert.equal(held.file.name, "first.txt");
      assert.equal(held.benefitId, benefit.id);
      const fetched = await fetch(held.file.download.url);
      assert.equal(await fetched.text(), TEXT);
      assert.equal(fetched.headers.get("content-disposition"), 'attachment; filename="first.txt"');
      // The SDK follows where the answer leads, and is surprised that a file is no JSON.
      const token = held.file.download.url.split("/").at(-1);
      await assert.rejects(downloadables.get({ token }), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.deepEqual([error.statusCode, error.body], [200, TEXT]);
        return true;
      });
      await assert.rejects(downloadables.get({ token: outlived(token) }), (error) => {
        assert.ok(error instanceof SDKError, `${error}`);
        assert.deepEqual([error.statusCode, JSON.parse(error.body).error], [410, "ResourceUnavailable"]);
        return true;
      });

      merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id, "--revoke");
      assert.deepEqual(await all(downloadables.list({ benefitId: benefit.id })), []);
      assert.equal((await fetch(held.file.download.url)).status, 404);
    });
  });
}
