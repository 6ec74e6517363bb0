//! The table of contents beside every page: groups, their sections, their operations.

use super::document::Operation;

/// Groups in the order a reader meets them.
pub struct Navigation {
    pub groups: Vec<Group>,
}

/// One of the large parts of the reference.
pub struct Group {
    pub name: String,
    pub sections: Vec<Section>,
}

/// The operations on one kind of thing.
pub struct Section {
    pub name: String,
    pub operations: Vec<Operation>,
}

/// Groups that are named first; others follow in the order of the document.
const ORDER: [&str; 3] = ["Featured Endpoints", "Issue Funding Endpoints", "Other Endpoints"];

impl Navigation {
    /// Sorts operations into groups and sections. Sections are alphabetical, operations keep the document's order.
    pub fn new(operations: &[Operation]) -> Navigation {
        let mut groups: Vec<Group> = Vec::new();
        for operation in operations {
            let group = place(
                &mut groups,
                |group| group.name == operation.group,
                || Group { name: operation.group.clone(), sections: Vec::new() },
            );
            let section = place(
                &mut group.sections,
                |section| section.name == operation.section,
                || Section { name: operation.section.clone(), operations: Vec::new() },
            );
            section.operations.push(operation.clone());
        }
        groups.sort_by_key(|group| ORDER.iter().position(|name| *name == group.name).unwrap_or(ORDER.len()));
        for group in &mut groups {
            group.sections.sort_by_key(|section| section.name.to_lowercase());
        }
        Navigation { groups }
    }
}

impl Section {
    /// Whether the page at hand belongs to this section, which is then shown open.
    pub fn contains(&self, slug: &str) -> bool {
        self.operations.iter().any(|operation| operation.slug == slug)
    }
}

/// The first entry that fits, put at the end if there is none yet.
fn place<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> &mut T {
    let index = list.iter().position(fits).unwrap_or_else(|| {
        list.push(make());
        list.len() - 1
    });
    &mut list[index]
}
