//! Globs over bytes: `*` is any text, `?` any one byte. The whole text must fit; upper and lower case differ.

/// True when the text fits the glob. Time is at most glob × text, whatever both hold: only the last `*` is retried.
pub(super) fn fits(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    loop {
        match (glob.get(g), text.get(t)) {
            (Some(b'*'), _) => {
                retry = Some((g + 1, t));
                g += 1;
            }
            (Some(b'?'), Some(_)) => (g, t) = (g + 1, t + 1),
            (Some(a), Some(b)) if a == b => (g, t) = (g + 1, t + 1),
            (None, None) => return true,
            _ => match retry {
                Some((after, from)) if from < text.len() => {
                    retry = Some((after, from + 1));
                    (g, t) = (after, from + 1);
                }
                _ => return false,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn stars_and_question_marks() {
        for (glob, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("a*c", "abbbc", true),
            ("a*c", "abbb", false),
            ("*b*b*", "abab", true),
            ("?", "", false),
            ("a?c", "abc", true),
            ("/api/*", "/api", false),
            ("A", "a", false),
            ("*ab", "aab", true),
        ] {
            assert_eq!(fits(glob.as_bytes(), text.as_bytes()), expected, "{glob} {text}");
        }
    }

    proptest! {
        #[test]
        fn agrees_with_the_definition(glob in "[ab*?]{0,8}", text in "[ab]{0,10}") {
            fn slow(g: &[u8], t: &[u8]) -> bool {
                match (g.split_first(), t.split_first()) {
                    (None, None) => true,
                    (Some((b'*', g)), rest) => slow(g, t) || rest.is_some_and(|(_, t)| slow_star(g, t)),
                    (Some((b'?', g)), Some((_, t))) => slow(g, t),
                    (Some((a, g)), Some((b, t))) => a == b && slow(g, t),
                    _ => false,
                }
            }
            fn slow_star(g: &[u8], t: &[u8]) -> bool {
                (0..=t.len()).any(|at| slow(g, &t[at..]))
            }
            prop_assert_eq!(fits(glob.as_bytes(), text.as_bytes()), slow(glob.as_bytes(), text.as_bytes()));
        }
    }
}
