//! What is going on now: a log that is still being written, on a screen that shows it, or in blocks of text.
//!
//! ```text
//!  pipeline::follow ──▶ Known ──▶ Board (windows, rows) ─▶ view ─▶ terminal
//!                         └─────▶ Causes (diagnosis, a thread of its own)
//!  terminal ─▶ keys ─▶ App (what is shown, and how)
//! ```
//!
//! [`Board`] and [`App`] know nothing of a terminal: they are values, made from what is known and from the keys. Time is
//! the log's own: "now" is its newest record, and goes on with this machine's clock while nothing comes. So a log of
//! yesterday shows its last minute, and not an empty one.

mod app;
mod board;
mod causes;
mod drill;
mod help;
mod keys;
mod pace;
mod plain;
mod save;
mod screen;
mod table;
mod text;
mod tone;
mod view;
mod watch;

pub use app::{Action, App, Sort};
pub use board::{Board, Window};
pub use causes::{Cause, Causes, State};
pub use keys::Key;
pub use plain::blocks;
pub use screen::{Screen, restore};
pub use watch::{End, Message, Setup, sender, watch};
