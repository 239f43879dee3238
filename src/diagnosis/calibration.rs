//! From what the model says to how often it is right: one rising curve, its knots in `calibration.toml`, fitted by
//! `tests/calibration.py` (`docs/calibration.md`). It comes last and keeps every order.

use std::sync::OnceLock;

use serde::Deserialize;

use super::finding::Finding;

#[derive(Deserialize)]
struct Curve {
    /// The model's confidence and the share of right answers, both rising from 0 to 1; straight lines between.
    knots: Vec<[f64; 2]>,
}

fn curve() -> &'static Curve {
    static CURVE: OnceLock<Curve> = OnceLock::new();
    // A slip is found by the test below; without knots the model's own confidences stand.
    CURVE.get_or_init(|| {
        toml::from_str(include_str!("calibration.toml")).unwrap_or(Curve { knots: Vec::new() })
    })
}

impl Curve {
    fn at(&self, confidence: f64) -> f64 {
        let part = self.knots.windows(2).find(|pair| confidence <= pair[1][0]);
        match part {
            Some(&[[x0, y0], [x1, y1]]) => y0 + (y1 - y0) * (confidence - x0) / (x1 - x0),
            _ => confidence,
        }
    }
}

/// Makes the confidences of findings mean what they say. What the first cause wins or loses, its rivals lose or win, in
/// their proportions.
pub(super) fn calibrate(findings: &mut [Finding]) {
    for finding in findings {
        let raw = finding.confidence;
        finding.confidence = curve().at(raw).clamp(0.01, 0.99);
        let left = (1.0 - finding.confidence) / (1.0 - raw).max(0.01);
        for rival in &mut finding.alternatives {
            rival.confidence = (rival.confidence * left).min(finding.confidence);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_rises_from_nothing_to_certainty() {
        let curve: Curve = toml::from_str(include_str!("calibration.toml")).expect("calibration.toml");
        assert_eq!((curve.knots.first(), curve.knots.last()), (Some(&[0.0, 0.0]), Some(&[1.0, 1.0])));
        assert!(curve.knots.windows(2).all(|pair| pair[0][0] < pair[1][0] && pair[0][1] < pair[1][1]));
        for [x, y] in &curve.knots {
            assert!((curve.at(*x) - y).abs() < 1e-9);
        }
    }

    #[test]
    fn between_knots_it_is_straight() {
        let curve = Curve { knots: vec![[0.0, 0.0], [0.5, 0.8], [1.0, 1.0]] };
        assert!((curve.at(0.25) - 0.4).abs() < 1e-9 && (curve.at(0.75) - 0.9).abs() < 1e-9);
    }
}
