//! The program around the library: what was typed ([`args`]), what it means ([`plan`]), and doing it ([`run`]).

mod args;
mod compare;
mod exit;
mod follow;
mod help;
mod help_zh;
mod plan;
mod plugin;
mod progress;
mod report;
mod rules;
mod run;
mod screen;
mod tongue;
mod trace;

pub(crate) use exit::Exit;
pub(crate) use run::run;
pub(crate) use tongue::Tongue;
