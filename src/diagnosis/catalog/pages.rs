//! Every page: one row each, in the order of `catalog causes`.

pub(super) static PAGES: &[(&str, &str)] = &[];
