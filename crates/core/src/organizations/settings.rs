//! The two settings documents of an organization.

use std::borrow::Cow;

use merak_store::{Cell, Column, Json, Param, Value};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::kit::{Patch, WebUrl};

/// How an organization's public profile looks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct ProfileSettings {
    /// Whether the storefront is open.
    pub enabled: Option<bool>,
    /// A sentence about the organization, at most 160 characters.
    pub description: Option<String>,
    /// Repositories shown first.
    pub featured_projects: Option<Vec<Uuid>>,
    /// Organizations shown beside.
    pub featured_organizations: Option<Vec<Uuid>>,
    /// Links shown on the profile.
    pub links: Option<Vec<WebUrl>>,
    /// How subscribing is advertised. Settings that never named it have the defaults; null was said on purpose.
    pub subscribe: Option<SubscribeSettings>,
    /// A colour that begins with `#`.
    pub accent_color: Option<String>,
}

impl Default for ProfileSettings {
    fn default() -> Self {
        Self {
            enabled: None,
            description: None,
            featured_projects: None,
            featured_organizations: None,
            links: None,
            subscribe: Some(SubscribeSettings::default()),
            accent_color: None,
        }
    }
}

/// How subscribing is advertised on a profile.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct SubscribeSettings {
    /// Whether it is.
    pub promote: bool,
    /// Whether the number of subscribers is shown.
    pub show_count: bool,
    /// Whether free subscribers count.
    pub count_free: bool,
}

impl Default for SubscribeSettings {
    fn default() -> Self {
        Self { promote: true, show_count: true, count_free: true }
    }
}

/// What is switched on for an organization. The wire tells a stored null from stored settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureSettings(pub Option<Features>);

impl FeatureSettings {
    /// Settings that say whether issue funding is on.
    pub const fn of(issue_funding_enabled: bool) -> Self {
        Self(Some(Features { issue_funding_enabled }))
    }
}

/// The features that can be switched on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Features {
    /// Whether issues of the organization's repositories can be funded.
    pub issue_funding_enabled: bool,
}

/// A change of profile settings: members that were sent replace, null clears, the rest stays.
#[derive(Clone, Debug, Default)]
pub struct ProfileSettingsPatch {
    /// See [`ProfileSettings::enabled`].
    pub enabled: Patch<bool>,
    /// See [`ProfileSettings::description`]; trimmed, blank clears.
    pub description: Patch<String>,
    /// See [`ProfileSettings::featured_projects`].
    pub featured_projects: Patch<Vec<Uuid>>,
    /// See [`ProfileSettings::featured_organizations`].
    pub featured_organizations: Patch<Vec<Uuid>>,
    /// See [`ProfileSettings::links`].
    pub links: Patch<Vec<WebUrl>>,
    /// See [`ProfileSettings::subscribe`].
    pub subscribe: Patch<SubscribeSettings>,
    /// See [`ProfileSettings::accent_color`].
    pub accent_color: Patch<String>,
}

impl ProfileSettings {
    /// Lays a change over these settings.
    pub fn apply(&mut self, patch: ProfileSettingsPatch) {
        patch.enabled.apply(&mut self.enabled);
        patch.description.apply(&mut self.description);
        self.description = self.description.take().and_then(|text| {
            let trimmed = text.trim();
            (!trimmed.is_empty()).then(|| trimmed.to_owned())
        });
        patch.featured_projects.apply(&mut self.featured_projects);
        patch.featured_organizations.apply(&mut self.featured_organizations);
        patch.links.apply(&mut self.links);
        patch.subscribe.apply(&mut self.subscribe);
        patch.accent_color.apply(&mut self.accent_color);
    }
}

macro_rules! stored_as_json {
    ($($type:ty),*) => {$(
        impl Param for $type {
            fn value(&self) -> Value<'_> {
                let json = serde_json::to_string(self).expect("settings are always JSON");
                Value::Json(Cow::Owned(json))
            }
        }
        impl Column for $type {
            fn read(cell: Cell<'_>) -> merak_store::Result<Self> {
                Json::read(cell)?.parse()
            }
        }
    )*};
}
stored_as_json!(ProfileSettings, FeatureSettings);
