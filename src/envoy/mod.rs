//! Envoy's own words: response flags, response-code details, transport failure
//! reasons, cluster names. Knows nothing of files or lines.

pub mod address;
pub mod cluster;
pub mod details;
pub mod flags;
pub mod transport;
pub mod ztunnel;

pub use cluster::{Cluster, Direction};
pub use flags::{FLAGS, FlagRow, FlagSet, Side};
