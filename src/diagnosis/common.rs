//! How common a cause is behind a flag: data from `common.toml`, one list a flag.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::envoy::FlagSet;

type Lists = BTreeMap<String, Vec<String>>;

fn lists() -> &'static Lists {
    static LISTS: OnceLock<Lists> = OnceLock::new();
    // A slip is found by the test below; without lists the weights of the patterns order the causes.
    LISTS.get_or_init(|| toml::from_str(include_str!("common.toml")).unwrap_or_default())
}

/// Place of a cause among those of the flags, 0 for the commonest; causes in no list are all at the end. Of several
/// flags the one that names the cause earliest counts.
pub(super) fn place(cause: &str, flags: FlagSet) -> usize {
    flags
        .rows()
        .filter_map(|row| lists().get(row.code)?.iter().position(|id| id == cause))
        .min()
        .unwrap_or(usize::MAX)
}

/// The earliest place of a cause in any list: decides between causes that a text fits alike.
pub(super) fn anywhere(cause: &str) -> usize {
    lists().values().filter_map(|list| list.iter().position(|id| id == cause)).min().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::Catalog;

    #[test]
    fn the_lists_name_flags_and_causes_that_there_are() {
        toml::from_str::<Lists>(include_str!("common.toml")).expect("common.toml");
        for (flag, causes) in lists() {
            assert!(FlagSet::of(flag).is_some(), "no flag is called {flag}");
            for cause in causes {
                assert!(Catalog::built_in().page(cause).is_some(), "{flag}: no cause is called {cause}");
            }
        }
    }
}
