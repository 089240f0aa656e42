//! Scalar functions over the values of their arguments, many rows at once.
//!
//! Above: `exec`, which calls them over the vectors of a batch, and `optimizer`, which calls them over constants. What they
//! take and give is in the table of [`Function`].
//!
//! - Every row is calculated, those too in which an argument is absent or a fault: its cells may then hold anything of its
//!   type, and the result of that row means nothing. The caller knows.
//! - A part of a text is told by where it is, so that the caller can borrow it from where the text is.
//! - No text that is made has more bytes than a field can have.

mod cast;
mod cell;
mod date;
mod iso;
mod json;
mod list;
mod number;
mod scatter;
pub(super) mod text;

use alloc::vec::Vec;

pub(super) use cell::{Argument, Cells};

use crate::expr::Function;
use crate::value::Type;

/// Why there is no result: "overflows", ...
type Problem = &'static str;

/// What a function made, one value a row.
pub(super) struct Made {
    pub(super) values: Values,
    /// Which are absent though no argument is; none when there is no list.
    pub(super) absent: Option<Vec<bool>>,
    /// The rows without a result, ascending, and why.
    pub(super) faults: Vec<(u32, Problem)>,
}

/// The values that a function made.
pub(super) enum Values {
    /// Fixed-width cells, one after the other.
    Fixed(Vec<u8>),
    /// Texts, one after the other, and where each ends.
    Texts { bytes: Vec<u8>, ends: Vec<u32> },
    /// Where in the text that is the first argument each starts and ends.
    Parts(Vec<(u32, u32)>),
}

impl Made {
    fn of(values: Values) -> Made {
        Made { values, absent: None, faults: Vec::new() }
    }
}

/// The values of `function` over `len` rows of arguments. It is not for `Least` and `Greatest`, which compare.
pub(super) fn call(function: Function, arguments: &[Argument<'_>], len: usize) -> Made {
    use Function as F;
    let ty = arguments[0].ty;
    match (function, arguments) {
        (F::Substring, [of, start, count]) => {
            text::parts(*of, len, |row, text| text::substring(text, start.cell(row), count.cell(row)))
        }
        (F::Left, [of, count]) => text::parts(*of, len, |row, text| (0, text::offset(text, count.cell(row)))),
        (F::Right, [of, count]) => {
            text::parts(*of, len, |row, text| (text::offset_from_end(text, count.cell(row)), text.len()))
        }
        (F::Trim, [of]) => text::parts(*of, len, |_, text| text::trim(text, true, true)),
        (F::TrimStart, [of]) => text::parts(*of, len, |_, text| text::trim(text, true, false)),
        (F::TrimEnd, [of]) => text::parts(*of, len, |_, text| text::trim(text, false, true)),
        (F::Replace, [of, part, other]) => {
            text::made(len, |row, out| text::replace(of.bytes(row), part.bytes(row), other.bytes(row), out))
        }
        (F::Concat, [first, second]) => {
            text::made(len, |row, out| out.push(first.bytes(row)) && out.push(second.bytes(row)))
        }
        (F::Repeat, [of, count]) => {
            text::made(len, |row, out| out.push_times(of.bytes(row), count.cell(row)))
        }
        (F::Reverse, [of]) => text::made(len, |row, out| text::reverse(of.bytes(row), out)),
        (F::PadStart | F::PadEnd, [of, count, fill]) => text::made(len, |row, out| {
            text::pad(of.bytes(row), count.cell(row), fill.cell(row), function == F::PadStart, out)
        }),
        (F::PositionOf, [of, part]) => {
            cell::perhaps(len, |row| text::position(of.bytes(row), part.bytes(row)))
        }
        (F::Split, [of, separator]) => list::split(*of, *separator, len),
        (F::Scatter, [before, of]) => scatter::scatter(*before, *of, len),
        (F::Element, [of, number]) => list::element(*of, *number, len),
        (F::PlaceOf, [of, element]) => list::place_of(*of, *element, len),
        (F::Append, [of, element]) => list::append(*of, *element, len),
        (F::Chain, [first, second]) => list::chain(*first, *second, len),
        (F::Without, [of, element]) => list::without(*of, *element, len),
        (F::Last, [of]) => list::last(*of, len),
        (F::Join, [of, separator]) => list::join(*of, *separator, len),
        (F::JsonMember, [of, name]) => json::member(*of, *name, len),
        (F::JsonItem, [of, number]) => json::item(*of, *number, len),
        (F::JsonAs(to), [of]) => json::perhaps_as(*of, to, len),
        (F::JsonAsOrFail(to), [of]) => json::surely_as(*of, to, len),
        (F::JsonLen, [of]) => json::count(*of, len),
        (F::JsonKind, [of]) => json::kind(*of, len),
        (F::JsonKeys, [of]) => json::keys(*of, len),
        (F::JsonHas, [of, name]) => json::has_key(*of, *name, len),
        (F::JsonContains, [of, item]) => json::contains(*of, *item, len),
        (F::Abs, [of]) => number::abs(*of, len),
        (F::Round, [of, digits]) => number::round(*of, *digits, len),
        (F::Floor | F::Ceil | F::Trunc, [of]) => number::whole(function, *of, len),
        (F::Sign, [of]) => number::sign(*of, len),
        (F::BitAnd | F::BitOr | F::BitXor, [of, other]) => number::bits(function, *of, *other, len),
        (F::Power, [base, exponent]) => number::power(*base, *exponent, len),
        (F::Sqrt | F::Exp | F::Ln | F::Log10, [of]) => number::real(function, *of, len),
        (F::Sin | F::Cos | F::Tan | F::Asin | F::Acos | F::Atan, [of]) => number::real(function, *of, len),
        (F::Atan2, [y, x]) => number::angle(*y, *x, len),
        (F::Cast(_) | F::TryCast(_) | F::CastOrFail(_), [of]) => cast::cast(function, *of, len),
        (F::ToText, [of]) => cast::to_text(*of, len),
        (F::Parse(to), [of]) => cast::parse(*of, to, len),
        (F::DaysSince | F::SecondsSince | F::MillisecondsSince | F::MonthsSince, [later, earlier]) => {
            date::since(function, *later, *earlier, len)
        }
        (F::AddDays | F::AddMonths | F::AddSeconds | F::AddMilliseconds, [of, count]) => {
            date::add(function, *of, *count, len)
        }
        (F::At, [date, time]) => date::at(*date, *time, len),
        (_, [of]) if matches!(ty, Type::Date | Type::Time | Type::DateTime | Type::Timestamp) => {
            date::part(function, *of, len)
        }
        _ => unreachable!("a checked plan calls functions as their table says"),
    }
}
