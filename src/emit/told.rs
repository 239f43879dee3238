//! What is said of a record behind the fields that were logged. It is the same for long runs of records, so it is kept as
//! it was written, and copied for as long as nothing of it changes.

use std::borrow::Cow;

use super::Origin;
use crate::envoy::Direction;
use crate::record::{Field, Kind, Outcome, Raw, Record};

/// What meshwhy says of a record.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told<'a> {
    pub(super) words: Words,
    texts: [Option<&'a [u8]>; 5],
}

/// The part of it that is words of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Words {
    pub(super) outcome: Outcome,
    pub(super) kind: Kind,
    pub(super) direction: Option<Direction>,
    pub(super) format: &'static str,
    pub(super) complete: bool,
    escaped_flags: bool,
}

impl<'a> Told<'a> {
    #[inline]
    pub(super) fn of(record: &Record<'a>, origin: &Origin<'a>) -> Told<'a> {
        let flags = record.get(Field::Flags);
        Told {
            words: Words {
                outcome: record.outcome(),
                kind: record.kind(),
                direction: record.direction(),
                format: record.format(),
                complete: record.complete(),
                escaped_flags: flags.is_some_and(|raw| raw.escaped),
            },
            texts: [
                flags.map(|raw| raw.bytes),
                record.pod(),
                record.namespace(),
                record.container(),
                Some(origin.source.as_bytes()),
            ],
        }
    }

    /// The flags as logged, empty when there are none.
    pub(super) fn flags(&self) -> Cow<'a, [u8]> {
        let raw = |bytes| Raw { bytes, escaped: self.words.escaped_flags }.text();
        self.texts[0].map(raw).unwrap_or_default()
    }

    pub(super) fn pod(&self) -> Option<&'a [u8]> {
        self.texts[1]
    }

    pub(super) fn namespace(&self) -> Option<&'a [u8]> {
        self.texts[2]
    }

    pub(super) fn container(&self) -> Option<&'a [u8]> {
        self.texts[3]
    }

    pub(super) fn source(&self) -> &'a [u8] {
        self.texts[4].unwrap_or_default()
    }
}

/// The last of it that was written.
#[derive(Debug, Default)]
pub(super) struct Memo {
    words: Option<Words>,
    texts: [Option<Box<[u8]>>; 5],
    written: Vec<u8>,
}

impl Memo {
    /// It as `write` writes it, which has to be the same function each time.
    #[inline]
    pub(super) fn written(&mut self, told: &Told<'_>, write: impl FnOnce(&Told<'_>, &mut Vec<u8>)) -> &[u8] {
        let same = self.words == Some(told.words) && self.texts.iter().map(Option::as_deref).eq(told.texts);
        if !same {
            self.words = Some(told.words);
            self.texts = told.texts.map(|text| text.map(Box::from));
            self.written.clear();
            write(told, &mut self.written);
        }
        &self.written
    }
}
