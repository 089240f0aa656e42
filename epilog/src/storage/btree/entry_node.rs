//! What leaves and branches of entries share: a page of sorted byte strings.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 24 | common header |
//! | 24 | 2 | number of keys |
//! | 26 | 1 | level: 0 for a leaf |
//! | 27 | 1 | zero |
//! | 28 | 2 | heap start |
//! | 30 | 2 | garbage: bytes of the heap that no slot names |
//! | 32 | 2 | prefix length |
//! | 34 | 2 | zero |
//! | 36 | 4 | a branch's first child; zero in a leaf |
//! | 40 | 4 × number | heads: the first four bytes of each key after the prefix, big-endian, zero-padded |
//! | | 4 × number | slots: `u16` offset of the key's bytes after prefix and head, `u16` length of the key after the prefix |
//! | | 4 × number | a branch only: the child behind each key |
//! | | | free |
//! | heap start | | the keys' bytes after prefix and head |
//! | | prefix length | the prefix, to the page's end |
//!
//! All keys of a page start with its prefix. When a page is written anew the prefix is what its *fences* (the separators
//! around it in the branches above) have in common, so that no key that belongs to the page ever breaks it: V. Leis,
//! M. Haubenschild, A. Kemper, T. Neumann, "LeanStore: In-Memory Data Management Beyond Main Memory", ICDE 2018, and
//! G. Graefe, "Modern B-Tree Techniques", §3.5 and §3.6. We differ in two things. Fences are not stored on the page, so
//! a page may take over a removed neighbour's range unchanged; a key that does not start with the prefix then has the
//! page written with a shorter one. And a page that is full is first written with all that its keys have in common,
//! which keeps pages packed that ascending inserts fill.
//!
//! A search compares heads, which are dense, and goes to the heap on a tie only.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::ops::Range;

use super::super::StorageError;
use super::super::page::{PageKind, PageNumber, TreeId};
use super::entry_list::EntryList;
use super::{clear_as, damage, expect_kind, put_u16, put_u32, u16_at, u32_at};

/// Where heads start.
pub(super) const KEYS_START: usize = 40;

/// The bytes of a page of `len` bytes for keys.
pub(super) const fn capacity(len: usize) -> usize {
    len - KEYS_START
}

/// The bytes a key takes on a page beside those in the heap.
const fn slot_len(kind: PageKind) -> usize {
    match kind {
        PageKind::EntryBranch => 12,
        _ => 8,
    }
}

/// The bytes a key of `len` bytes takes on a page with a prefix of `prefix_len`.
pub(super) fn cost(kind: PageKind, prefix_len: usize, len: usize) -> usize {
    slot_len(kind) + (len - prefix_len).saturating_sub(4)
}

/// A page of keys whose header has been checked.
#[derive(Clone, Copy, Debug)]
pub(super) struct EntryNode<'p> {
    number: PageNumber,
    page: &'p [u8],
    head: NodeHead,
}

/// The header's fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct NodeHead {
    /// The page's length.
    len: usize,
    kind: PageKind,
    pub(super) count: usize,
    pub(super) level: u8,
    heap_start: usize,
    garbage: usize,
    prefix_len: usize,
}

/// The first four bytes, as a number that orders as they do.
#[inline]
fn head_of(key: &[u8]) -> u32 {
    match key.first_chunk::<4>() {
        Some(bytes) => u32::from_be_bytes(*bytes),
        None => {
            let mut bytes = [0; 4];
            bytes[..key.len()].copy_from_slice(key);
            u32::from_be_bytes(bytes)
        }
    }
}

/// The number that big-endian bytes are.
#[inline]
pub(super) fn rank_of(bytes: &[u8]) -> u128 {
    match <&[u8; 8]>::try_from(bytes).ok() {
        Some(bytes) => u128::from(u64::from_be_bytes(*bytes)),
        None => bytes.iter().fold(0, |rank: u128, byte| rank << 8 | u128::from(*byte)),
    }
}

/// The length of an entry's bytes before its rank of `rank_width` bytes, behind which it may [go on](super::EntryTree::goes_on);
/// `None` when it is too short.
#[inline]
pub(in crate::storage) fn key_len(entry: &[u8], rank_width: usize, goes_on: bool) -> Option<usize> {
    let end = match goes_on {
        false => entry.len(),
        true => {
            let (before, len) = entry.split_last_chunk::<2>()?;
            before.len().checked_sub(usize::from(u16::from_be_bytes(*len)))?
        }
    };
    end.checked_sub(rank_width)
}

/// How many bytes two keys start with together.
pub(super) fn common_len(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(left, right)| left == right).count()
}

impl<'p> EntryNode<'p> {
    /// Checks the header of `page`, which is to be of `kind` and `len` bytes.
    #[inline]
    pub(super) fn open(
        number: PageNumber,
        page: &'p [u8],
        kind: PageKind,
        tree: TreeId,
        len: usize,
    ) -> Result<EntryNode<'p>, StorageError> {
        expect_kind(number, page, kind, tree, [len, len])?;
        // Once for all fields: is there a header?
        let header: &[u8; KEYS_START] = page.first_chunk().expect("the page's length was checked");
        let head = NodeHead {
            len,
            kind,
            count: u16_at(header, 24),
            level: header[26],
            heap_start: u16_at(header, 28),
            garbage: u16_at(header, 30),
            prefix_len: u16_at(header, 32),
        };
        if !head.is_sound() {
            return Err(damage(number, format_args!("the header contradicts itself: {head:?}")));
        }
        Ok(EntryNode { number, page, head })
    }

    pub(super) fn number(&self) -> PageNumber {
        self.number
    }

    pub(super) fn head(&self) -> NodeHead {
        self.head
    }

    pub(super) fn count(&self) -> usize {
        self.head.count
    }

    pub(super) fn level(&self) -> u8 {
        self.head.level
    }

    /// What all keys of the page start with.
    pub(super) fn prefix(&self) -> &'p [u8] {
        &self.page[self.head.len - self.head.prefix_len..]
    }

    #[inline]
    fn heads(&self) -> &'p [[u8; 4]] {
        self.page[KEYS_START..KEYS_START + 4 * self.head.count].as_chunks::<4>().0
    }

    #[inline]
    fn slot(&self, position: usize) -> (usize, usize) {
        let at = KEYS_START + 4 * (self.head.count + position);
        (u16_at(self.page, at), u16_at(self.page, at + 2))
    }

    /// The child at `position`, from 0 to [`count`](Self::count).
    #[inline]
    pub(super) fn child(&self, position: usize) -> PageNumber {
        PageNumber(match position.checked_sub(1) {
            None => u32_at(self.page, 36),
            Some(key) => u32_at(self.page, KEYS_START + 4 * (2 * self.head.count + key)),
        })
    }

    /// The length of the key at `position`, after the prefix.
    #[inline]
    pub(super) fn suffix_len(&self, position: usize) -> usize {
        self.slot(position).1
    }

    /// The bytes of the key at `position` after prefix and head.
    #[inline]
    pub(super) fn rest(&self, position: usize) -> Result<&'p [u8], StorageError> {
        let range = self.rest_range(position)?;
        Ok(&self.page[range])
    }

    #[inline]
    pub(super) fn rest_range(&self, position: usize) -> Result<Range<usize>, StorageError> {
        let (offset, len) = self.slot(position);
        if len <= 4 {
            return Ok(0..0);
        }
        let end = offset + (len - 4);
        if offset < self.head.heap_start || end > self.head.len - self.head.prefix_len {
            return Err(self.bad_slot(position, offset));
        }
        Ok(offset..end)
    }

    #[cold]
    fn bad_slot(&self, position: usize, offset: usize) -> StorageError {
        damage(self.number, format_args!("the bytes of key {position}, at {offset}, lie outside the heap"))
    }

    /// Appends the key at `position` without the page's prefix.
    #[inline]
    pub(super) fn append_suffix(&self, position: usize, out: &mut Vec<u8>) -> Result<(), StorageError> {
        let rest = self.rest(position)?;
        let len = self.suffix_len(position);
        out.extend_from_slice(&self.heads()[position][..len.min(4)]);
        out.extend_from_slice(rest);
        Ok(())
    }

    /// Appends the key at `position`.
    pub(super) fn append_key(&self, position: usize, out: &mut Vec<u8>) -> Result<(), StorageError> {
        out.extend_from_slice(self.prefix());
        self.append_suffix(position, out)
    }

    /// The key at `position`.
    pub(super) fn key(&self, position: usize) -> Result<Vec<u8>, StorageError> {
        let mut key = Vec::with_capacity(self.head.prefix_len + self.suffix_len(position));
        self.append_key(position, &mut key)?;
        Ok(key)
    }

    /// How `key`, after the prefix and with its `head`, compares to the one at `position`.
    #[inline]
    fn compare_suffix(&self, key: &[u8], head: u32, position: usize) -> Result<Ordering, StorageError> {
        let other = u32::from_be_bytes(self.heads()[position]);
        match head.cmp(&other) {
            Ordering::Equal => {
                let len = self.suffix_len(position);
                if key.len() <= 4 || len <= 4 {
                    // The padding is zero, so the shorter is a prefix of the longer.
                    return Ok(key.len().cmp(&len));
                }
                Ok(key[4..].cmp(self.rest(position)?))
            }
            order => Ok(order),
        }
    }

    /// How `key` compares to the one at `position`.
    pub(super) fn compare(&self, key: &[u8], position: usize) -> Result<Ordering, StorageError> {
        match key.strip_prefix(self.prefix()) {
            Some(suffix) => self.compare_suffix(suffix, head_of(suffix), position),
            None => Ok(key.cmp(self.prefix())),
        }
    }

    /// The position of `key`, or where it would be.
    #[inline]
    pub(super) fn search(&self, key: &[u8]) -> Result<Result<usize, usize>, StorageError> {
        let below = |head| self.heads().partition_point(|other| u32::from_be_bytes(*other) < head);
        self.search_with(key, 0, below)
    }

    /// As [`search`](Self::search), of a `key` that no key before `from` reaches and that is expected close behind: by steps that
    /// double, which stay in few lines of memory.
    #[cfg(not(feature = "small"))]
    #[inline]
    pub(super) fn search_from(&self, key: &[u8], from: usize) -> Result<Result<usize, usize>, StorageError> {
        let below = |head| {
            let heads = self.heads();
            let is_below = |other: &[u8; 4]| u32::from_be_bytes(*other) < head;
            let (mut low, mut step) = (from, 1);
            while heads.get(low + step - 1).is_some_and(is_below) {
                low += step;
                step *= 2;
            }
            low + heads[low..heads.len().min(low + step)].partition_point(is_below)
        };
        self.search_with(key, from, below)
    }

    /// The position of `key`, or where it would be, from `from` on, where `below` tells how many keys have a lesser head.
    #[inline(always)]
    fn search_with(
        &self,
        key: &[u8],
        from: usize,
        below: impl FnOnce(u32) -> usize,
    ) -> Result<Result<usize, usize>, StorageError> {
        let Some(key) = key.strip_prefix(self.prefix()) else {
            return Ok(Err(if key < self.prefix() { from } else { self.head.count }));
        };
        let head = head_of(key);
        let heads = self.heads();
        let mut low = below(head);
        if heads.get(low).is_none_or(|other| u32::from_be_bytes(*other) != head) {
            return Ok(Err(low));
        }
        let mut high = low + 1;
        if heads.get(high).is_some_and(|other| u32::from_be_bytes(*other) == head) {
            high += heads[high..].partition_point(|other| u32::from_be_bytes(*other) == head);
        }
        while low < high {
            let middle = low + (high - low) / 2;
            match self.compare_suffix(key, head, middle)? {
                Ordering::Less => high = middle,
                Ordering::Greater => low = middle + 1,
                Ordering::Equal => return Ok(Ok(middle)),
            }
        }
        Ok(Err(low))
    }

    /// The position of the child that holds `key`, in a branch.
    #[inline]
    pub(super) fn child_position(&self, key: &[u8]) -> Result<usize, StorageError> {
        Ok(match self.search(key)? {
            Ok(position) => position + 1,
            Err(position) => position,
        })
    }

    /// The last eight bytes of the prefix, as a big-endian number; fewer when it is shorter.
    #[inline]
    pub(super) fn prefix_tail(&self) -> u64 {
        let prefix = self.prefix();
        prefix[prefix.len().saturating_sub(8)..].iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte))
    }

    /// The last eight bytes of the key at `position`, as a big-endian number, wherever they lie: in the prefix, whose tail
    /// is `prefix_tail`, the head and the heap. `None` when the key is shorter.
    #[inline]
    pub(super) fn tail(&self, position: usize, prefix_tail: u64) -> Result<Option<u64>, StorageError> {
        let rest = self.rest(position)?;
        if let Some(tail) = rest.last_chunk::<8>() {
            return Ok(Some(u64::from_be_bytes(*tail)));
        }
        let len = self.suffix_len(position);
        if self.head.prefix_len + len < 8 {
            return Ok(None);
        }
        let in_head = len.min(4);
        let head = u64::from(u32::from_be_bytes(self.heads()[position])) >> (8 * (4 - in_head));
        let start = if len < 8 { prefix_tail << (8 * in_head) | head } else { head };
        Ok(Some(rest.iter().fold(start, |tail, byte| tail << 8 | u64::from(*byte))))
    }

    /// The `rank_width` bytes of the key at `position` behind `key`, as a number, when it begins with that; they are the last
    /// unless the key `goes_on`.
    ///
    /// The key is compared where it lies.
    pub(super) fn rank_after(
        &self,
        position: usize,
        key: &[u8],
        rank_width: usize,
        goes_on: bool,
    ) -> Result<Option<u128>, StorageError> {
        if goes_on {
            let entry = self.key(position)?;
            let is_found = key_len(&entry, rank_width, true) == Some(key.len()) && entry.starts_with(key);
            return Ok(is_found.then(|| rank_of(&entry[key.len()..][..rank_width])));
        }
        let suffix_len = self.suffix_len(position);
        if self.head.prefix_len + suffix_len != key.len() + rank_width {
            return Ok(None);
        }
        let rest = self.rest(position)?;
        if let Some(suffix) = key.strip_prefix(self.prefix())
            && let Some((head, suffix)) = suffix.split_first_chunk::<4>()
        {
            let same = self.heads()[position] == *head && rest.starts_with(suffix);
            return Ok(same.then(|| rank_of(&rest[suffix.len()..])));
        }
        // The rank begins in the head, or in the prefix.
        let entry = self.key(position)?;
        Ok(entry.strip_prefix(key).map(rank_of))
    }

    /// All keys, and in a branch the child behind each, after checking that they can be what a page holds.
    pub(super) fn append_all(&self, list: &mut EntryList) -> Result<(), StorageError> {
        let mut heap = self.head.garbage;
        list.reserve(self.head.count + 1, 2 * self.head.len + self.head.count * self.head.prefix_len);
        let (prefix, is_branch) = (self.prefix(), self.head.kind == PageKind::EntryBranch);
        for (position, head) in self.heads().iter().enumerate() {
            let rest = self.rest(position)?;
            heap += rest.len();
            let child = if is_branch { self.child(position + 1).0 } else { 0 };
            list.push_parts(prefix, head, self.suffix_len(position), rest, child);
        }
        let expected = self.head.len - self.head.prefix_len - self.head.heap_start;
        if heap != expected {
            return Err(damage(
                self.number,
                format_args!("keys and garbage are {heap} bytes, the heap is {expected}"),
            ));
        }
        if !list.ascends() {
            return Err(damage(self.number, "keys are out of order"));
        }
        Ok(())
    }
}

impl NodeHead {
    fn slot_len(&self) -> usize {
        slot_len(self.kind)
    }

    fn is_sound(&self) -> bool {
        self.heap_start + self.prefix_len <= self.len
            && self.garbage <= self.len - self.prefix_len - self.heap_start
            && KEYS_START + self.count * self.slot_len() <= self.heap_start
            && (self.level > 0) == (self.kind == PageKind::EntryBranch)
    }

    fn write(&self, page: &mut [u8]) {
        put_u16(page, 24, self.count);
        page[26] = self.level;
        put_u16(page, 28, self.heap_start);
        put_u16(page, 30, self.garbage);
        put_u16(page, 32, self.prefix_len);
    }

    /// The bytes between slots and heap.
    pub(super) fn room(&self) -> usize {
        self.heap_start - KEYS_START - self.count * self.slot_len()
    }

    /// The bytes that keys and prefix take.
    pub(super) fn used(&self) -> usize {
        capacity(self.len) - self.room() - self.garbage
    }

    /// Opens or closes a gap of one key at `position` in the arrays; `self` has the count before.
    fn shift(&self, page: &mut [u8], position: usize, opens: bool) {
        let (count, arrays) = (self.count, self.slot_len() / 4);
        let start = |array: usize, count: usize| KEYS_START + 4 * array * count;
        if opens {
            // From the last array to the first: each moves over the room of the one before.
            for array in (0..arrays).rev() {
                let (from, to) = (start(array, count), start(array, count + 1));
                page.copy_within(from + 4 * position..from + 4 * count, to + 4 * (position + 1));
                page.copy_within(from..from + 4 * position, to);
            }
        } else {
            for array in 0..arrays {
                let (from, to) = (start(array, count), start(array, count - 1));
                page.copy_within(from..from + 4 * position, to);
                page.copy_within(from + 4 * (position + 1)..from + 4 * count, to + 4 * position);
            }
        }
    }

    /// Adds a key, given without the page's prefix, at `position`. There is room for it.
    pub(super) fn insert(mut self, page: &mut [u8], position: usize, suffix: &[u8], child: u32) {
        self.shift(page, position, true);
        self.count += 1;
        let rest = suffix.get(4..).unwrap_or(&[]);
        self.heap_start -= rest.len();
        page[self.heap_start..self.heap_start + rest.len()].copy_from_slice(rest);
        self.put_slot(page, position, suffix, child);
        self.write(page);
    }

    fn put_slot(&self, page: &mut [u8], position: usize, suffix: &[u8], child: u32) {
        let at = KEYS_START + 4 * position;
        page[at..at + 4].copy_from_slice(&head_of(suffix).to_be_bytes());
        let at = at + 4 * self.count;
        put_u16(page, at, if suffix.len() > 4 { self.heap_start } else { 0 });
        put_u16(page, at + 2, suffix.len());
        if self.kind == PageKind::EntryBranch {
            put_u32(page, at + 4 * self.count, child);
        }
    }

    /// Whether the heap can be without the bytes at `rest`. It can, unless the page is damaged.
    pub(super) fn may_free(&self, rest: &Range<usize>) -> bool {
        self.garbage + rest.len() <= self.len - self.prefix_len - self.heap_start
    }

    /// Removes the key at `position`, whose bytes in the heap, which [may be freed](Self::may_free), are at `rest`. In
    /// a branch the child behind it goes too.
    pub(super) fn remove(mut self, page: &mut [u8], position: usize, rest: &Range<usize>) -> NodeHead {
        self.shift(page, position, false);
        self.count -= 1;
        if !rest.is_empty() && rest.start == self.heap_start {
            self.heap_start = rest.end;
        } else {
            self.garbage += rest.len();
        }
        self.write(page);
        self
    }
}

/// Makes the first child of a branch, whose header was checked, another.
pub(super) fn set_first_child(page: &mut [u8], child: PageNumber) {
    put_u32(page, 36, child.0);
}

/// Makes `page` a node of the keys of `list` in `range`, with a prefix of `prefix_len` bytes.
///
/// # Errors
///
/// `StorageFault::Corruption` when they do not fit or do not share the prefix, which only damage can cause.
pub(super) fn build(
    number: PageNumber,
    page: &mut [u8],
    level: u8,
    first_child: PageNumber,
    list: &EntryList,
    range: Range<usize>,
    prefix_len: usize,
) -> Result<(), StorageError> {
    let kind = if level == 0 { PageKind::EntryLeaf } else { PageKind::EntryBranch };
    let prefix_len = if range.is_empty() { 0 } else { prefix_len };
    let prefix = if range.is_empty() { &[] } else { list.key(range.start).get(..prefix_len).unwrap_or(&[]) };
    let needed = list.cost(kind, range.clone(), prefix_len);
    if prefix.len() != prefix_len || needed.is_none_or(|needed| needed > capacity(page.len())) {
        return Err(damage(number, format_args!("{needed:?} bytes of keys do not fit a page")));
    }
    clear_as(page, kind);
    set_first_child(page, first_child);
    let len = page.len();
    page[len - prefix_len..].copy_from_slice(prefix);
    let mut head = NodeHead {
        len,
        kind,
        count: range.len(),
        level,
        heap_start: len - prefix_len,
        garbage: 0,
        prefix_len,
    };
    for (position, entry) in range.enumerate() {
        let Some(suffix) = list.key(entry).strip_prefix(prefix) else {
            return Err(damage(
                number,
                format_args!("key {position} does not start with the prefix of its page"),
            ));
        };
        let rest = suffix.get(4..).unwrap_or(&[]);
        head.heap_start -= rest.len();
        page[head.heap_start..head.heap_start + rest.len()].copy_from_slice(rest);
        head.put_slot(page, position, suffix, list.child(entry));
    }
    head.write(page);
    Ok(())
}
