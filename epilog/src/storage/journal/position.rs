//! [`JournalPosition`]: a place between two commits of the journal, as the database's header names it.

/// Commits, checkpoints and files have no greater numbers: a million each second would get there in a hundred thousand
/// years.
pub(crate) const NUMBER_MAX: u64 = 1 << 62;

/// The place behind a commit: where the one after it is looked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct JournalPosition {
    /// The last commit before the place.
    pub commit: u64,
    /// The sequence number of the segment; the first is 1.
    pub segment: u64,
    /// Bytes from the segment's start to the end of the commit's last frame, or of the segment's header.
    pub offset: u32,
    /// The checksum of the commit's last frame, or the seed that the first segment's header names.
    pub chain: u32,
}

impl JournalPosition {
    /// The bytes of an encoded position.
    pub const LEN: usize = 24;

    /// The position as the database's header holds it.
    pub fn encode(&self) -> [u8; JournalPosition::LEN] {
        let mut bytes = [0; JournalPosition::LEN];
        bytes[0..8].copy_from_slice(&self.commit.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.segment.to_le_bytes());
        bytes[16..20].copy_from_slice(&self.offset.to_le_bytes());
        bytes[20..24].copy_from_slice(&self.chain.to_le_bytes());
        bytes
    }

    /// The position that [`encode`](JournalPosition::encode) made.
    pub fn decode(bytes: &[u8; JournalPosition::LEN]) -> JournalPosition {
        let [c0, c1, c2, c3, c4, c5, c6, c7, s0, s1, s2, s3, s4, s5, s6, s7, o0, o1, o2, o3, h0, h1, h2, h3] =
            *bytes;
        JournalPosition {
            commit: u64::from_le_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            segment: u64::from_le_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
            offset: u32::from_le_bytes([o0, o1, o2, o3]),
            chain: u32::from_le_bytes([h0, h1, h2, h3]),
        }
    }
}
