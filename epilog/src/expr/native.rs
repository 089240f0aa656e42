//! [`Native`]: a test of records that is a program's own code.

use alloc::sync::Arc;
use core::any::Any;
use core::fmt;

/// A test of the root's records that is code of the program: what it is, only who made it and who carries it out know, for a draft
/// names neither records nor the engine. It equals itself and its clones.
#[derive(Clone)]
pub struct Native(Arc<dyn Any + Send + Sync>);

impl core::panic::UnwindSafe for Native {}
impl core::panic::RefUnwindSafe for Native {}

impl Native {
    /// A test, of the type that the engine looks for.
    pub fn new(test: impl Any + Send + Sync) -> Native {
        Native(Arc::new(test))
    }

    /// It, if it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.0.downcast_ref()
    }
}

impl PartialEq for Native {
    fn eq(&self, other: &Native) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl fmt::Debug for Native {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").finish_non_exhaustive()
    }
}
