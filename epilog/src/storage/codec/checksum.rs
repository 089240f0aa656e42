//! CRC-32C (Castagnoli; RFC 3720 appendix B.4), the checksum of every image, header and frame.
//!
//! With `std` the crate `crc32c` computes it, with the instructions of the processor where it has them; without, eight
//! tables do, eight bytes at a time (slicing-by-8: Kounavis and Berry, *Novel Table Lookup-Based Algorithms for
//! High-Performance CRC Generation*, 2008). Both give the same values.

/// The checksum of `bytes`.
pub fn crc32c(bytes: &[u8]) -> u32 {
    append(0, bytes)
}

/// The checksum of what `crc` is the checksum of, followed by `bytes`.
pub fn append(crc: u32, bytes: &[u8]) -> u32 {
    #[cfg(feature = "std")]
    return crc32c::crc32c_append(crc, bytes);
    #[cfg(not(feature = "std"))]
    return tables::append(crc, bytes);
}

/// The checksum of `bytes` under a salt: bytes that are right under one salt are not under another, so that what an
/// earlier use left behind is not taken for what belongs there.
pub fn salted(salt: u64, bytes: &[u8]) -> u32 {
    append(append(0, &salt.to_le_bytes()), bytes)
}

#[cfg(any(test, not(feature = "std")))]
mod tables {
    /// The Castagnoli polynomial, its bits reversed.
    const POLYNOMIAL: u32 = 0x82F6_3B78;

    /// `TABLES[k][b]`: the remainder of byte `b` followed by `k` zero bytes.
    static TABLES: [[u32; 256]; 8] = tables();

    const fn tables() -> [[u32; 256]; 8] {
        let mut tables = [[0; 256]; 8];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { (crc >> 1) ^ POLYNOMIAL } else { crc >> 1 };
                bit += 1;
            }
            tables[0][byte] = crc;
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
        }
    }

    #[test]
    fn parts_give_the_checksum_of_the_whole_with_and_without_tables() {
        let bytes: Vec<u8> = (0..1000_u32).map(|i| (i * 7 + i / 3) as u8).collect();
        for cut in [0, 1, 7, 8, 9, 500, 999, 1000] {
            let (head, tail) = bytes.split_at(cut);
            assert_eq!(append(crc32c(head), tail), crc32c(&bytes), "cut at {cut}");
            assert_eq!(tables::append(tables::append(0, head), tail), crc32c(&bytes), "tables, cut at {cut}");
        }
    }

    #[test]
    fn a_salt_changes_the_checksum() {
        assert_ne!(salted(1, b"frame"), salted(2, b"frame"));
        assert_ne!(salted(1, b"frame"), crc32c(b"frame"));
    }
}
