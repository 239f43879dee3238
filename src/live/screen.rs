//! The terminal while it is ours, and as it was before: restored however the program ends.
//!
//! An end by a key or a signal drops the [`Screen`]; a panic, on whatever thread, restores the terminal before its message
//! is written, so that the message stays on the screen.

use std::io::{self, Stdout, Write, stdout};
use std::mem::ManuallyDrop;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

/// The terminal is in raw mode and shows the other screen.
static OURS: AtomicBool = AtomicBool::new(false);
/// Some thread has panicked since.
static BROKEN: AtomicBool = AtomicBool::new(false);
static HOOK: Once = Once::new();

/// The terminal, ours until this is dropped.
pub struct Screen {
    // Not dropped: it would show the cursor once more, and panic where standard error is gone with the terminal.
    terminal: ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>,
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Standard output is no terminal, or there is none whose keys can be read.
    pub fn enter() -> io::Result<Screen> {
        HOOK.call_once(restore_on_panic);
        enable_raw_mode()?;
        OURS.store(true, Ordering::SeqCst);
        // Not `Terminal::clear`: it asks where the cursor is, and not every terminal answers.
        let entered = execute!(stdout(), EnterAlternateScreen, Clear(ClearType::All))
            .and_then(|()| Terminal::new(CrosstermBackend::new(stdout())));
        match entered {
            Ok(terminal) => Ok(Screen { terminal: ManuallyDrop::new(terminal) }),
            Err(error) => {
                restore();
                Err(error)
            }
        }
    }

    /// Draws.
    ///
    /// # Errors
    /// The terminal is gone.
    pub fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }

    /// True once something has panicked: then the terminal is no longer ours.
    pub fn is_broken() -> bool {
        BROKEN.load(Ordering::SeqCst)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back as it was; once, and only where it was taken.
pub fn restore() {
    if OURS.swap(false, Ordering::SeqCst) {
        // Nothing can be done about a terminal that is gone.
        let _ = execute!(stdout(), LeaveAlternateScreen, Show);
        let _ = stdout().flush();
        let _ = disable_raw_mode();
    }
}

fn restore_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if OURS.load(Ordering::SeqCst) {
            BROKEN.store(true, Ordering::SeqCst);
            restore();
        }
        before(info);
    }));
}
