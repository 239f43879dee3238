//! Snapshots are put together: in order of time, whatever the order in which they were named.

use std::collections::HashMap;

use super::body::{Piece, Rest};
use super::{About, Held, Snapshot};
use crate::aggregate::{Caps, Detail, Moved};
use crate::arrange::Arrange;
use crate::error::{Error, ErrorKind, Result};
use crate::input::Source;
use crate::join::Second;
use crate::words::Said;

/// What the user asks of the result.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Conditions that records must meet, in words; none: those of the snapshots.
    pub filters: Vec<String>,
    /// Names of the fields to group by; none: those of the snapshots.
    pub by: Vec<String>,
    /// Snapshots that hold the same lines may be counted, each for itself.
    pub allow_overlap: bool,
    /// Nobody asks for what only a report shows.
    pub no_detail: bool,
}

/// One of the parts: counted just now, or a snapshot.
enum Part<'h> {
    Live(Box<Snapshot>),
    Held(&'h Held, About),
}

impl Part<'_> {
    fn about(&self) -> &About {
        match self {
            Part::Live(snapshot) => &snapshot.about,
            Part::Held(_, about) => about,
        }
    }

    fn name(&self) -> &str {
        match self {
            Part::Live(_) => "-",
            Part::Held(held, _) => held.name(),
        }
    }
}

/// Puts together what was counted just now, if anything, and snapshots. Those that cannot be read are named, and the rest
/// is put together.
///
/// # Errors
/// When they do not go together: other filters or groups, or the same lines twice.
pub fn merge(live: Option<Snapshot>, held: &[Held], asked: &Asked) -> Result<(Snapshot, Vec<Error>)> {
    let mut failures = Vec::new();
    let mut parts: Vec<Part<'_>> = live.into_iter().map(|live| Part::Live(Box::new(live))).collect();
    for held in held {
        match held.about() {
            Ok(about) => parts.push(Part::Held(held, about)),
            Err(error) => failures.push(error),
        }
    }
    agree(&parts, asked)?;
    if !asked.allow_overlap {
        refuse_overlap(&parts)?;
    }
    // By time; where that says nothing, by what they were made of.
    parts.arrange_by(|a, b| rank(a.about()).cmp(&rank(b.about())));
    let mut whole: Option<Snapshot> = None;
    for part in parts {
        match (part, &mut whole) {
            (Part::Live(live), None) => whole = Some(*live),
            (Part::Live(live), Some(whole)) => whole.add(*live),
            // Nothing is there yet that it could spoil.
            (Part::Held(held, _), None) => match held.load() {
                Ok(mut first) => {
                    first.tracked.clear();
                    if asked.no_detail {
                        first.detail = Detail::default();
                    }
                    whole = Some(first);
                }
                Err(error) => failures.push(error),
            },
            (Part::Held(held, _), Some(whole)) => match held.check() {
                Ok(()) => held.add_to(whole, !asked.no_detail)?,
                Err(error) => failures.push(error),
            },
        }
    }
    Ok((whole.unwrap_or_default(), failures))
}

fn rank(about: &About) -> impl Ord + '_ {
    let (first, last) = about.times_us.unwrap_or((i64::MAX, i64::MAX));
    let source = about.sources.first().map(|source| (source.name.as_str(), source.bytes, &source.head.0));
    (first, last, source)
}

/// Filters and groups must be the same everywhere, and those asked for.
fn agree(parts: &[Part<'_>], asked: &Asked) -> Result<()> {
    let Some(first) = parts.first() else { return Ok(()) };
    let wanted = if asked.filters.is_empty() { &first.about().filters } else { &asked.filters };
    if let Some(other) = parts.iter().find(|part| part.about().filters != *wanted) {
        let (name, theirs, ours) = (other.name(), shown(&other.about().filters), shown(wanted));
        return Err(refused(both!(
            "{name}: the snapshot was made with other filters ({theirs}) than are asked for ({ours}): make it again with the \
             same ones; what a snapshot left out cannot be got back",
            "{name}：快照使用的过滤条件（{theirs}）与要求的（{ours}）不同：请用相同条件重新生成，快照排除的内容无法恢复"
        )));
    }
    let wanted = if asked.by.is_empty() { &first.about().by } else { &asked.by };
    if let Some(other) = parts.iter().find(|part| part.about().by != *wanted) {
        let (name, theirs, ours) = (other.name(), shown(&other.about().by), shown(wanted));
        return Err(refused(both!(
            "{name}: the snapshot is grouped by other fields ({theirs}) than are asked for ({ours}): make it again with the \
             same --by",
            "{name}：快照的分组字段（{theirs}）与要求的（{ours}）不同：请用相同的 --by 重新生成"
        )));
    }
    Ok(())
}

/// An error unless a state goes on with the same filters and groups.
///
/// # Errors
/// When it has others.
pub fn agree_with(state: &About, asked: &Asked) -> Result<()> {
    let (filters, by) = (state.filters == asked.filters, state.by == asked.by);
    if filters && by {
        return Ok(());
    }
    let theirs = shown(if filters { &state.by } else { &state.filters });
    let ours = shown(if filters { &asked.by } else { &asked.filters });
    Err(refused(both!(
        "--state: it was begun with other filters or groups ({theirs}) than are asked for ({ours}): name another file for these",
        "--state：该状态文件的过滤或分组条件（{theirs}）与要求的（{ours}）不同：请为它们使用另一个文件"
    )))
}

fn shown(list: &[String]) -> String {
    if list.is_empty() { "-".to_owned() } else { list.join(", ") }
}

fn refused(message: Said) -> Error {
    ErrorKind::Option { message }.into()
}

/// Lines that are in two parts would count twice.
fn refuse_overlap(parts: &[Part<'_>]) -> Result<()> {
    let mut seen: HashMap<u64, Vec<(usize, &Source)>> = HashMap::new();
    for (at, part) in parts.iter().enumerate() {
        for source in &part.about().sources {
            let Some(first_line) = source.head.0.first() else { continue };
            let same = seen.entry(*first_line).or_default();
            if let Some((other, twin)) =
                same.iter().find(|(other, twin)| *other != at && twin.overlaps(source))
            {
                let (name, other) = (part.name(), parts[*other].name());
                let (mine, theirs) = (&source.name, &twin.name);
                return Err(refused(both!(
                    "{name}: its source {mine:?} has lines that {other} has, too (source {theirs:?}): they would count twice; \
                     --allow-overlap counts them all the same",
                    "{name}：其来源 {mine:?} 中的行也在 {other} 中（来源 {theirs:?}），会被重复计数；--allow-overlap 可强制合并"
                )));
            }
            same.push((at, source));
        }
    }
    Ok(())
}

/// Where the sources of a later part go, behind so many.
pub(super) fn behind(before: usize) -> impl Fn(u32) -> Moved + Copy {
    let before = u32::try_from(before).unwrap_or(u32::MAX);
    move |source| Moved { source: before.saturating_add(source), ..Moved::default() }
}

impl Snapshot {
    /// Adds what comes later.
    pub fn add(&mut self, mut later: Snapshot) {
        let about = std::mem::take(&mut later.about);
        self.add_moved(later, behind(self.about.sources.len()));
        self.know(about);
    }

    /// Adds what comes later, whose sources have their places here.
    pub fn add_at(&mut self, mut later: Snapshot, places: &[Moved]) {
        let about = About { sources: Vec::new(), ..std::mem::take(&mut later.about) };
        self.add_moved(later, |source| places.get(source as usize).copied().unwrap_or_default());
        self.know(about);
    }

    fn add_moved(&mut self, later: Snapshot, to: impl Fn(u32) -> Moved + Copy) {
        let Snapshot { passed, failures, skipped, interrupted, .. } = later;
        for piece in [
            Piece::Summary(Box::new(later.summary)),
            Piece::Detail(Box::new(later.detail)),
            Piece::Join(Box::new(later.join)),
            Piece::Second(later.second.map(Box::new)),
            Piece::Rest(Rest { passed, failures, skipped, interrupted }),
        ] {
            self.add_piece(piece, to);
        }
    }

    /// Adds some of the counts of what comes later.
    pub(super) fn add_piece(&mut self, piece: Piece, to: impl Fn(u32) -> Moved + Copy) {
        match piece {
            Piece::Summary(mut later) => {
                later.relocate(to);
                self.summary.merge(*later, &Caps::default());
            }
            Piece::Detail(later) => self.detail.merge(*later),
            Piece::Join(mut later) => {
                later.relocate(to, &HashMap::new());
                self.join.merge(*later);
            }
            Piece::Second(None) => self.second = None,
            Piece::Second(Some(mut later)) => {
                if let Some(second) = &mut self.second {
                    later.relocate(to);
                    second.merge(*later);
                }
            }
            Piece::Rest(mut later) => {
                self.passed.add(later.passed);
                self.failures.append(&mut later.failures);
                self.skipped += later.skipped;
                self.interrupted |= later.interrupted;
            }
            // How far files were read is for the next run of that state alone.
            Piece::Tracked(_) => {}
        }
    }

    /// Says what was added, all of which is here now.
    pub(super) fn know(&mut self, mut later: About) {
        self.join = std::mem::take(&mut self.join).settled();
        self.second = self.second.take().map(Second::settled);
        self.about.sources.append(&mut later.sources);
        self.about.filters = later.filters;
        self.about.by = later.by;
        self.about.times_us = self.times_us();
    }
}
