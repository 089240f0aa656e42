//! [`Input`]: decisions, read one after the other from what a fuzzer makes up.

/// Bytes as decisions. Behind their end all are 0.
#[derive(Debug, Clone)]
pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    /// Reads from `bytes`.
    pub fn new(bytes: &'a [u8]) -> Input<'a> {
        Input { bytes }
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The next `len` bytes, or as many as there are.
    pub fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.bytes.split_at(len.min(self.bytes.len()));
        self.bytes = rest;
        taken
    }

    /// The next number, of `N` bytes.
    fn number<const N: usize>(&mut self) -> [u8; N] {
        let mut number = [0; N];
        let taken = self.take(N);
        number[..taken.len()].copy_from_slice(taken);
        number
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.number::<1>()[0]
    }

    /// Two bytes.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.number())
    }

    /// Four bytes.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.number())
    }

    /// Sixteen bytes.
    pub fn u128(&mut self) -> u128 {
        u128::from_le_bytes(self.number())
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        match bound {
            0..=0x100 => usize::from(self.u8()) % bound,
            0x101..=0x1_0000 => usize::from(self.u16()) % bound,
            _ => self.u32() as usize % bound,
        }
    }

    /// A choice.
    pub fn flag(&mut self) -> bool {
        self.u8() & 1 == 1
    }

    /// Changes bytes of `place`: one to four of them at one offset, to what is said or by a little.
    pub fn spoil(&mut self, place: &mut [u8]) {
        if place.is_empty() {
            return;
        }
        let at = self.below(place.len());
        let how = self.u8();
        let width = [1, 2, 4, 8][usize::from(how & 3)].min(place.len() - at);
        let old = place[at..at + width].iter().rev().fold(0, |old, byte| old << 8 | u64::from(*byte));
        let new = match how >> 2 & 7 {
            0 => old.wrapping_add(1),
            1 => old.wrapping_sub(1),
            2 => 0,
            3 => u64::MAX,
            4 => old ^ 1 << (self.u8() % 64),
            _ => u64::from_le_bytes(self.number()),
        };
        place[at..at + width].copy_from_slice(&new.to_le_bytes()[..width]);
    }
}
