//! Benefits of other services when a shop moves: whose server or repository is sold is proved where it is sold.

use merak_core::connections::Platform;
use merak_core::transfer::RecordKind;

use super::{World, choose, connect_on, given, repository, role, settle};
use crate::transfer::moving::{begin, counts_of, export, export_of, remarks, take};

const DISCORD: &str = "Discord has to say here whose server it is: connect the server, make the benefit, and put it on its \
                       products; those who hold it connect their accounts here";
const GITHUB: &str = "GitHub has to say here whose repository it is: connect the repository, make the benefit, and put it on its \
                      products; those who hold it connect their accounts here";

scenarios! {
    fn nobody_sells_a_server_or_a_repository_because_a_file_says_so(shop) {
        let (role, repository) = (role(shop, "10", "11"), repository(shop, "acme", "app", "push"));
        let kept = shop.benefit(merak_core::benefits::BenefitType::Custom, serde_json::json!({"note": "A"})).unwrap();
        let product = shop.product();
        shop.set_benefits(product.id, &[role.id, kept.id, repository.id]).unwrap();
        let (buyer, mut world) = (shop.customer(), World::default());
        given(shop, &role, &buyer, shop.order(), &mut world);
        shop.grant(&role, &shop.customer(), shop.order());
        let on_github = shop.grant(&repository, &buyer, shop.order());
        connect_on(shop, &buyer, Platform::Github, "700");
        choose(shop, &on_github, "700");
        settle(shop, &mut world);
        let before = world.clone();
        assert_eq!(before.places(), ["500@10/11", "700@acme/app"]);

        let lines = export(shop);
        let elsewhere = shop.elsewhere();
        let import = begin(&elsewhere, &lines, "file");
        for run in 0..2 {
            let tally = take(&elsewhere, &import, &lines);
            assert_eq!(tally.behind, 2 + 3, "run {run}");
            assert_eq!(settle(&elsewhere, &mut world), 0, "nothing is done because of an import");
            assert_eq!(world, before);
            let told = remarks(&elsewhere, &import);
            for remark in [
                format!("benefit 1 {DISCORD} [Outside]"),
                format!("benefit 1 {GITHUB} [Outside]"),
                format!("product 1 some of its benefits did not come in [{}]", product.name),
            ] {
                assert!(told.contains(&remark), "{remark} is not in {told:?}");
            }
            for (benefit, grants) in [(&role, 2), (&repository, 1)] {
                let remark = format!("benefit_grant {grants} its benefit did not come in: Outside ({}) [", benefit.id);
                assert!(told.iter().any(|told| told.starts_with(&remark)), "{remark} is not in {told:?}");
            }
            assert_eq!(told.len(), 5, "{told:?}");
        }
        let here = export_of(&elsewhere, &import);
        let merak_core::transfer::Record::Product(sold) = here.find(RecordKind::Product) else { unreachable!() };
        assert_eq!(sold.benefits.iter().map(|named| named.id).collect::<Vec<_>>(), [kept.id.uuid()]);
        counts_of(&elsewhere, &import);
    }
}
