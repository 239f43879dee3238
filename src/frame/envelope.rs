//! What carried the line: kubectl's and stern's prefixes, CRI and Docker files, log shippers' JSON.

use crate::record::Carrier;

/// A line without its wrappers.
#[derive(Debug, Clone, Copy)]
pub struct Peeled<'a> {
    /// What the proxy wrote.
    pub text: &'a [u8],
    /// Pod, namespace and container, where the wrapper told them.
    pub carrier: Carrier<'a>,
}

/// Takes the wrappers off a line. `scratch` holds the text when it had to be decoded.
#[inline]
pub fn peel<'a>(line: &'a [u8], _scratch: &'a mut Vec<u8>) -> Peeled<'a> {
    Peeled { text: line, carrier: Carrier::default() }
}
