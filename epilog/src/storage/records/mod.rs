//! Records: from fields to page bytes and back, and the keys their indexes hold.
//!
//! A record has three forms: a [`RecordDraft`] (being made), an *image* (a draft's bytes in the journal), and a
//! [`RecordRef`] (lying on a page). The layout of the first two is the catalog's; only the third knows that a long value
//! may lie on a page of its own.

mod constraint;
mod draft;
mod loose;
mod record;

pub mod keys;

pub use constraint::ConstraintError;
pub use draft::RecordDraft;
pub use loose::LooseRecord;
pub(crate) use record::{Composer, inline_len_max, out_of_line_pages, out_of_line_values};
pub use record::{FieldCell, RecordRef};
