//! Listeners and their life.

use std::ops::Deref;

use crate::handle::Handle;
use crate::options::Options;

/// A running sandbox. Dropping it stops it; [`Sandbox::stop`] also waits for open exchanges.
pub struct Sandbox {
    handle: Handle,
}

impl Sandbox {
    /// Opens the listeners and the state.
    ///
    /// # Errors
    /// When an address is taken, the state cannot be opened, or the console address is not loopback.
    pub async fn start(_options: Options) -> anyhow::Result<Sandbox> {
        todo!()
    }
    /// A reference for other tasks.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }
    /// Stops accepting, lets open exchanges finish, closes the state.
    pub async fn stop(self) {}
}

impl Deref for Sandbox {
    type Target = Handle;
    fn deref(&self) -> &Handle {
        &self.handle
    }
}
