//! [`Condition`]: what must hold of a record for a partial index to have an entry of it.

use alloc::string::String;
use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt::Write as _;

use crate::value::{Cell, Scalar, Type, key};

/// One of the conditions of a partial index, all of which must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The position of a field.
    pub position: u16,
    /// What must hold of it.
    pub test: ConditionTest,
}

/// One of the conditions of a partial index as declared.
#[derive(Clone, Copy, Debug)]
pub struct ConditionSchema {
    /// The ordinal of a field.
    pub field: u16,
    /// What must hold of it.
    pub test: DeclaredTest,
}

/// What must hold of a field, as declared.
#[derive(Clone, Copy, Debug)]
pub enum DeclaredTest {
    /// It is absent.
    Absent,
    /// It is not absent.
    Present,
    /// It is present and compares so with a value.
    Compared(Comparison, fn() -> Scalar),
}

/// What must hold of a field.
#[derive(Clone, Debug, PartialEq)]
pub enum ConditionTest {
    /// It is absent.
    Absent,
    /// It is not absent.
    Present,
    /// It is present and compares so with a value.
    Compared(Comparison, Scalar),
}

/// How two values compare. Discriminants are permanent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Comparison {
    /// They are equal.
    Eq = 1,
    /// The first is less.
    Lt = 2,
    /// It is less, or they are equal.
    Le = 3,
    /// It is greater.
    Gt = 4,
    /// It is greater, or they are equal.
    Ge = 5,
}

impl Comparison {
    /// The comparison with this discriminant.
    pub const fn from_u8(number: u8) -> Option<Comparison> {
        Some(match number {
            1 => Comparison::Eq,
            2 => Comparison::Lt,
            3 => Comparison::Le,
            4 => Comparison::Gt,
            5 => Comparison::Ge,
            _ => return None,
        })
    }

    fn holds(self, order: Ordering) -> bool {
        match self {
            Comparison::Eq => order.is_eq(),
            Comparison::Lt => order.is_lt(),
            Comparison::Le => order.is_le(),
            Comparison::Gt => order.is_gt(),
            Comparison::Ge => order.is_ge(),
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Comparison::Eq => "==",
            Comparison::Lt => "<",
            Comparison::Le => "<=",
            Comparison::Gt => ">",
            Comparison::Ge => ">=",
        }
    }
}

impl From<DeclaredTest> for ConditionTest {
    fn from(declared: DeclaredTest) -> ConditionTest {
        match declared {
            DeclaredTest::Absent => ConditionTest::Absent,
            DeclaredTest::Present => ConditionTest::Present,
            DeclaredTest::Compared(comparison, value) => ConditionTest::Compared(comparison, value()),
        }
    }
}

impl ConditionTest {
    /// Whether it holds of the value of a field of type `ty`: as the same predicate of a query would.
    pub fn holds(&self, ty: Type, cell: Cell<'_>) -> bool {
        match (self, cell) {
            (ConditionTest::Absent, cell) => cell.is_none(),
            (ConditionTest::Present, cell) => cell.is_some(),
            (ConditionTest::Compared(..), None) => false,
            (ConditionTest::Compared(comparison, value), Some(cell)) => {
                // The order of values is that of their keys.
                let (mut own, mut other) = (Vec::new(), Vec::new());
                key::append(&mut own, ty, false, Some(cell));
                key::append_scalar(&mut other, ty, false, value);
                comparison.holds(own.cmp(&other))
            }
        }
    }

    /// The condition in the words of the attribute, on a field called `name`.
    pub fn describe(&self, name: &str, ty: Type) -> String {
        match self {
            ConditionTest::Absent => alloc::format!("{name}.is_none()"),
            ConditionTest::Present => alloc::format!("{name}.is_some()"),
            ConditionTest::Compared(comparison, value) => {
                alloc::format!("{name} {} {}", comparison.sign(), value.text(ty))
            }
        }
    }

    /// Appends the test as it is stored: a kind (0 absent, 1 present, else 1 and the comparison), then for a comparison the
    /// length of the value's cell and the cell.
    pub fn append(&self, out: &mut Vec<u8>, ty: Type) {
        match self {
            ConditionTest::Absent => out.push(0),
            ConditionTest::Present => out.push(1),
            ConditionTest::Compared(comparison, value) => {
                out.push(1 + *comparison as u8);
                value.with_cell(ty, |cell| {
                    let cell = cell.unwrap_or_default();
                    out.extend_from_slice(&(cell.len() as u32).to_le_bytes());
                    out.extend_from_slice(cell);
                });
            }
        }
    }

    /// Reads what [`append`](ConditionTest::append) wrote, and leaves `bytes` behind it; `None` when that is damaged.
    pub(crate) fn read(bytes: &mut &[u8], ty: Type) -> Option<ConditionTest> {
        let (kind, rest) = bytes.split_first()?;
        *bytes = rest;
        Some(match *kind {
            0 => ConditionTest::Absent,
            1 => ConditionTest::Present,
            kind => {
                let comparison = Comparison::from_u8(kind - 1)?;
                let (len, rest) = bytes.split_first_chunk::<4>()?;
                let (cell, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
                *bytes = rest;
                ConditionTest::Compared(comparison, Scalar::from_cell(ty, Some(cell))?)
            }
        })
    }
}

/// Conditions in the words of the attribute, each with the name and the type of its field; nothing when there are none.
pub fn describe<'c>(conditions: impl Iterator<Item = (&'c str, Type, &'c ConditionTest)>) -> String {
    let mut text = String::new();
    for (name, ty, test) in conditions {
        let before = if text.is_empty() { " where " } else { ", " };
        let _ = write!(text, "{before}{}", test.describe(name, ty));
    }
    text
}
