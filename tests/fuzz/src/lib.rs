//! What the fuzzers look for: the properties that the tests know, too.

#[path = "../../it/media.rs"]
mod media;
#[path = "../../it/properties.rs"]
mod properties;

/// Panics where the property of this name does not hold for these bytes.
pub fn hold(name: &str, data: &[u8]) {
    let (_, property) = properties::PROPERTIES.iter().find(|(known, _)| *known == name).expect("a property");
    property(data);
}
