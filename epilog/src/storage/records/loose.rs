//! [`LooseRecord`]: a record that lies on no page of a database, to be read like one that does.

use alloc::vec::Vec;

use super::{Composer, RecordDraft, RecordRef};
use crate::schema::Layout;
use crate::storage::page::{
    BLOCK_LEN, PAGE_HEADER_LEN, PageKind, PageNumber, PageRead, PageWrite, TreeId, write_header,
};
use crate::storage::{StorageError, StorageFault};

/// A record that lies on no page of a database.
pub struct LooseRecord {
    /// Room for a header, the row, and the blob behind its length.
    page: Vec<u8>,
    row_len: usize,
    values: Values,
}

impl LooseRecord {
    /// The record of `draft`, whose layout is `layout`; its leaves would have `leaf_len` bytes.
    ///
    /// # Errors
    ///
    /// When memory is exhausted.
    pub fn new(draft: &RecordDraft, layout: &Layout, leaf_len: usize) -> Result<LooseRecord, StorageError> {
        let (mut composer, mut values) = (Composer::default(), Values::default());
        composer.compose(draft, layout, leaf_len, TreeId(0), &mut values)?;
        let mut page = vec![0; PAGE_HEADER_LEN];
        page.extend_from_slice(draft.row());
        let row_len = draft.row().len();
        if let Some(at) = layout.blob_offset {
            let at = PAGE_HEADER_LEN + usize::from(at);
            let offset = page.len() as u16;
            page[at..at + 2].copy_from_slice(&offset.to_le_bytes());
            page.extend_from_slice(&(composer.blob.len() as u16).to_le_bytes());
            page.extend_from_slice(&composer.blob);
        }
        Ok(LooseRecord { page, row_len, values })
    }

    /// The record.
    pub fn as_ref<'s>(&'s self, layout: &'s Layout) -> RecordRef<'s> {
        let row = &self.page[PAGE_HEADER_LEN..][..self.row_len];
        RecordRef::new(&self.values, layout, &self.page, row)
    }
}

/// Pages of values that are out of line, numbered from 1.
#[derive(Default)]
struct Values(Vec<Vec<u8>>);

impl Values {
    fn index(number: PageNumber) -> usize {
        (number.0 as usize).wrapping_sub(1)
    }
}

impl PageRead for Values {
    fn page(&self, number: PageNumber) -> Result<&[u8], StorageError> {
        let page = self.0.get(Values::index(number)).map(Vec::as_slice);
        page.ok_or_else(|| StorageError::page_damage(number, "it is none of the record's"))
    }
}

impl PageWrite for Values {
    fn block_len(&self) -> usize {
        BLOCK_LEN
    }

    fn page_mut(&mut self, number: PageNumber) -> Result<&mut [u8], StorageError> {
        let page = self.0.get_mut(Values::index(number)).map(Vec::as_mut_slice);
        page.ok_or_else(|| StorageError::page_damage(number, "it is none of the record's"))
    }

    fn allocate(&mut self, kind: PageKind, tree: TreeId, len: usize) -> Result<PageNumber, StorageError> {
        let number = PageNumber(self.0.len() as u32 + 1);
        let mut page = Vec::new();
        page.try_reserve_exact(len).map_err(|_| StorageFault::OutOfMemory { bytes: len })?;
        page.resize(len, 0);
        write_header(&mut page, number, kind, tree);
        self.0.push(page);
        Ok(number)
    }

    /// A record is made once.
    fn free(&mut self, _: PageNumber) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::layout::LayoutField;
    use crate::value::Type;

    #[test]
    fn a_loose_record_gives_back_what_the_draft_had() {
        let field = |ty, optional| LayoutField { ty, optional, indexed: false };
        let mut fields = Vec::from([
            field(Type::I64, false),
            field(Type::String, true),
            field(Type::Bytes, false),
            field(Type::String, false),
        ]);
        fields.extend([field(Type::U128, true); 6]);
        let layout = Layout::new(&fields, Some(0));
        for len in [0, 10, 5_000, 100_000] {
            let mut draft = RecordDraft::new(&layout);
            draft.put(&layout.places[0], Some(&7i64.to_le_bytes()));
            draft.put(&layout.places[1], None);
            draft.put(&layout.places[2], Some(&vec![7; len]));
            draft.put(&layout.places[3], Some(b"text"));
            draft.put(&layout.places[5], Some(&[9; 16]));
            let loose = LooseRecord::new(&draft, &layout, 4096).unwrap();
            let record = loose.as_ref(&layout);
            let (mut copy, mut page) = (Vec::new(), Vec::from([1, 2, 3]));
            record.append_copy(&mut copy).unwrap();
            RecordRef::append_page(&layout, &copy, &mut page);
            let copied = RecordRef::on_page(&loose.values, &layout, &page[3..]);
            for place in &layout.places {
                let expected = draft.field(place);
                for record in [record, copied] {
                    let found = record.field(place).unwrap();
                    assert_eq!(found.as_cell(), expected.as_cell(), "{place:?}, {len} bytes");
                }
            }
        }
    }
}
