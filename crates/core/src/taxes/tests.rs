//! What buyers in different places pay.

use super::*;
use crate::kit::TaxIdFormat;

fn country(code: &str) -> Country {
    Country::parse(code).unwrap()
}

fn rates(seller: &str) -> Rates {
    Rates {
        table: RateTable::shipped(),
        seller_country: Some(country(seller)),
        registrations: None,
        is_inclusive: false,
    }
}

fn address(code: &str, state: Option<&str>) -> Address {
    Address { state: state.map(str::to_owned), ..Address::in_country(country(code)) }
}

fn ask(rates: Rates, address: &Address, tax_id: Option<&str>) -> Result<Tax, TaxProblem> {
    let tax_id = tax_id.map(|number| TaxId(number.into(), TaxIdFormat::EuVat));
    let question = TaxQuestion::at(address, Cents::new(10_000), Currency::Usd);
    TaxSettings::Rates(rates).taxes().compute(&TaxQuestion { tax_id: tax_id.as_ref(), ..question })
}

fn amount(rates: Rates, address: &Address, tax_id: Option<&str>) -> i64 {
    ask(rates, address, tax_id).unwrap().amount.get()
}

#[test]
fn a_buyer_pays_the_rate_of_the_place() {
    for (code, state, amount, name) in [
        ("DE", None, 1900, "VAT"),
        ("FI", None, 2550, "VAT"),
        ("CH", None, 810, "VAT"),
        ("CA", Some("CA-QC"), 1498, "GST + QST"),
        ("CA", Some("ON"), 1300, "HST"),
        ("US", Some("US-NY"), 400, "Sales tax"),
        ("US", Some("OR"), 0, "Sales tax"),
        ("HK", None, 0, "Tax"),
    ] {
        let tax = ask(rates("NO"), &address(code, state), None).unwrap();
        assert_eq!((tax.amount.get(), tax.name.as_str()), (amount, name), "{code} {state:?}");
        assert_eq!((tax.country, tax.is_reverse_charge, tax.is_inclusive), (country(code), false, false));
        assert_eq!(tax.state.as_deref(), state.map(|state| &state[state.len() - 2..]));
        let (net, total) = (tax.net(Cents::new(10_000)), tax.total(Cents::new(10_000)));
        assert_eq!((net.get(), total.get()), (10_000, 10_000 + amount));
    }
}

#[test]
fn a_price_can_hold_the_tax() {
    let tax = ask(Rates { is_inclusive: true, ..rates("DE") }, &address("DE", None), None).unwrap();
    assert_eq!((tax.amount.get(), tax.is_inclusive, tax.rate_ppm), (1597, true, 190_000));
    assert_eq!((tax.net(Cents::new(10_000)).get(), tax.total(Cents::new(10_000)).get()), (8403, 10_000));
}

// spec 30 §5.1
#[test]
fn a_business_in_another_member_state_owes_the_tax_itself() {
    for (seller, buyer, tax_id, is_reverse_charge) in [
        ("DE", "FR", Some("FR40303265045"), true),
        // A number of any other member state is as good, but one of the seller's own is not.
        ("DE", "FR", Some("ATU13585627"), true),
        ("DE", "FR", Some("DE136695976"), false),
        ("DE", "DE", Some("DE136695976"), false),
        ("DE", "DE", Some("FR40303265045"), false),
        ("DE", "GR", Some("EL094259216"), true),
        ("GR", "GR", Some("EL094259216"), false),
        // A seller outside sells into another member state always.
        ("US", "FR", Some("FR40303265045"), true),
        // What is wrong, is missing, or is used outside of the Union changes nothing.
        ("DE", "FR", Some("FR40303265046"), false),
        ("DE", "FR", None, false),
        ("DE", "CH", Some("FR40303265045"), false),
        ("DE", "FR", Some("XI980780684"), false),
    ] {
        let tax = ask(rates(seller), &address(buyer, None), tax_id).unwrap();
        assert_eq!(tax.is_reverse_charge, is_reverse_charge, "{seller} {buyer} {tax_id:?}");
        assert_eq!(tax.amount.get() == 0, is_reverse_charge, "{seller} {buyer} {tax_id:?}");
    }
    let inclusive = Rates { is_inclusive: true, ..rates("DE") };
    let tax = ask(inclusive, &address("FR", None), Some("FR40303265045")).unwrap();
    assert_eq!((tax.total(Cents::new(10_000)).get(), tax.is_inclusive), (10_000, false));
}

#[test]
fn tax_is_collected_where_the_seller_is_registered() {
    let registered = |text: &str| {
        let registrations = text.split(',').map(|text| text.parse().unwrap()).collect();
        Rates { registrations: Some(registrations), ..rates("US") }
    };
    for (registrations, code, state, expected) in [
        ("EU", "FR", None, 2000),
        ("EU", "GB", None, 0),
        ("de,GB", "DE", None, 1900),
        ("de,GB", "FR", None, 0),
        ("US-NY", "US", Some("NY"), 400),
        ("US-NY", "US", Some("TX"), 0),
        ("US", "US", Some("TX"), 625),
    ] {
        let tax = amount(registered(registrations), &address(code, state), None);
        assert_eq!(tax, expected, "{registrations} {code}");
    }
    for text in ["", "XX", "US-XX", "DE-BY", "NY"] {
        assert!(text.parse::<Registration>().is_err(), "{text}");
    }
    for text in ["EU", "DE", "US-NY"] {
        assert_eq!(text.to_lowercase().parse::<Registration>().unwrap().to_string(), text);
    }
}

// spec 30 §5.2
#[test]
fn a_place_must_be_known_where_states_have_taxes() {
    let problem = |code, state| ask(rates("DE"), &address(code, state), None).unwrap_err();
    assert_eq!(problem("US", None), TaxProblem::LocationIncomplete);
    assert_eq!(problem("CA", None), TaxProblem::LocationIncomplete);
    assert_eq!(problem("US", Some("ZZ")), TaxProblem::LocationUnknown);
    let mut address = address("US", Some("US-NY"));
    address.postal_code = Some("94105".into());
    assert_eq!(ask(rates("DE"), &address, None), Err(TaxProblem::LocationUnknown));
    address.state = None;
    assert_eq!(amount(rates("DE"), &address, None), 725);
}

// spec 30 §5.1, §7.1.11, §7.5.31
#[test]
fn nothing_to_pay_and_no_taxable_product_mean_no_tax_wherever_the_buyer_is() {
    let taxes = TaxSettings::Rates(rates("DE")).taxes();
    let nowhere = address("US", None);
    let question = TaxQuestion::at(&nowhere, Cents::new(10_000), Currency::Usd);
    for question in [
        TaxQuestion { subtotal: Cents::default(), ..question },
        TaxQuestion { is_tax_applicable: false, ..question },
    ] {
        assert_eq!(taxes.compute(&question), Ok(Tax::zero(country("US"))));
    }
    assert_eq!(taxes.compute(&question), Err(TaxProblem::LocationIncomplete));
    assert_eq!(TaxSettings::default().taxes().compute(&question), Ok(Tax::zero(country("US"))));
}
