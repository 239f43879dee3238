//! Did you mean: the known name that a mistaken one is nearest to.

/// The nearest name, where one is so near that a slip of the hand would explain the difference.
pub(super) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let like = |known: &'n str| (strsim::jaro_winkler(name, known), known);
    let scored = known.into_iter().map(like).filter(|(score, _)| *score > ENOUGH);
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, known)| known)
}

/// One letter too few, too many or wrong in a short name.
const ENOUGH: f64 = 0.85;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_hand_are_found() {
        let known = ["reviews", "ratings", "details", "productpage"];
        for (slip, meant) in [("reviws", "reviews"), ("rating", "ratings"), ("prodcutpage", "productpage")] {
            assert_eq!(nearest(slip, known), Some(meant));
        }
        assert_eq!(nearest("checkout", known), None);
    }
}
