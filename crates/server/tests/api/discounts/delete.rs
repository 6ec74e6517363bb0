//! `DELETE /v1/discounts/{id}`.

use serde_json::json;

use super::{PATH, made, ten_percent};

scenarios! {
    /// D13
    async fn a_deleted_discount_is_gone_and_its_code_free(shop) {
        let (_, path) = made(shop, ten_percent(&json!({"code": "Sale"}))).await;
        let answer = shop.merchant.delete(&path).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        shop.merchant.get(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&path, json!({"name": "X"})).await.refused(404, "ResourceNotFound");
        shop.merchant.delete(&path).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(PATH).await.pagination(), (0, 0));
        made(shop, ten_percent(&json!({"code": "sale"}))).await;
    }
}
