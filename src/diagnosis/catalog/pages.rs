//! Every page: one row each, in the order of `catalog causes`.

macro_rules! page {
    ($id:literal) => {
        ($id, include_str!(concat!($id, ".md")))
    };
}

/// Id and text of every page.
pub(super) static PAGES: &[(&str, &str)] = &[
];
