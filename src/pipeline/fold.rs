//! The fold of a run of lines: the very same for one thread and for many.

use std::ops::ControlFlow;
use std::sync::Arc;

use super::store::{Folded, Store};
use super::task::WINDOW_BYTES;
use super::{Fold, Place, Seen};
use crate::aggregate::Glimpse;
use crate::format::{Looker, Reader, Reading};
use crate::frame::{Block, Line, Lines, MAX_LINE_BYTES, Names, Peeled, names, peel};
use crate::record::object::several;
use crate::record::{Carrier, Layout, Reason, Record, Reject};

/// UTF-8's byte-order mark: no part of the first line.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// Lines on their way into a fold, whichever it is.
pub(super) trait Lane {
    /// Before the first line: whether blocks know the number of their first line.
    fn set_counted(&mut self, counted: bool);

    /// Folds the lines of a block. Every now and then `pause` may take what was folded so far, by [`take`](Self::take).
    fn block(&mut self, block: &Block, pause: &mut Pause<'_>) -> ControlFlow<()>;

    /// Lines seen, and not taken yet.
    fn lines(&self) -> u64;

    /// [`Fold::is_full`].
    fn is_full(&self, share: usize) -> bool;

    /// What was folded so far; the next line begins a new part.
    fn take(&mut self) -> Folded;

    /// What was folded; there is no next line. A fold that is made has to get to the merging: what it was made of is used
    /// again.
    fn end(self: Box<Self>) -> Folded;
}

/// Asked every few hundred lines; `Break` when nobody wants more.
pub(super) type Pause<'p> = dyn FnMut(&mut dyn Lane) -> ControlFlow<()> + 'p;

/// The lane of one kind of fold.
pub(super) struct Folding<'r, F, M> {
    fold: F,
    lines: u64,
    store: &'r Store<F, M>,
    reader: &'r Reader,
    /// Looks at lines before they are read, where the fold may be content with that.
    looker: Option<Looker<'r>>,
    source: u32,
    name: Arc<str>,
    /// The pod, where the name of the source tells it.
    home: Home,
    /// The cutter counts, so that a line's number is that within its source; otherwise it is that within the part.
    counted: bool,
    layout: Layout,
    peeled: Vec<u8>,
    scratch: Vec<u8>,
}

impl<'r, F: Fold, M: Fn() -> F + Sync> Folding<'r, F, M> {
    pub(super) fn new(
        store: &'r Store<F, M>,
        reader: &'r Reader,
        source: u32,
        name: Arc<str>,
        counted: bool,
    ) -> Self {
        let fold = store.make();
        let looker = if fold.glances() { reader.looker() } else { None };
        Folding {
            fold,
            lines: 0,
            store,
            reader,
            looker,
            source,
            home: Home(names(name.as_bytes())),
            name,
            counted,
            layout: Layout::default(),
            peeled: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// Passes over the lines for which a glance is enough, up to the next pause. True when the telling bytes of the line
    /// behind them are known.
    #[inline]
    fn glance(&mut self, lines: &mut Lines<'_>, next_pause: u64, before: u64) -> bool {
        let Some(looker) = &mut self.looker else { return false };
        let Some(text) = lines.rest() else { return false };
        let (offset, number) = lines.next_place();
        let (source, name) = (self.source, &*self.name);
        let (mut at, mut passed) = (0, 0);
        let known = loop {
            let Some(rest) = text.get(at..).filter(|_| offset + (at as u64) < next_pause) else {
                break false;
            };
            let Some((length, glance)) = looker.look(rest) else { break false };
            let place = Place {
                source,
                name,
                line: (number + passed).wrapping_add(before),
                offset: offset + at as u64,
                raw: rest.get(..length).unwrap_or(rest),
            };
            match self.fold.glance(&glance, Some(&place)) {
                Glimpse::Counted => {
                    at += length + 1;
                    passed += 1;
                }
                Glimpse::Known => break true,
                Glimpse::Unknown => break false,
            }
        };
        lines.pass(at, passed);
        self.lines += passed;
        known
    }

    /// Takes a line. `known`: a glance was taken at it, and its telling bytes are known.
    fn line(&mut self, line: &Line<'_>, known: bool) {
        self.lines += 1;
        let place = Place {
            source: self.source,
            name: &self.name,
            line: line.number,
            offset: line.offset,
            raw: line.bytes,
        };
        if line.too_long {
            let reject = Reject { reason: Reason::TooLong, column: MAX_LINE_BYTES as u32 };
            return self.fold.see(&Seen::Reject(reject), &place);
        }
        if known
            && let Some(looker) = &self.looker
            && looker.read_known(line.bytes, &mut self.layout)
        {
            let mut record = Record::new(line.bytes, &self.layout, Carrier::default());
            self.home.fill(&self.name, &mut record);
            return self.fold.see(&Seen::Record(record), &place);
        }
        let peeled = peel(line.bytes, &mut self.peeled);
        if peeled.text.len() < line.bytes.len() {
            self.fold.wrapped(&peeled.carrier);
        }
        if let Some(looker) = self.looker.as_mut().filter(|_| peeled.text.len() < line.bytes.len())
            && let Some((length, glance)) = looker.look(peeled.text)
            && length == peeled.text.len()
            && self.fold.glance(&glance, None) == Glimpse::Counted
        {
            return;
        }
        let reading = self.reader.read(peeled.text, &mut self.layout, &mut self.scratch);
        if let Reading::Rejected(Reject { reason: Reason::SeveralObjects, .. }) = reading
            && let Some(pieces) = several(peeled.text)
        {
            let pieces = pieces.into_iter().map(|piece| &peeled.text[piece]);
            return see_each(&mut self.fold, self.reader, pieces, peeled.carrier, &place);
        }
        let mut seen = seen(reading, &peeled, &self.layout, &self.scratch);
        if let Seen::Record(record) = &mut seen {
            self.home.fill(&self.name, record);
        }
        self.fold.see(&seen, &place);
    }
}

impl<F: Fold, M: Fn() -> F + Sync> Lane for Folding<'_, F, M> {
    fn set_counted(&mut self, counted: bool) {
        self.counted = counted;
    }

    fn block(&mut self, block: &Block, pause: &mut Pause<'_>) -> ControlFlow<()> {
        if block.offset == 0 {
            self.fold.begin(self.source, block.bytes());
        }
        let mut before = if self.counted { 0 } else { self.lines };
        let mut next_pause = block.offset + WINDOW_BYTES as u64;
        let mut lines = block.lines();
        loop {
            let known = self.glance(&mut lines, next_pause, before);
            let Some(mut line) = lines.next() else { break };
            line.number = line.number.wrapping_add(before);
            if line.offset == 0 && line.bytes.starts_with(BOM) {
                line.bytes = &line.bytes[BOM.len()..];
                line.offset = BOM.len() as u64;
            }
            self.line(&line, known);
            if line.offset >= next_pause {
                next_pause = line.offset + WINDOW_BYTES as u64;
                let seen = self.lines;
                pause(self)?;
                if !self.counted && self.lines == 0 {
                    // What comes is another part, whose lines are numbered from 1.
                    before = before.wrapping_sub(seen);
                }
            }
        }
        ControlFlow::Continue(())
    }

    fn lines(&self) -> u64 {
        self.lines
    }

    fn is_full(&self, share: usize) -> bool {
        self.fold.is_full(share)
    }

    fn take(&mut self) -> Folded {
        let fold = std::mem::replace(&mut self.fold, self.store.make());
        let lines = std::mem::take(&mut self.lines);
        self.store.keep(fold, lines)
    }

    fn end(self: Box<Self>) -> Folded {
        let Folding { fold, lines, store, .. } = *self;
        store.keep(fold, lines)
    }
}

/// What the name of a source tells of its records.
struct Home(Names);

impl Home {
    /// What the line itself tells is nearer than where its file lies.
    fn fill<'a>(&self, name: &'a str, record: &mut Record<'a>) {
        if self.0.any() && record.pod().is_none() {
            record.carrier = self.0.carrier(name.as_bytes());
        }
    }
}

/// What a line turned out to be, with its record.
#[inline]
fn seen<'a>(reading: Reading, peeled: &Peeled<'a>, layout: &'a Layout, scratch: &'a [u8]) -> Seen<'a> {
    match reading {
        Reading::Access => {
            let text = if layout.in_scratch { scratch } else { peeled.text };
            Seen::Record(Record::new(text, layout, peeled.carrier))
        }
        Reading::Proxy(line) => Seen::Proxy(line),
        Reading::Other => Seen::Other,
        Reading::Rejected(reject) => Seen::Reject(reject),
    }
}

/// Objects that stand on one line, each as if it had a line of its own. What the line told of the pod goes for all.
#[cold]
fn see_each<'a>(
    fold: &mut impl Fold,
    reader: &Reader,
    pieces: impl Iterator<Item = &'a [u8]>,
    around: Carrier<'_>,
    place: &Place<'_>,
) {
    let (mut layout, mut peeling, mut scratch) = (Layout::default(), Vec::new(), Vec::new());
    for piece in pieces {
        let mut peeled = peel(piece, &mut peeling);
        let own = peeled.carrier;
        peeled.carrier = Carrier {
            pod: own.pod.or(around.pod),
            namespace: own.namespace.or(around.namespace),
            container: own.container.or(around.container),
        };
        let reading = reader.read(peeled.text, &mut layout, &mut scratch);
        fold.see(&seen(reading, &peeled, &layout, &scratch), place);
    }
}
