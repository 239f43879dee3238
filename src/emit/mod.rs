//! Records out again.
