//! CRC-32C (Castagnoli; RFC 3720 appendix B.4), the checksum of every image, header and frame.
//!
//! With `std` the crate `crc32c` computes it, with the instructions of the processor where it has them; without, eight
//! tables do, eight bytes at a time (slicing-by-8: Kounavis and Berry, *Novel Table Lookup-Based Algorithms for
//! High-Performance CRC Generation*, 2008). They have 8 KiB; with the feature `small` it is one of 64 bytes, and half a
//! byte at a time. All give the same values.

/// The checksum of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    append(0, bytes)
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(feature = "std")]
    return crc32c::crc32c_append(crc, bytes);
    #[cfg(not(any(feature = "std", feature = "small")))]
    return tables::append(crc, bytes);
    #[cfg(all(feature = "small", not(feature = "std")))]
    return halves::append(crc, bytes);
}

/// The checksum of `bytes` under a salt: bytes that are right under one salt are not under another, so that what an
/// earlier use left behind is not taken for what belongs there.
pub fn salted(salt: u64, bytes: &[u8]) -> u32 {
    append(append(0, &salt.to_le_bytes()), bytes)
}

/// The Castagnoli polynomial, its bits reversed.
#[cfg(any(test, not(feature = "std")))]
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// What `bits` zeros behind it make of the remainder `crc`.
#[cfg(any(test, not(feature = "std")))]
const fn shifted(mut crc: u32, bits: u32) -> u32 {
    let mut bit = 0;
    while bit < bits {
        crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
        bit += 1;
    }
    crc
}

#[cfg(any(test, all(feature = "small", not(feature = "std"))))]
mod halves {
    /// The remainder of each half of a byte.
    static TABLE: [u32; 16] = {
        let mut table = [0; 16];
        let mut half = 0;
        while half < 16 {
            table[half] = super::shifted(half as u32, 4);
            half += 1;
        }
        table
    };

    pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
        let next = |crc: u32| (crc >> 4) ^ TABLE[(crc & 15) as usize];
        !bytes.iter().fold(!crc, |crc, &byte| next(next(crc ^ u32::from(byte))))
    }
}

#[cfg(any(test, not(any(feature = "std", feature = "small"))))]
mod tables {
    /// `TABLES[k][b]`: the remainder of byte `b` followed by `k` zero bytes.
    static TABLES: [[u32; 256]; 8] = tables();

    const fn tables() -> [[u32; 256]; 8] {
        let mut tables = [[0; 256]; 8];
        let mut byte = 0;
        while byte < 256 {
            tables[0][byte] = super::shifted(byte as u32, 8);
            byte += 1;
        }
        let mut zeros = 1;
        while zeros < 8 {
            let mut byte = 0;
            while byte < 256 {
                let crc = tables[zeros - 1][byte];
                tables[zeros][byte] = (crc >> 8) ^ tables[0][(crc & 255) as usize];
                byte += 1;
            }
            zeros += 1;
        }
        tables
    }

    pub(super) fn append(crc: u32, bytes: &[u8]) -> u32 {
        let mut crc = !crc;
        let (chunks, rest) = bytes.as_chunks::<8>();
        for &[a, b, c, d, e, f, g, h] in chunks {
            let low = crc ^ u32::from_le_bytes([a, b, c, d]);
            crc = TABLES[7][(low & 255) as usize]
                ^ TABLES[6][(low >> 8 & 255) as usize]
                ^ TABLES[5][(low >> 16 & 255) as usize]
                ^ TABLES[4][(low >> 24) as usize]
                ^ TABLES[3][usize::from(e)]
                ^ TABLES[2][usize::from(f)]
                ^ TABLES[1][usize::from(g)]
                ^ TABLES[0][usize::from(h)];
        }
        for &byte in rest {
            crc = (crc >> 8) ^ TABLES[0][((crc ^ u32::from(byte)) & 255) as usize];
        }
        !crc
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// RFC 3720 appendix B.4, and the check value of the catalogue of CRC algorithms (CRC-32/ISCSI).
    #[test]
    fn known_answers() {
        let ascending: Vec<u8> = (0..32).collect();
        let descending: Vec<u8> = (0..32).rev().collect();
        let cases: [(&[u8], u32); 6] = [
            (b"", 0),
            (b"123456789", 0xE306_9283),
            (&[0; 32], 0x8A91_36AA),
            (&[0xFF; 32], 0x62A8_AB43),
            (&ascending, 0x46DD_794E),
            (&descending, 0x113F_DB5C),
        ];
        for (bytes, expected) in cases {
            assert_eq!(crc32c(bytes), expected, "{bytes:?}");
            assert_eq!(tables::append(0, bytes), expected, "tables, {bytes:?}");
            assert_eq!(halves::append(0, bytes), expected, "halves, {bytes:?}");
        }
    }

    #[test]
    fn parts_give_the_checksum_of_the_whole_with_and_without_tables() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * 7 + i / 3) as u8).collect();
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(append(crc32c(head), tail), crc32c(&bytes), "cut at {cut}");
            assert_eq!(tables::append(tables::append(0, head), tail), crc32c(&bytes), "tables, cut at {cut}");
            assert_eq!(halves::append(halves::append(0, head), tail), crc32c(&bytes), "halves, cut at {cut}");
        }
    }

    #[test]
    fn a_salt_changes_the_checksum() {
        assert_ne!(salted(1, b"frame"), salted(2, b"frame"));
        assert_ne!(salted(1, b"frame"), crc32c(b"frame"));
    }
}
