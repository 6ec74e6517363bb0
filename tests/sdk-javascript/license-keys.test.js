// A license key from its sale to its end, as the official JavaScript SDK sees it.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { NotPermitted } from "@polar-sh/sdk/models/errors/notpermitted.js";
import { ResourceNotFound } from "@polar-sh/sdk/models/errors/resourcenotfound.js";
import { ENGINES, Merak } from "./merak.js";
import { Shop, all } from "./shop.js";

for (const engine of ENGINES) {
  describe(`license keys on ${engine}`, () => {
    let merak;
    let shop;

    before(async () => {
      merak = await Merak.start(engine);
      shop = await Shop.open(merak);
    });

    after(async () => assert.equal(await merak.stop(), 0, "the server ends with exit status 0"));

    test("a key is sold, used up to its limits and disabled", async () => {
      const { polar, organization } = shop;
      const benefit = await shop.benefit({
        prefix: "ACME",
        activations: { limit: 2, enableCustomerAdmin: true },
        limitUsage: 5,
      });
      assert.equal(benefit.type, "license_keys");
      assert.equal(benefit.properties.prefix, "ACME");
      assert.deepEqual(benefit.properties.activations, { limit: 2, enableCustomerAdmin: true });

      const customer = await shop.customer("jane@example.com");
      assert.equal(customer.organizationId, organization.id);

      const key = await shop.grant(benefit, customer);
      assert.match(key.key, /^ACME-/);
      assert.equal(key.displayKey, `****-${key.key.slice(-6)}`);
      assert.equal(key.status, "granted");
      assert.equal(key.limitActivations, 2);
      assert.equal(key.limitUsage, 5);
      assert.equal(key.customer.email, "jane@example.com");
      assert.equal(key.user.publicName, "J");
      assert.deepEqual(key.activations, []);

      const listed = await all(polar.licenseKeys.list({ organizationId: organization.id, benefitId: benefit.id }));
      assert.deepEqual(listed.map((each) => each.id), [key.id]);

      const naming = shop.naming(key);
      const { licenseKeys } = polar.customerPortal;
      const validated = await licenseKeys.validate({ ...naming, benefitId: benefit.id, customerId: customer.id });
      assert.equal(validated.id, key.id);
      assert.equal(validated.validations, 1);
      assert.ok(validated.lastValidatedAt instanceof Date);
      assert.ok(validated.activation == null);

      const first = await licenseKeys.activate({ ...naming, label: "laptop" });
      assert.equal(first.label, "laptop");
      assert.equal(first.licenseKey.id, key.id);
      const second = await licenseKeys.activate({ ...naming, label: "desktop" });
      await assert.rejects(licenseKeys.activate({ ...naming, label: "phone" }), NotPermitted);

      const onLaptop = await licenseKeys.validate({ ...naming, activationId: first.id, incrementUsage: 2 });
      assert.equal(onLaptop.activation.id, first.id);
      assert.equal(onLaptop.usage, 2);
      assert.equal(onLaptop.validations, 2);

      await licenseKeys.deactivate({ ...naming, activationId: first.id });
      await assert.rejects(licenseKeys.deactivate({ ...naming, activationId: first.id }), ResourceNotFound);
      await assert.rejects(licenseKeys.validate({ ...naming, activationId: first.id }), ResourceNotFound);
      const third = await licenseKeys.activate({ ...naming, label: "phone" });

      const read = await polar.licenseKeys.get({ id: key.id });
      assert.deepEqual(read.activations.map((each) => each.id), [second.id, third.id]);
      const activation = await polar.licenseKeys.getActivation({ id: key.id, activationId: third.id });
      assert.equal(activation.label, "phone");

      const disabled = await polar.licenseKeys.update({
        id: key.id,
        licenseKeyUpdate: { status: "disabled", limitActivations: 3 },
      });
      assert.equal(disabled.status, "disabled");
      assert.equal(disabled.limitActivations, 3);
      await assert.rejects(licenseKeys.validate(naming), ResourceNotFound);
      await assert.rejects(licenseKeys.activate({ ...naming, label: "tablet" }), NotPermitted);
      await licenseKeys.deactivate({ ...naming, activationId: third.id });

      await polar.licenseKeys.update({ id: key.id, licenseKeyUpdate: { status: "granted", expiresAt: null } });
      assert.equal((await licenseKeys.validate(naming)).status, "granted");
    });

    test("the customer sees keys and grants in the portal", async () => {
      const benefit = await shop.benefit({ activations: { limit: 1, enableCustomerAdmin: true } });
      const hidden = await shop.benefit({ activations: { limit: 1, enableCustomerAdmin: false } });
      const customer = await shop.customer("portal@example.com", "Élise");
      const key = await shop.grant(benefit, customer);
      const hiddenKey = await shop.grant(hidden, customer);
      const portal = (await shop.portal(customer)).customerPortal;
      for (const each of [key, hiddenKey]) {
        await portal.licenseKeys.activate({ ...shop.naming(each), label: "laptop" });
      }

      const keys = await all(portal.licenseKeys.list({}));
      assert.deepEqual(keys.map((each) => each.id), [key.id, hiddenKey.id]);
      assert.equal(keys[0].user.publicName, "É");
      const some = await all(portal.licenseKeys.list({ benefitId: hidden.id }));
      assert.deepEqual(some.map((each) => each.id), [hiddenKey.id]);

      assert.equal((await portal.licenseKeys.get({ id: key.id })).activations.length, 1);
      assert.deepEqual((await portal.licenseKeys.get({ id: hiddenKey.id })).activations, []);

      const grants = await all(portal.benefitGrants.list({ benefitId: benefit.id }));
      assert.equal(grants.length, 1);
      assert.equal(grants[0].properties.licenseKeyId, key.id);
      assert.equal(grants[0].benefit.type, "license_keys");
      assert.equal((await portal.benefitGrants.get({ id: grants[0].id })).isGranted, true);

      const me = await portal.customers.get({ id: customer.id });
      assert.equal(me.email, "portal@example.com");
      const organization = await portal.organizations.get({ slug: shop.slug });
      assert.equal(organization.id, shop.organization.id);

      const byMerchant = await all(shop.polar.benefits.grants({ id: benefit.id, customerId: customer.id }));
      assert.deepEqual(byMerchant.map((each) => each.customer.email), ["portal@example.com"]);
    });

    test("a withdrawn grant revokes its key", async () => {
      const benefit = await shop.benefit({ prefix: "GONE" });
      const customer = await shop.customer("gone@example.com");
      const key = await shop.grant(benefit, customer);
      merak.cli("grant", "--benefit", benefit.id, "--customer", customer.id, "--revoke");

      assert.equal((await shop.polar.licenseKeys.get({ id: key.id })).status, "revoked");
      await assert.rejects(
        shop.polar.customerPortal.licenseKeys.validate(shop.naming(key)),
        ResourceNotFound,
      );
      const [grant] = await all(shop.polar.benefits.grants({ id: benefit.id }));
      assert.equal(grant.isRevoked, true);
    });

    test("parallel calls never pass a limit", async () => {
      const benefit = await shop.benefit({
        activations: { limit: 3, enableCustomerAdmin: false },
        limitUsage: 4,
      });
      const key = await shop.grant(benefit, await shop.customer("many@example.com"));
      const { licenseKeys } = shop.polar.customerPortal;
      const outcomes = await Promise.allSettled(
        Array.from({ length: 16 }, (_, at) => licenseKeys.activate({ ...shop.naming(key), label: `${at}` })),
      );
      const refused = outcomes.filter((each) => each.status === "rejected");
      assert.equal(refused.length, 13);
      for (const { reason } of refused) assert.ok(reason instanceof NotPermitted, `${reason}`);

      const counted = await Promise.allSettled(
        Array.from({ length: 16 }, () => licenseKeys.validate({ ...shop.naming(key), incrementUsage: 1 })),
      );
      assert.equal(counted.filter((each) => each.status === "fulfilled").length, 4);
      const read = await shop.polar.licenseKeys.get({ id: key.id });
      assert.equal(read.activations.length, 3);
      assert.equal(read.usage, 4);
      assert.equal(read.validations, 4);
    });
  });
}
