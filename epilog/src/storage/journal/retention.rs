//! [`Retention`]: how much of the past is kept; [`Keep`]: which of the journal's segments that is.

/// How much of the past is kept: at least so much, and a little more.
///
/// # Examples
///
/// ```
/// use epilog::database::{CommitNumber, Retention};
#[doc = include_str!("../../example.txt")]
///
/// let db: Database<Music> = Options::default().retain_changes(Retention::Commits(2)).in_memory()?;
/// for name in ["Iron Maiden", "Saxon", "Zappa"] {
///     db.write(|tx| tx.insert(&Artist { id: Id::auto(), name: name.into() }))?;
/// }
/// let last = db.read()?.commit();
/// let names = db.changes(CommitNumber(last.0 - 2))?.map(|set| {
///     let artist = set?.changes().next().expect("one change")?.record::<Artist>().expect("an artist")?;
///     Ok(artist.name)
/// });
/// assert_eq!(names.collect::<Result<Vec<_>, Error>>()?, ["Saxon", "Zappa"]);
/// assert_eq!(db.changes(CommitNumber(0)).unwrap_err().kind(), ErrorKind::NotRetained);
/// # Ok::<(), Error>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Retention {
    /// All of it, without end.
    Everything,
    /// The newest, as many bytes.
    Bytes(u64),
    /// The newest commits, as many.
    Commits(u64),
}

impl Retention {
    /// Whether something old may go: commits up to `through` are in it, behind it lie `newer_bytes`, and `last` is the
    /// last commit there is.
    pub(crate) fn lets_go(self, through: u64, newer_bytes: u64, last: u64) -> bool {
        match self {
            Retention::Everything => false,
            Retention::Bytes(bytes) => newer_bytes >= bytes,
            Retention::Commits(count) => through.saturating_add(count) <= last,
        }
    }
}

/// What of a journal is kept though no recovery needs it. By default nothing.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Keep {
    /// An archive has the commits up to this one, and is to get those after it.
    pub archived: Option<u64>,
    /// What readers of changes may want.
    pub window: Option<Retention>,
}

impl Keep {
    /// Whether a segment with parts of commits up to `through` may be recycled: see [`Retention::lets_go`].
    pub(super) fn lets_go(self, through: u64, newer_bytes: u64, last: u64) -> bool {
        self.archived.is_none_or(|archived| through <= archived)
            && self.window.is_none_or(|window| window.lets_go(through, newer_bytes, last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_archived_and_out_of_the_window_goes() {
        let keep = |archived, window| Keep { archived, window };
        assert!(Keep::default().lets_go(7, 0, 7));
        assert!(!keep(Some(6), None).lets_go(7, 0, 9));
        assert!(keep(Some(7), None).lets_go(7, 0, 9));
        assert!(!keep(None, Some(Retention::Commits(3))).lets_go(7, 0, 9));
        assert!(keep(None, Some(Retention::Commits(2))).lets_go(7, 0, 9));
        assert!(!keep(None, Some(Retention::Bytes(100))).lets_go(7, 99, 9));
        assert!(keep(None, Some(Retention::Bytes(100))).lets_go(7, 100, 9));
        assert!(!keep(Some(9), Some(Retention::Everything)).lets_go(1, u64::MAX, u64::MAX));
    }
}
