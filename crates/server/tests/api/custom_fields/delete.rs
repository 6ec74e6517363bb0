//! `DELETE /v1/custom-fields/{id}`.

use serde_json::json;

use super::{PATH, text_field};

scenarios! {
    /// C7
    async fn a_deleted_field_is_gone_and_its_slug_free(shop) {
        let (_, path) = text_field(shop, "company").await;
        let answer = shop.merchant.delete(&path).await;
        assert_eq!((answer.status, answer.text().as_str()), (204, ""));
        shop.merchant.get(&path).await.refused(404, "ResourceNotFound");
        shop.merchant.patch(&path, json!({"type": "text", "name": "X"})).await.refused(404, "ResourceNotFound");
        shop.merchant.delete(&path).await.refused(404, "ResourceNotFound");
        assert_eq!(shop.merchant.get(PATH).await.pagination(), (0, 0));
        text_field(shop, "company").await;
    }
}
