//! [`Attached`]: what the floors above keep with an open database.

use alloc::boxed::Box;
use core::any::Any;
use core::fmt;

use crate::sync::OnceCell;

/// One thing that the floors above keep with an open database, for as long as that is open. Storage does not know what it
/// is.
pub(crate) struct Attached(OnceCell<Box<dyn Any + Send + Sync>>);

impl Attached {
    /// It, made by `make` when it is not there yet; `None` if it is something else.
    pub(crate) fn get_or_make<T: Any + Send + Sync>(&self, make: impl FnOnce() -> T) -> Option<&T> {
        self.0.get_or_init(|| Box::new(make())).downcast_ref()
    }
}

impl Default for Attached {
    fn default() -> Attached {
        Attached(OnceCell::new())
    }
}

/// Another database keeps nothing yet.
impl Clone for Attached {
    fn clone(&self) -> Attached {
        Attached::default()
    }
}

impl fmt::Debug for Attached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attached")
    }
}
