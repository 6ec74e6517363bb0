//! How times are written.

use serde_json::json;

scenarios! {
    // spec 50 §7.1 C15, §1.4
    async fn a_fraction_has_six_digits_or_is_left_out(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({})).await.id);
        for (sent, shown) in [
            ("2025-01-07T10:00:00Z", "2025-01-07T10:00:00Z"),
            ("2025-01-07T10:00:00.000Z", "2025-01-07T10:00:00Z"),
            ("2025-01-07T10:00:00.5Z", "2025-01-07T10:00:00.500000Z"),
            ("2025-01-07T10:00:00.00012Z", "2025-01-07T10:00:00.000120Z"),
            ("2025-01-07T12:30:00+02:30", "2025-01-07T10:00:00Z"),
        ] {
            let changed = shop.merchant.patch(&path, json!({"expires_at": sent})).await.expect(200);
            assert_eq!(changed["expires_at"], shown);
            assert_eq!(shop.merchant.get(&path).await.expect(200)["expires_at"], shown);
        }
    }

    async fn times_at_the_edges_of_the_calendar_are_no_danger(shop) {
        let path = format!("/v1/license-keys/{}", shop.key(json!({})).await.id);
        for sent in [
            json!("9999-12-31T23:59:59.999999Z"), json!("9999-12-31T23:59:59-14:00"), json!("0001-01-01T00:00:00Z"),
            json!("10000-01-01T00:00:00Z"), json!(1e300), json!(-1e300), json!(i64::MAX), json!("-1"), json!(253_402_300_800_i64),
        ] {
            let status = shop.merchant.patch(&path, json!({"expires_at": sent})).await.status;
            assert!([200, 422].contains(&status), "{sent}: {status}");
            shop.merchant.get(&path).await.expect(200);
        }
    }
}
