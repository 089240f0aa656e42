//! Images of records, as the journal has them: refused, or fields that can be read and written again the same.

use epilog::schema::Layout;
use epilog::schema::layout::LayoutField;
use epilog::storage::records::RecordDraft;
use epilog::value::{Scalar, Type};

use super::Input;

/// Runs one input.
pub(super) fn run(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let count = 1 + input.below(12);
    let fields: Vec<LayoutField> = (0..count)
        .map(|_| {
            let choice = input.u8();
            let ty = Type::from_u8(1 + choice % 23).expect("23 types");
            LayoutField { ty, optional: choice & 0x40 != 0, indexed: choice & 0x80 != 0 }
        })
        .collect();
    let clusters = |field: &LayoutField| field.ty.rank_width().is_some() && !field.optional;
    let clustered = if input.flag() { fields.iter().position(clusters) } else { None };
    let layout = Layout::new(&fields, clustered);
    // A sound image, to be changed; or bytes alone.
    let mut image = Vec::new();
    if input.flag() {
        let mut draft = RecordDraft::new(&layout);
        for place in &layout.places {
            let len = place.ty.width().unwrap_or(usize::from(input.u8()));
            let mut cell = input.take(len).to_vec();
            cell.resize(len, 0);
            match Scalar::from_cell(place.ty, Some(&cell)) {
                Some(_) if place.null.is_none() || !cell.is_empty() => draft.put(place, Some(&cell)),
                _ if place.null.is_some() => draft.put(place, None),
                _ => {}
            }
        }
        draft.append_image(&mut image);
        for _ in 0..input.below(5) {
            input.spoil(&mut image);
        }
        if input.u8() == 1 {
            image.truncate(input.below(image.len() + 1));
        }
    } else {
        image.extend_from_slice(input.take(usize::MAX));
    }
    let mut draft = RecordDraft::default();
    if !draft.load_image(&layout, &image) {
        return;
    }
    for place in &layout.places {
        let _ = Scalar::from_cell(place.ty, draft.field(place).as_cell());
    }
    let mut again = Vec::new();
    draft.append_image(&mut again);
    let mut back = RecordDraft::default();
    assert!(back.load_image(&layout, &again), "what was read is written so that it can be read");
    for place in &layout.places {
        assert_eq!(back.field(place), draft.field(place));
    }
    assert_eq!(back.rank(&layout), draft.rank(&layout));
}
