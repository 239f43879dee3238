//! The program around the library: what was typed ([`args`]), what it means ([`plan`]), and doing it ([`run`]).

mod args;
mod compare;
mod exit;
mod plan;
mod plugin;
mod progress;
mod report;
mod run;
mod screen;

pub(crate) use exit::Exit;
pub(crate) use run::run;
