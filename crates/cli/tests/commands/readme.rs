//! The commands of the README, in order, as somebody pastes them.

use std::process::Command;

use crate::installation::{Installation, outcome};

/// The commands below a heading.
fn commands(heading: &str) -> String {
    let readme = include_str!("../../../../README.md");
    let section = readme.split(&format!("\n## {heading}\n")).nth(1).unwrap().split("\n## ").next().unwrap();
    let blocks = section.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap());
    blocks.collect()
}

#[test]
fn a_shop_is_opened_and_sells_by_pasting_what_is_written() {
    let installation = Installation::new();
    let (_server, url) = installation.serve(&[]);
    let pasted = format!("{}{}", commands("A shop of your own"), commands("A first sale"));
    for line in ["cargo build --release\n", "merak serve &\n", "http://127.0.0.1:8000", "merak clock advance"]
    {
        assert!(pasted.contains(line), "{line} is not in {pasted}");
    }
    // The program is built, and the server runs at another address.
    let pasted = pasted.replace("cargo build --release\n", "").replace("merak serve &\n", "");
    let pasted = pasted.replace("http://127.0.0.1:8000", &url);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_merak")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let paste = |text: &str| {
        let done = outcome(
            Command::new("sh")
                .args(["-e", "-c", text])
                .current_dir(installation.path(""))
                .env("MERAK_DATA_DIR", installation.data_dir())
                .env("PATH", &path),
        );
        assert_eq!(done.code, Some(0), "{done:?}");
        done
    };
    // Something is bought before the year passes, in which the checkout expires.
    let (until_the_sale, afterwards) = pasted.split_at(pasted.find("merak clock advance").unwrap());
    let done = paste(until_the_sale);
    let lines: Vec<&str> = done.output.lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("license key ACME-")), "a license key: {done:?}");
    let page = lines.iter().find(|line| line.starts_with(&format!("{url}/checkout/"))).expect("a checkout");
    let shown = crate::http::get(&url, page.strip_prefix(&url).unwrap(), "");
    assert!(shown.body.contains("Pay $9.00"), "{shown:?}");
    assert!(shown.body.contains("<li>The application</li>"), "the benefit comes with it: {shown:?}");
    paste(afterwards);
}
