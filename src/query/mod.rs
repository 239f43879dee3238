//! Which records count.
