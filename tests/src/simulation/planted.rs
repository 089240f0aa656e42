//! [`Planted`]: bugs put in on purpose, of the disk and of the library, which the simulation must find.

use super::PATH;
use crate::disk;

/// A bug put in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// One sync of file data, another one in each workload, does nothing.
    DropSync,
    /// The syncs of the journal do nothing.
    IgnoreJournalSyncs,
    /// The syncs of the database file do nothing.
    IgnoreFileSyncs,
    /// The syncs of directories do nothing.
    IgnoreDirectorySyncs,
    /// A mistake of the library, with its name.
    #[cfg(feature = "planted-bugs")]
    Library(&'static str, epilog::storage::planted::Bug),
}

impl Planted {
    /// All that can be put in: those of the library with the feature `planted-bugs` only.
    pub fn all() -> Vec<Planted> {
        let disk = [
            Planted::DropSync,
            Planted::IgnoreJournalSyncs,
            Planted::IgnoreFileSyncs,
            Planted::IgnoreDirectorySyncs,
        ];
        #[cfg(feature = "planted-bugs")]
        let library = {
            use epilog::storage::planted::Bug;
            [
                ("publish-before-durable", Bug::PublishBeforeDurable),
                ("stale-frames", Bug::StaleFrames),
                ("blocks-reused-early", Bug::BlocksReusedEarly),
                ("unverified-images", Bug::UnverifiedImages),
                ("header-before-images", Bug::HeaderBeforeImages),
                ("header-before-journal", Bug::HeaderBeforeJournal),
                ("numbers-reused-early", Bug::NumbersReusedEarly),
                ("claims-ignored", Bug::ClaimsIgnored),
                ("map-page-lost", Bug::MapPageLost),
                ("sync-errors-forgotten", Bug::SyncErrorsForgotten),
            ]
            .map(|(name, bug)| Planted::Library(name, bug))
        };
        #[cfg(not(feature = "planted-bugs"))]
        let library: [Planted; 0] = [];
        disk.into_iter().chain(library).collect()
    }

    /// Its name on the command line.
    pub fn name(&self) -> &'static str {
        match self {
            Planted::DropSync => "drop-sync",
            Planted::IgnoreJournalSyncs => "ignore-journal-syncs",
            Planted::IgnoreFileSyncs => "ignore-file-syncs",
            Planted::IgnoreDirectorySyncs => "ignore-directory-syncs",
            #[cfg(feature = "planted-bugs")]
            Planted::Library(name, _) => name,
        }
    }

    /// The one of this name.
    pub fn by_name(name: &str) -> Option<Planted> {
        Planted::all().into_iter().find(|planted| planted.name() == name)
    }

    /// Puts it in, everywhere in the process, if it is one of the library's; takes out what was in before.
    pub fn plant(planted: Option<Planted>) {
        #[cfg(feature = "planted-bugs")]
        epilog::storage::planted::plant(match planted {
            Some(Planted::Library(_, bug)) => Some(bug),
            _ => None,
        });
        #[cfg(not(feature = "planted-bugs"))]
        let _ = planted;
    }

    /// What the disk of the workload of `seed` does then.
    pub(super) fn disk_bug(self, seed: u64) -> Option<disk::Bug> {
        Some(match self {
            // The first syncs make the files; one of those that follow is dropped.
            Planted::DropSync => disk::Bug::DropSync(seed % 20),
            Planted::IgnoreJournalSyncs => disk::Bug::IgnoreSyncs("-journal".into()),
            Planted::IgnoreFileSyncs => disk::Bug::IgnoreSyncs(PATH.into()),
            Planted::IgnoreDirectorySyncs => disk::Bug::IgnoreDirectorySyncs,
            #[cfg(feature = "planted-bugs")]
            Planted::Library(..) => return None,
        })
    }
}
