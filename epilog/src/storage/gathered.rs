//! [`Gathered`]: index entries of a bulk insert, waiting to be applied in the order of their index.

use alloc::vec::Vec;

/// Index entries waiting to be applied in order.
#[derive(Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    entries: Vec<Span>,
}

/// Where an entry's bytes are.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    len: u16,
    /// Whether one of its fields is absent.
    absent: bool,
}

impl Span {
    #[inline]
    fn of(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..][..usize::from(self.len)]
    }
}

impl Gathered {
    pub(super) fn push(&mut self, entry: &[u8], absent: bool) {
        let start = u32::try_from(self.bytes.len()).expect("applied long before");
        let len = u16::try_from(entry.len()).expect("the key's length was checked");
        self.bytes.extend_from_slice(entry);
        self.entries.push(Span { start, len, absent });
    }

    /// The bytes of memory that they take while they are sorted.
    pub(super) fn memory(&self) -> usize {
        self.bytes.len() + self.entries.len() * (size_of::<Span>() + size_of::<(u64, Span)>())
    }

    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        // Ascending input, as bulk loads often have, is left as it is.
        if self.entries.is_sorted_by(|a, b| a.of(bytes) <= b.of(bytes)) {
            return;
        }
        // Most comparisons are decided by the first bytes behind what all entries have in common, which are at hand.
        let Some((first, others)) = self.entries.split_first() else { return };
        let first = first.of(bytes);
        let common = others.iter().fold(first.len(), |common, other| {
            first[..common].iter().zip(other.of(bytes)).take_while(|(a, b)| a == b).count()
        });
        let head = |at: &Span| {
            let mut head = [0; 8];
            let rest = &at.of(bytes)[common..];
            let len = rest.len().min(8);
            head[..len].copy_from_slice(&rest[..len]);
            u64::from_be_bytes(head)
        };
        let mut heads: Vec<(u64, Span)> = self.entries.iter().map(|at| (head(at), *at)).collect();
        heads.sort_unstable_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.of(bytes).cmp(b.1.of(bytes))));
        self.entries.clear();
        self.entries.extend(heads.into_iter().map(|(_, at)| at));
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], bool)> {
        self.entries.iter().map(|at| (at.of(&self.bytes), at.absent))
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}
