//! The program around the library: what was typed ([`args`]), what it means ([`plan`]), and doing it ([`run`]).

mod args;
mod compare;
mod config;
mod defaults;
mod exit;
mod follow;
mod gates;
mod help;
mod help_zh;
mod manual;
mod near;
mod plan;
mod plugin;
mod progress;
mod report;
mod rules;
mod run;
mod screen;
mod snapshot;
mod tongue;
mod trace;
mod whole;

pub(crate) use exit::Exit;
pub(crate) use run::run;
pub(crate) use tongue::Tongue;
