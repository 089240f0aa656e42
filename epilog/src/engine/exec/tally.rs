//! [`Tally`]: one aggregate on its way, for each of many groups.
//!
//! What is kept of a group lies at its number in plain vectors, one for each thing: a batch is added in one loop over its
//! rows. It borrows nothing of what it has seen.

#[cfg(all(feature = "std", not(feature = "small")))]
mod merge;

use alloc::string::ToString;
use alloc::vec::Vec;
use core::convert::Infallible;
use core::ops::Range;

#[cfg(all(feature = "decimal", not(feature = "small")))]
use super::scaled::{Scaled, Totals};
use super::table::KeyTable;
#[cfg(not(feature = "small"))]
use super::table::{WordTable, width_of_equal_cells};
use super::vector::{Cells, Strided};
use super::{Vector, kernel};
use crate::engine::error::{ExecError, Fault, RowFault};
use crate::engine::logical::AggregateTerm;
#[cfg(not(feature = "small"))]
use crate::engine::planted::{self, Bug};
use crate::expr::{AggregateFunction, BinaryOp};
use crate::ordered::BTreeMap;
use crate::parts::{self, InWhole, Whole};
use crate::value::{Type, compare_floats, fits, integer, list};

/// The group of a row that does not count.
pub(super) const NO_GROUP: u32 = u32::MAX;

/// Which rows of a batch count for which group.
#[derive(Clone, Copy)]
pub(super) enum Members<'a> {
    /// There is one group, and these rows are not of it.
    One(Option<&'a [bool]>),
    /// Each row's group, or [`NO_GROUP`].
    Of(&'a [u32], Whole),
}

impl Members<'_> {
    /// Whether any of `len` rows counts.
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    pub(super) fn any(self, len: usize) -> bool {
        match self {
            Members::One(None) => len > 0,
            Members::One(Some(absent)) => absent.contains(&false),
            Members::Of(groups, _) => groups.iter().any(|group| *group != NO_GROUP),
        }
    }

    /// Calls `each` with the place of every row that counts, and its group.
    #[inline(always)]
    pub(super) fn for_each(self, len: usize, mut each: impl FnMut(usize, usize)) {
        let Ok(()) = self.try_for_each(len, |row, group| {
            each(row, group);
            Ok::<(), Infallible>(())
        });
    }

    /// As [`for_each`](Members::for_each), until it fails.
    #[inline(always)]
    pub(super) fn try_for_each<E>(
        self,
        len: usize,
        mut each: impl FnMut(usize, usize) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Members::One(absent) => {
                let mut rows = (0..len).filter(|row| absent.is_none_or(|absent| !absent[*row]));
                rows.try_for_each(|row| each(row, 0))
            }
            Members::Of(groups, _) => {
                let mut rows = groups.iter().enumerate().filter(|(_, group)| **group != NO_GROUP);
                rows.try_for_each(|(row, group)| each(row, *group as usize))
            }
        }
    }
}

/// One aggregate on its way.
pub(super) struct Tally {
    function: AggregateFunction,
    /// The type of the argument.
    ty: Type,
    /// For each group the values that were not absent; rows, when there is no argument.
    counts: Vec<u64>,
    kept: Kept,
    /// Why groups have no result.
    faults: BTreeMap<u32, RowFault>,
}

/// The bytes that vectors in a vector take in memory.
#[cfg(not(feature = "small"))]
fn of_each<T>(values: &Vec<Vec<T>>) -> usize {
    let of_one = |value: &Vec<T>| value.capacity() * size_of::<T>();
    values.capacity() * size_of::<Vec<T>>() + values.iter().map(of_one).sum::<usize>()
}

/// What is kept of each group beside the count.
enum Kept {
    Nothing,
    Ints(Vec<i128>),
    Uints(Vec<u128>),
    Floats(Vec<f64>),
    #[cfg(all(feature = "decimal", feature = "small"))]
    Decimals(Vec<rust_decimal::Decimal>),
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    Totals(Totals),
    /// The least or greatest cell, of fixed width.
    Cells(Vec<u8>),
    /// The same, of any width; or joined texts.
    Bytes(Vec<Vec<u8>>),
    /// Which values there were, with the number of the group before each.
    Distinct(InWhole<KeyTable>),
    /// The same, of values that are words.
    #[cfg(not(feature = "small"))]
    DistinctWords(Pairs),
    /// The mean, and the sum of the squares of what differs from it.
    Moments(InWhole<Vec<(f64, f64)>>),
    /// Every value.
    Values(InWhole<Vec<Vec<f64>>>),
}

impl AggregateFunction {
    /// Whether this build refuses it.
    pub(crate) fn is_left_out(&self) -> bool {
        use AggregateFunction as F;
        !parts::GROUPS && !matches!(self, F::Count | F::Sum | F::Avg | F::Min | F::Max)
    }
}

impl Tally {
    /// About the bytes that it takes in memory.
    #[cfg(not(feature = "small"))]
    pub(super) fn size(&self) -> usize {
        let kept = match &self.kept {
            Kept::Nothing => 0,
            Kept::Ints(values) => values.capacity() * size_of::<i128>(),
            Kept::Uints(values) => values.capacity() * size_of::<u128>(),
            Kept::Floats(values) => values.capacity() * size_of::<f64>(),
            #[cfg(feature = "decimal")]
            Kept::Totals(totals) => totals.size(),
            Kept::Cells(bytes) => bytes.capacity(),
            Kept::Bytes(values) => of_each(values),
            Kept::Distinct(table) => table.size(),
            Kept::DistinctWords(pairs) => pairs.size(),
            Kept::Moments(values) => values.capacity() * size_of::<(f64, f64)>(),
            Kept::Values(values) => of_each(values),
        };
        kept + self.counts.capacity() * size_of::<u64>()
    }

    /// One of so many groups.
    pub(super) fn new(item: &AggregateTerm, groups: usize) -> Tally {
        use AggregateFunction as F;
        let ty = item.argument.as_ref().map_or(Type::U64, |argument| argument.ty);
        let kept = match (&item.function, ty) {
            (F::Count, _) => Kept::Nothing,
            (F::Min | F::Max, ty) => match ty.width() {
                Some(width) => Kept::Cells(vec![0; groups * width]),
                None => Kept::Bytes(vec![Vec::new(); groups]),
            },
            (F::Sum | F::Avg, Type::F32 | Type::F64) => Kept::Floats(vec![0.0; groups]),
            (F::Sum | F::Avg, Type::U128) => Kept::Uints(vec![0; groups]),
            #[cfg(all(feature = "decimal", feature = "small"))]
            (F::Sum | F::Avg, Type::Decimal) => Kept::Decimals(vec![rust_decimal::Decimal::ZERO; groups]),
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            (F::Sum | F::Avg, Type::Decimal) => Kept::Totals(Totals::new(groups)),
            (F::Sum | F::Avg, _) => Kept::Ints(vec![0; groups]),
            (function, _) => {
                let Some(whole) = Whole::build() else { unreachable!("a plan with it was refused") };
                match function {
                    #[cfg(not(feature = "small"))]
                    F::CountDistinct if matches!(width_of_equal_cells(ty), Some(4 | 8)) => {
                        Kept::DistinctWords(Pairs::default())
                    }
                    F::CountDistinct => Kept::Distinct(InWhole::new(KeyTable::default(), whole)),
                    F::Variance | F::StdDev => Kept::Moments(InWhole::new(vec![(0.0, 0.0); groups], whole)),
                    F::Median => Kept::Values(InWhole::new(vec![Vec::new(); groups], whole)),
                    _ => Kept::Bytes(vec![Vec::new(); groups]),
                }
            }
        };
        Tally { function: item.function.clone(), ty, counts: vec![0; groups], kept, faults: BTreeMap::new() }
    }

    /// Makes room for so many groups.
    pub(super) fn grow(&mut self, groups: usize) {
        self.counts.resize(groups, 0);
        match &mut self.kept {
            Kept::Nothing | Kept::Distinct(_) => {}
            #[cfg(not(feature = "small"))]
            Kept::DistinctWords(_) => {}
            Kept::Ints(totals) => totals.resize(groups, 0),
            Kept::Uints(totals) => totals.resize(groups, 0),
            Kept::Floats(totals) => totals.resize(groups, 0.0),
            #[cfg(all(feature = "decimal", feature = "small"))]
            Kept::Decimals(totals) => totals.resize(groups, rust_decimal::Decimal::ZERO),
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            Kept::Totals(totals) => totals.grow(groups),
            Kept::Cells(cells) => cells.resize(groups * self.ty.width().unwrap_or(0), 0),
            Kept::Bytes(all) => all.resize(groups, Vec::new()),
            Kept::Moments(moments) => moments.resize(groups, (0.0, 0.0)),
            Kept::Values(values) => values.resize(groups, Vec::new()),
        }
    }

    /// Forgets all groups but the last, which is the first from then on.
    #[cfg(not(feature = "small"))]
    pub(super) fn keep_last(&mut self) {
        fn keep<T>(values: &mut Vec<T>) {
            values.drain(..values.len().saturating_sub(1));
        }
        let Some(last) = self.counts.len().checked_sub(1) else { return };
        keep(&mut self.counts);
        match &mut self.kept {
            Kept::Nothing => {}
            Kept::Ints(totals) => keep(totals),
            Kept::Uints(totals) => keep(totals),
            Kept::Floats(totals) => keep(totals),
            #[cfg(feature = "decimal")]
            Kept::Totals(totals) => totals.keep_last(),
            Kept::Cells(cells) => {
                cells.drain(..last * self.ty.width().unwrap_or(0));
            }
            Kept::Bytes(all) => keep(all),
            Kept::Distinct(table) => {
                let (all, mut key) = (core::mem::take(&mut **table), Vec::new());
                let own = (last as u32).to_le_bytes();
                for known in (0..all.len()).map(|number| all.key(number)) {
                    if let Some(value) = known.strip_prefix(&own[..]) {
                        key.clear();
                        key.extend_from_slice(&0u32.to_le_bytes());
                        key.extend_from_slice(value);
                        table.intern(&key);
                    }
                }
            }
            Kept::DistinctWords(pairs) => pairs.keep_last(last as u32),
            Kept::Moments(moments) => keep(moments),
            Kept::Values(values) => keep(values),
        }
        let fault = self.faults.remove(&(last as u32));
        self.faults.clear();
        if let Some(fault) = fault {
            self.faults.insert(0, fault);
        }
    }

    /// Notes why a group has no result: the first reason stays.
    pub(super) fn add_fault(&mut self, group: u32, fault: &RowFault) {
        self.faults.entry(group).or_insert_with(|| fault.clone());
    }

    /// Adds `len` rows without an argument.
    pub(super) fn add_rows(&mut self, len: usize, members: Members<'_>) {
        match members {
            Members::One(None) => self.counts[0] += len as u64,
            Members::One(_) => members.for_each(len, |_, group| self.counts[group] += 1),
            Members::Of(groups, _) => {
                // There is no group with the number that says that there is none.
                for group in groups {
                    if let Some(count) = self.counts.get_mut(*group as usize) {
                        *count += 1;
                    }
                }
            }
        }
    }

    /// Adds a batch of values. No member's value is absent.
    pub(super) fn add(&mut self, values: &Vector<'_>, members: Members<'_>) -> Result<(), ExecError> {
        use AggregateFunction as F;
        match &self.function {
            F::Min | F::Max => self.add_extremes(values, members),
            F::Sum | F::Avg => self.add_totals(values, members)?,
            F::Count => self.add_rows(values.len(), members),
            _ if !parts::GROUPS => unreachable!("a plan with it was refused"),
            F::CountDistinct => self.add_distinct(values, members),
            F::Variance | F::StdDev => self.add_moments(values, members),
            F::Median => self.keep_all(values, members),
            F::StringAgg { .. } => self.join(values, members),
            F::ArrayAgg => self.list(values, members),
        }
        Ok(())
    }

    fn add_extremes(&mut self, values: &Vector<'_>, members: Members<'_>) {
        let last = matches!(self.function, AggregateFunction::Max);
        let Tally { ty, counts, kept, .. } = self;
        match kept {
            Kept::Cells(best) => {
                let (of, len) = (values.strided(), values.len());
                match members {
                    Members::Of(groups, _) => kernel::extremes(*ty, of, groups, last, counts, best),
                    Members::One(absent) => {
                        let Some(row) = kernel::extreme(*ty, of, len, absent, last) else { return };
                        let strided = |bytes| Strided { bytes, stride: 0 };
                        let (cell, op) = (values.bytes(row), if last { BinaryOp::Gt } else { BinaryOp::Lt });
                        if counts[0] == 0 || kernel::compare(*ty, op, strided(cell), strided(best), 1) == [1]
                        {
                            best.copy_from_slice(cell);
                        }
                        counts[0] += 1;
                    }
                }
            }
            Kept::Bytes(best) => members.for_each(values.len(), |row, group| {
                let (bytes, best) = (values.bytes(row), &mut best[group]);
                let order = bytes.cmp(best);
                if counts[group] == 0 || if last { order.is_gt() } else { order.is_lt() } {
                    best.clear();
                    best.extend_from_slice(bytes);
                }
                counts[group] += 1;
            }),
            _ => unreachable!("an extreme keeps cells"),
        }
    }

    fn add_totals(&mut self, values: &Vector<'_>, members: Members<'_>) -> Result<(), ExecError> {
        if matches!(self.function, AggregateFunction::Avg) {
            self.add_rows(values.len(), members);
        }
        let Tally { function, ty, kept, faults, .. } = self;
        let (len, ty) = (values.len(), *ty);
        let column = values.strided();
        let mut overflows = |group: usize| note_overflow(faults, group as u32, function, ty);
        // With one group the total is kept in a register.
        macro_rules! add {
            ($of:ident, $totals:expr, |$total:ident, $value:ident| $add:expr) => {{
                const WIDTH: usize = size_of::<$of>();
                let read = |cell: &[u8]| $of::from_le_bytes(cell[..WIDTH].try_into().expect("a cell"));
                match members {
                    Members::One(absent) => {
                        let mut $total = $totals[0];
                        for row in (0..len).filter(|row| absent.is_none_or(|absent| !absent[*row])) {
                            let $value = read(&column.bytes[row * column.stride..]);
                            $total = $add;
                        }
                        $totals[0] = $total;
                    }
                    Members::Of(groups, _) if column.stride == 0 => {
                        for group in groups {
                            if let Some(of_group) = $totals.get_mut(*group as usize) {
                                let ($total, $value) = (*of_group, read(column.bytes));
                                *of_group = $add;
                            }
                        }
                    }
                    Members::Of(groups, _) => {
                        for (cell, group) in column.bytes.chunks(column.stride).zip(groups) {
                            if let Some(of_group) = $totals.get_mut(*group as usize) {
                                let ($total, $value) = (*of_group, read(cell));
                                *of_group = $add;
                            }
                        }
                    }
                }
            }};
        }
        match (kept, ty) {
            // One loop for all that an `i128` holds.
            (Kept::Ints(totals), ty) if !parts::LOOPS || ty == Type::I128 => {
                members.try_for_each(len, |row, group| {
                    match totals[group].checked_add(integer(ty, values.bytes(row))) {
                        Some(sum) => {
                            totals[group] = sum;
                            Ok(())
                        }
                        None => overflows(group),
                    }
                })?;
            }
            // So many narrower integers as would overflow 128 bits do not exist.
            (Kept::Ints(totals), Type::I8) => add!(i8, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::I16) => add!(i16, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::I32) => add!(i32, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::I64) => add!(i64, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::U8) => add!(u8, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::U16) => add!(u16, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::U32) => add!(u32, totals, |sum, value| sum + i128::from(value)),
            (Kept::Ints(totals), Type::U64) => add!(u64, totals, |sum, value| sum + i128::from(value)),
            (Kept::Uints(totals), Type::U128) => members.try_for_each(len, |row, group| {
                let cell = values.bytes(row).try_into().expect("16 bytes");
                match totals[group].checked_add(u128::from_le_bytes(cell)) {
                    Some(sum) => {
                        totals[group] = sum;
                        Ok(())
                    }
                    None => overflows(group),
                }
            })?,
            (Kept::Floats(totals), Type::F32) => add!(f32, totals, |sum, value| sum + f64::from(value)),
            (Kept::Floats(totals), Type::F64) => add!(f64, totals, |sum, value| sum + value),
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            (Kept::Totals(totals), Type::Decimal) => totals.add_cells(values, members, overflows)?,
            #[cfg(all(feature = "decimal", feature = "small"))]
            (Kept::Decimals(totals), Type::Decimal) => {
                members.try_for_each(len, |row, group| {
                    match totals[group].checked_add(super::arithmetic::decimal::read(values.bytes(row))) {
                        Some(sum) => {
                            totals[group] = sum;
                            Ok(())
                        }
                        None => overflows(group),
                    }
                })?
            }
            _ => unreachable!("a checked plan sums numbers"),
        }
        Ok(())
    }

    /// Whether it takes decimals as integers.
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    pub(super) fn sums_decimals(&self) -> bool {
        matches!(self.kept, Kept::Totals(_))
    }

    /// As [`add`](Tally::add), for sums and means of decimals of one scale.
    #[cfg(all(feature = "decimal", not(feature = "small")))]
    pub(super) fn add_scaled(&mut self, values: &Scaled, members: Members<'_>) -> Result<(), ExecError> {
        let Kept::Totals(totals) = &mut self.kept else { unreachable!("totals of decimals") };
        if !totals.add(values, members) {
            return self.add(&values.clone().into_vector(), members);
        }
        if matches!(self.function, AggregateFunction::Avg) {
            self.add_rows(values.len(), members);
        }
        Ok(())
    }

    fn add_distinct(&mut self, values: &Vector<'_>, members: Members<'_>) {
        #[cfg(not(feature = "small"))]
        if let Kept::DistinctWords(pairs) = &mut self.kept {
            let (cells, wide) = (values.strided(), values.ty().width() == Some(8));
            return members.for_each(values.len(), |row, group| {
                self.counts[group] += u64::from(pairs.insert(group as u32, cells.word(row, wide)));
            });
        }
        let Kept::Distinct(table) = &mut self.kept else { unreachable!("what is distinct is in a table") };
        let mut key = Vec::new();
        members.for_each(values.len(), |row, group| {
            key.clear();
            key.extend_from_slice(&(group as u32).to_le_bytes());
            values.append_identity(row, &mut key);
            let known = table.len();
            if table.intern(&key) == known {
                self.counts[group] += 1;
            }
        });
    }

    /// The recurrences of B. P. Welford, "Note on a method for calculating corrected sums of squares and products"
    /// (Technometrics 4, 1962): nothing large is subtracted from something as large.
    fn add_moments(&mut self, values: &Vector<'_>, members: Members<'_>) {
        let Kept::Moments(moments) = &mut self.kept else { unreachable!("a variance keeps moments") };
        members.for_each(values.len(), |row, group| {
            let value = number(self.ty, values.bytes(row));
            self.counts[group] += 1;
            let (mean, squares) = &mut moments[group];
            let off = value - *mean;
            *mean += off / self.counts[group] as f64;
            *squares += off * (value - *mean);
        });
    }

    fn keep_all(&mut self, values: &Vector<'_>, members: Members<'_>) {
        let Kept::Values(all) = &mut self.kept else { unreachable!("a median keeps all values") };
        members.for_each(values.len(), |row, group| {
            self.counts[group] += 1;
            all[group].push(number(self.ty, values.bytes(row)));
        });
    }

    fn join(&mut self, values: &Vector<'_>, members: Members<'_>) {
        let Tally {
            function: AggregateFunction::StringAgg { separator },
            counts,
            kept: Kept::Bytes(texts),
            ..
        } = self
        else {
            unreachable!("joined texts are kept as bytes")
        };
        members.for_each(values.len(), |row, group| {
            if counts[group] > 0 {
                texts[group].extend_from_slice(separator.as_bytes());
            }
            counts[group] += 1;
            texts[group].extend_from_slice(values.bytes(row));
        });
    }

    fn list(&mut self, values: &Vector<'_>, members: Members<'_>) {
        let Kept::Bytes(lists) = &mut self.kept else { unreachable!("lists are kept as bytes") };
        members.for_each(values.len(), |row, group| {
            if self.counts[group] == 0 {
                lists[group] = list::empty();
            }
            self.counts[group] += 1;
            list::push(&mut lists[group], self.ty, values.bytes(row));
        });
    }

    /// The aggregates of these groups, each asked for once.
    pub(super) fn results<'s>(&mut self, groups: Range<usize>) -> Result<Vector<'s>, ExecError> {
        let function = self.function.clone();
        self.results_of(&function, groups)
    }

    /// As [`results`](Tally::results), of another aggregate that is told by what is kept for this one: a sum by a mean's.
    pub(super) fn results_of<'s>(
        &mut self,
        function: &AggregateFunction,
        groups: Range<usize>,
    ) -> Result<Vector<'s>, ExecError> {
        // What a sum has no room for a mean may have a result of.
        let mut own = BTreeMap::new();
        let mut results = self.values(function, groups.clone(), &mut own)?;
        if parts::CALCULATION {
            let noted = self.faults.range(groups.start as u32..groups.end as u32);
            let own = own.iter().filter(|(group, _)| !self.faults.contains_key(group));
            for (group, fault) in noted.chain(own) {
                results.add_fault(*group - groups.start as u32, fault);
            }
        }
        Ok(results)
    }

    /// The values of these groups; `faults` gets why some have none.
    fn values<'s>(
        &mut self,
        function: &AggregateFunction,
        groups: Range<usize>,
        faults: &mut BTreeMap<u32, RowFault>,
    ) -> Result<Vector<'s>, ExecError> {
        use AggregateFunction as F;
        let Tally { function: _, ty, counts, kept, faults: _ } = self;
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        let mut push = |value: f64| bytes.extend_from_slice(&value.to_le_bytes());
        let mean = |total: f64, group: usize| total / counts[group] as f64;
        // Of fewer values there is no result.
        let mut least = 1;
        let of = match (function, kept) {
            (F::Count | F::CountDistinct, _) => {
                least = 0;
                counts[groups.clone()].iter().for_each(|count| bytes.extend_from_slice(&count.to_le_bytes()));
                Type::U64
            }
            (F::Min | F::Max, Kept::Cells(best)) => {
                let width = ty.width().unwrap_or(0);
                bytes.extend_from_slice(&best[groups.start * width..groups.end * width]);
                *ty
            }
            (F::Min | F::Max | F::StringAgg { .. }, Kept::Bytes(all)) => {
                for one in &mut all[groups.clone()] {
                    bytes.append(one);
                    ends.push(bytes.len() as u32);
                }
                *ty
            }
            (F::ArrayAgg, Kept::Bytes(all)) => {
                least = 0;
                for one in &mut all[groups.clone()] {
                    match one.is_empty() {
                        true => bytes.append(&mut list::empty()),
                        false => bytes.append(one),
                    }
                    ends.push(bytes.len() as u32);
                }
                ty.list().unwrap_or(*ty)
            }
            (F::Sum, Kept::Ints(totals)) => {
                least = 0;
                let of = match *ty {
                    Type::I128 => Type::I128,
                    ty if ty.is_signed_integer() => Type::I64,
                    _ => Type::U64,
                };
                for group in groups.clone() {
                    if !fits(totals[group], of) {
                        note_overflow(faults, group as u32, function, of)?;
                    }
                    bytes.extend_from_slice(&totals[group].to_le_bytes()[..of.width().unwrap_or(0)]);
                }
                of
            }
            (F::Sum, Kept::Uints(totals)) => {
                least = 0;
                totals[groups.clone()].iter().for_each(|total| bytes.extend_from_slice(&total.to_le_bytes()));
                Type::U128
            }
            (F::Sum, Kept::Floats(totals)) => {
                least = 0;
                totals[groups.clone()].iter().for_each(|total| push(*total));
                Type::F64
            }
            (F::Avg, Kept::Ints(totals)) => {
                groups.clone().for_each(|group| push(mean(totals[group] as f64, group)));
                Type::F64
            }
            (F::Avg, Kept::Uints(totals)) => {
                groups.clone().for_each(|group| push(mean(totals[group] as f64, group)));
                Type::F64
            }
            (F::Avg, Kept::Floats(totals)) => {
                groups.clone().for_each(|group| push(mean(totals[group], group)));
                Type::F64
            }
            #[cfg(all(feature = "decimal", not(feature = "small")))]
            (F::Sum | F::Avg, Kept::Totals(totals)) => {
                least = u64::from(matches!(function, F::Avg));
                for group in groups.clone() {
                    let total = totals.of(group);
                    if total.is_none() {
                        note_overflow(faults, group as u32, function, *ty)?;
                    }
                    let total = total.unwrap_or_default();
                    let value =
                        if least == 0 { Some(total) } else { total.checked_div(counts[group].into()) };
                    bytes.extend_from_slice(&super::arithmetic::decimal::cell(value.unwrap_or_default()));
                }
                Type::Decimal
            }
            #[cfg(all(feature = "decimal", feature = "small"))]
            (F::Sum | F::Avg, Kept::Decimals(totals)) => {
                least = u64::from(matches!(function, F::Avg));
                for group in groups.clone() {
                    let total = totals[group];
                    let value =
                        if least == 0 { Some(total) } else { total.checked_div(counts[group].into()) };
                    bytes.extend_from_slice(&super::arithmetic::decimal::cell(value.unwrap_or_default()));
                }
                Type::Decimal
            }
            (F::Variance | F::StdDev, Kept::Moments(moments)) => {
                least = 2;
                let root = if matches!(function, F::StdDev) { square_root } else { |variance| variance };
                let variance = |group: usize| moments[group].1 / (counts[group] as f64 - 1.0);
                groups.clone().for_each(|group| push(root(variance(group))));
                Type::F64
            }
            (F::Median, Kept::Values(all)) => {
                all[groups.clone()].iter_mut().for_each(|values| push(median(values).unwrap_or(0.0)));
                Type::F64
            }
            _ => unreachable!("every aggregate keeps what it is made of"),
        };
        let counts = &counts[groups];
        let nulls: Vec<bool> = counts.iter().map(|count| *count < least).collect();
        let cells = if of.width().is_some() { Cells::Fixed(bytes) } else { Cells::Owned { bytes, ends } };
        Ok(Vector::new(of, counts.len(), cells, nulls.contains(&true).then_some(nulls)))
    }
}

/// Groups and words that go together: each word has a number, which makes a word with that of a group. The words that count are
/// keys as a rule, which lie close together and so in an array.
#[cfg(not(feature = "small"))]
#[derive(Default)]
struct Pairs {
    words: WordTable,
    pairs: WordTable,
}

#[cfg(not(feature = "small"))]
impl Pairs {
    /// Puts a pair in; whether it was not there.
    #[inline]
    fn insert(&mut self, group: u32, word: u64) -> bool {
        let next = self.words.len() as u32;
        let number = self.words.find_or_insert(word, || next);
        let mut is_new = false;
        let group = if planted::is(Bug::DistinctOverGroups) { 0 } else { group };
        self.pairs.find_or_insert(u64::from(group) << 32 | u64::from(number), || {
            is_new = true;
            0
        });
        is_new
    }

    /// All pairs, in any order.
    fn all(&self) -> impl Iterator<Item = (u32, u64)> {
        let mut words = vec![0; self.words.len()];
        self.words.words().for_each(|(word, number)| words[number as usize] = word);
        self.pairs.words().map(move |(pair, _)| ((pair >> 32) as u32, words[pair as u32 as usize]))
    }

    /// Forgets all groups but one, which is the first from then on.
    fn keep_last(&mut self, last: u32) {
        let mut kept = Pairs::default();
        self.all().filter(|(group, _)| *group == last).for_each(|(_, word)| {
            kept.insert(0, word);
        });
        *self = kept;
    }

    fn size(&self) -> usize {
        self.words.size() + self.pairs.size()
    }
}

/// A number as a float.
pub(super) fn number(ty: Type, cell: &[u8]) -> f64 {
    match ty {
        Type::F32 => f64::from(f32::from_le_bytes(cell.try_into().expect("4 bytes"))),
        Type::F64 => f64::from_le_bytes(cell.try_into().expect("8 bytes")),
        Type::U128 => u128::from_le_bytes(cell.try_into().expect("16 bytes")) as f64,
        ty => integer(ty, cell) as f64,
    }
}

/// The value in the middle, or the mean of the two there.
fn median(values: &mut [f64]) -> Option<f64> {
    let middle = values.len() / 2;
    let by_order = |a: &f64, b: &f64| compare_floats(*a, *b);
    if values.is_empty() {
        return None;
    }
    let (below, upper, _) = values.select_nth_unstable_by(middle, by_order);
    let upper = *upper;
    if below.len() * 2 != values.len() {
        return Some(upper);
    }
    let lower = values[..middle].iter().copied().max_by(|a, b| compare_floats(*a, *b))?;
    // Halved before they are added, which cannot overflow.
    Some(lower / 2.0 + upper / 2.0)
}

#[cfg(feature = "std")]
pub(super) fn square_root(value: f64) -> f64 {
    value.sqrt()
}

/// By Newton's iteration, as `core` has no square root.
#[cfg(any(test, not(feature = "std")))]
pub(super) fn iterated_square_root(value: f64) -> f64 {
    if value.is_nan() || value.is_infinite() || value <= 0.0 {
        return if value < 0.0 { f64::NAN } else { value };
    }
    // Half the exponent is close enough for a handful of steps to get all digits but the last.
    let mut root = f64::from_bits((value.to_bits() >> 1) + (1023 << 51));
    for _ in 0..6 {
        root = (root + value / root) / 2.0;
    }
    root
}

#[cfg(not(feature = "std"))]
pub(super) use iterated_square_root as square_root;

/// Notes that a total does not fit its type: it matters if the group comes out. Where rows have no faults it is an error now.
fn note_overflow(
    faults: &mut BTreeMap<u32, RowFault>,
    group: u32,
    function: &AggregateFunction,
    ty: Type,
) -> Result<(), ExecError> {
    match RowFault::new(overflow(function, ty)) {
        Some(fault) => {
            faults.entry(group).or_insert(fault);
            Ok(())
        }
        None => Err(overflow(function, ty).into()),
    }
}

pub(super) fn overflow(function: &AggregateFunction, ty: Type) -> Fault {
    let operation = if matches!(function, AggregateFunction::Sum) { "sum" } else { "average" };
    Fault { operation, operands: "the values".to_string(), ty, problem: "overflows" }
}

#[cfg(test)]
mod tests;
