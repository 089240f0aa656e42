//! [`Column`]: what the kernels are tried on. Values one at a time, and the same as a [`Vector`] in each form that there is.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::Vector;
use super::vector::Cells;
use crate::engine::error::{Fault, RowFault};
use crate::value::decimal::DecimalParts;
use crate::value::{Scalar, Type};

/// The rows of every column.
pub(super) const ROWS: usize = 12;

/// A value, or that there is none because arithmetic failed.
pub(super) type Outcome = Result<Scalar, ()>;

/// The types that can be calculated with.
pub(super) const NUMBERS: [Type; 13] = [
    Type::I8,
    Type::I16,
    Type::I32,
    Type::I64,
    Type::I128,
    Type::U8,
    Type::U16,
    Type::U32,
    Type::U64,
    Type::U128,
    Type::F32,
    Type::F64,
    Type::Decimal,
];

/// Others, that can be compared.
pub(super) const OTHERS: [Type; 10] = [
    Type::Bool,
    Type::Char,
    Type::Id,
    Type::Date,
    Type::Time,
    Type::DateTime,
    Type::Timestamp,
    Type::Uuid,
    Type::Bytes,
    Type::String,
];

#[derive(Clone, Copy, Debug)]
enum Form {
    /// One after the other.
    Dense,
    /// Fixed cells with something else between them.
    Apart,
    /// Cells of any width, as they lie on pages.
    OnPages,
    /// One for all.
    Same,
}

/// Values of one type.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) ty: Type,
    pub(super) values: Vec<Outcome>,
    form: Form,
    /// The cells, `stride` bytes from each to the next; of a type without a width, texts.
    cells: Vec<u8>,
    stride: usize,
    texts: Vec<Vec<u8>>,
}

impl Column {
    /// Of values, with `junk` where there is none, or else bytes that no value has.
    fn new(ty: Type, mut values: Vec<Outcome>, form: Form, junk: Option<&Scalar>) -> Column {
        let form = match (form, ty.width()) {
            (Form::Apart, None) => Form::OnPages,
            (Form::OnPages, Some(_)) => Form::Dense,
            _ => form,
        };
        if let Form::Same = form {
            // A constant is a literal or a parameter: there is one value.
            values = vec![Ok(values[0].clone().unwrap_or(Scalar::Null)); ROWS];
        }
        // What is absent, or failed, may have any bytes.
        let cell = |value: &Outcome| {
            let junk = || match junk {
                Some(junk) => junk.with_cell(ty, |cell| cell.expect("a value").to_vec()),
                None => vec![0xFF; ty.width().unwrap_or(3)],
            };
            match value {
                Ok(value) => value.with_cell(ty, |cell| cell.map_or_else(junk, <[u8]>::to_vec)),
                Err(()) => junk(),
            }
        };
        let texts: Vec<Vec<u8>> = values.iter().map(cell).collect();
        let gap = if matches!(form, Form::Apart) { 3 } else { 0 };
        let stride = ty.width().unwrap_or(0) + gap;
        let cells = texts.iter().flat_map(|cell| [cell.as_slice(), &[0xAA; 3][..gap]].concat()).collect();
        Column { ty, values, form, cells, stride, texts }
    }

    /// The value of a row; `Err` if arithmetic failed there.
    pub(super) fn at(&self, row: usize) -> Result<&Scalar, ()> {
        self.values[row].as_ref().map_err(|failed| *failed)
    }

    /// Of which of the values it was made of a row has its own.
    fn source(&self, row: usize) -> usize {
        if matches!(self.form, Form::Same) { 0 } else { row }
    }

    /// Which rows have a value.
    pub(super) fn present(&self) -> impl Iterator<Item = usize> + '_ {
        (0..ROWS).filter(|row| self.at(*row).is_ok_and(|value| !value.is_null()))
    }

    pub(super) fn vector(&self) -> Vector<'_> {
        let is_null = |value: &Outcome| matches!(value, Ok(Scalar::Null));
        let nulls: Vec<bool> = self.values.iter().map(is_null).collect();
        let cells = match self.form {
            Form::Same => Cells::Constant(self.texts[0].clone()),
            Form::Apart => Cells::Strided { bytes: &self.cells, stride: self.stride },
            Form::OnPages => Cells::Slices(self.texts.iter().map(Vec::as_slice).collect()),
            Form::Dense if self.ty.width().is_some() => Cells::Fixed(self.cells.clone()),
            Form::Dense => {
                let ends = self.texts.iter().scan(0, |end, text| {
                    *end += text.len() as u32;
                    Some(*end)
                });
                Cells::Owned { bytes: self.texts.concat(), ends: ends.collect() }
            }
        };
        let mut vector = Vector::new(self.ty, ROWS, cells, nulls.contains(&true).then_some(nulls));
        for (row, _) in self.values.iter().enumerate().filter(|(_, value)| value.is_err()) {
            vector.add_fault(row as u32, &fault());
        }
        vector
    }
}

/// What a failed calculation left behind.
fn fault() -> RowFault {
    let fault = Fault { operation: "a trial", operands: String::new(), ty: Type::U8, problem: "fails" };
    RowFault::new(fault).expect("this build calculates")
}

/// What a vector says of a row.
pub(super) fn outcome(of: &Vector<'_>, row: usize) -> Outcome {
    if of.fault(row).is_some() {
        return Err(());
    }
    Ok(Scalar::from_cell(of.ty(), of.cell(row)).expect("a value of the vector's type"))
}

/// Whether two outcomes are the same value, in bits if they are floats and not zero.
pub(super) fn is_same(a: &Outcome, b: &Outcome) -> bool {
    match (a, b) {
        (Ok(a), Ok(b)) => a.is_null() == b.is_null() && a.compare(b).is_eq(),
        (a, b) => a.is_err() == b.is_err(),
    }
}

/// Any value of a type, those at its ends more often.
pub(super) fn value_of(ty: Type) -> BoxedStrategy<Scalar> {
    let ints = |least: i128, greatest: i128| {
        let near =
            move |to: i128| (-3i128..4).prop_map(move |by| to.saturating_add(by).clamp(least, greatest));
        let middle = if least < 0 { 0 } else { least };
        prop_oneof![4 => near(middle), 1 => near(least), 1 => near(greatest)].prop_map(Scalar::Int).boxed()
    };
    match ty {
        Type::Bool => any::<bool>().prop_map(Scalar::Bool).boxed(),
        Type::I8 => ints(i8::MIN.into(), i8::MAX.into()),
        Type::I16 => ints(i16::MIN.into(), i16::MAX.into()),
        Type::I32 | Type::Date => ints(i32::MIN.into(), i32::MAX.into()),
        Type::I64 => ints(i64::MIN.into(), i64::MAX.into()),
        Type::I128 => ints(i128::MIN, i128::MAX),
        Type::U8 => ints(0, u8::MAX.into()),
        Type::U16 => ints(0, u16::MAX.into()),
        Type::U32 => ints(0, u32::MAX.into()),
        Type::U64 | Type::Id | Type::Time => ints(0, u64::MAX.into()),
        Type::U128 => {
            prop_oneof![3 => 0..5u128, 1 => u128::MAX - 3..=u128::MAX].prop_map(Scalar::Uint).boxed()
        }
        Type::DateTime | Type::Timestamp => ints(-1 << 70, 1 << 70),
        Type::Char => {
            prop_oneof![any::<char>(), Just('a'), Just('b')].prop_map(|of| Scalar::Int(of as i128)).boxed()
        }
        Type::F32 | Type::F64 => {
            let special = [f64::NAN, -0.0, 0.0, f64::INFINITY, f64::NEG_INFINITY, -1.5, 2.0, 3.0e38];
            prop_oneof![
                prop::sample::select(special.to_vec()),
                (-50i32..50).prop_map(|of| f64::from(of) / 8.0)
            ]
            .prop_map(move |of| Scalar::Float(if ty == Type::F32 { f64::from(of as f32) } else { of }))
            .boxed()
        }
        Type::Decimal => {
            let mantissa =
                prop_oneof![8 => -300i128..300, 1 => Just((1 << 96) - 1), 1 => Just(-(1 << 96) + 1)];
            (mantissa, 0u32..5)
                .prop_map(|(mantissa, scale)| Scalar::Decimal(DecimalParts { mantissa, scale }))
                .boxed()
        }
        Type::Uuid => prop_oneof![any::<[u8; 16]>(), Just([7; 16])].prop_map(Scalar::Uuid).boxed(),
        Type::Bytes => prop::collection::vec(0u8..3, 0..4).prop_map(Scalar::Bytes).boxed(),
        Type::String => "[abÄß%]{0,4}".prop_map(|text| Scalar::String(text.to_string())).boxed(),
        _ => unreachable!("no column of {ty} is made"),
    }
}

/// A column of some type, with what is absent and what failed.
pub(super) fn column(ty: Type) -> impl Strategy<Value = Column> {
    column_of(ty, value_of(ty).boxed())
}

/// A column of such values.
pub(super) fn column_of(ty: Type, value: BoxedStrategy<Scalar>) -> impl Strategy<Value = Column> {
    let forms = [Form::Dense, Form::Apart, Form::OnPages, Form::Same].to_vec();
    let absent = prop::sample::select([0u32, 3, 10].to_vec());
    let failed = prop::sample::select([0u32, 0, 3].to_vec());
    (absent, failed, prop::sample::select(forms)).prop_flat_map(move |(absent, failed, form)| {
        let one = prop_oneof![
            absent => Just(Ok(Scalar::Null)),
            failed => Just(Err(())),
            10 => value.clone().prop_map(Ok),
        ];
        prop::collection::vec(one, ROWS).prop_map(move |values| Column::new(ty, values, form, None))
    })
}

/// As [`column_of`], where what is absent, or failed, has the bytes of some other value of the type.
pub(super) fn column_with(ty: Type, value: BoxedStrategy<Scalar>) -> impl Strategy<Value = Column> {
    let junk = value.clone();
    (column_of(ty, value), junk).prop_map(move |(of, junk)| Column::new(ty, of.values, of.form, Some(&junk)))
}

/// A column of lists, and what is in them.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    pub(super) column: Column,
    elements: Vec<Vec<Scalar>>,
}

impl Lists {
    /// The elements of the list of a row; `None` where it is absent.
    pub(super) fn at(&self, row: usize) -> Result<Option<&[Scalar]>, ()> {
        let list = self.column.at(row)?;
        Ok((!list.is_null()).then(|| &*self.elements[self.column.source(row)]))
    }
}

/// Columns of lists of so many such values.
pub(super) fn lists_of(
    element: Type,
    value: BoxedStrategy<Scalar>,
    count: core::ops::Range<usize>,
) -> impl Strategy<Value = Lists> {
    let forms = [Form::Dense, Form::OnPages, Form::OnPages, Form::Same].to_vec();
    let kinds = prop::sample::select([[10, 0, 0], [10, 3, 0], [6, 3, 3]].to_vec());
    (kinds, prop::sample::select(forms)).prop_flat_map(move |([present, absent, failed], form)| {
        let list = prop::collection::vec(value.clone(), count.clone());
        let kind = prop_oneof![present => Just(0), absent => Just(1), failed => Just(2)];
        prop::collection::vec((list, kind), ROWS).prop_map(move |lists| {
            let ty = element.list().expect("there are lists of it");
            let outcome = |(list, kind): &(Vec<Scalar>, i32)| match kind {
                0 => Ok(Scalar::list(element, list).expect("values of the type")),
                1 => Ok(Scalar::Null),
                _ => Err(()),
            };
            let values = lists.iter().map(outcome).collect();
            let elements = lists.into_iter().map(|(list, _)| list).collect();
            Lists { column: Column::new(ty, values, form, None), elements }
        })
    })
}
