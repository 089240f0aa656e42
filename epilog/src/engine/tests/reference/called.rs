//! Drafts that calculate: every function and operation there is, of fields of every type, one within the other, wherever an
//! expression may be. See [`typed`](super::typed) for what the reference makes of them.

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use std::sync::OnceLock;

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

use super::maker::list;
use super::*;
use crate::engine::exec::function::tests::{TYPES as CALCULATED, functions};
use crate::expr::function::Span;
use crate::value::Value as _;

/// Something that makes a value of others.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Making {
    Call(Function),
    Unary(UnaryOp),
    Binary(BinaryOp),
}

impl Making {
    /// What it is called, whatever it is of; a span of time belongs to the name.
    fn name(self) -> String {
        let text = match self {
            Making::Call(function) => format!("{function:?}"),
            Making::Unary(op) => format!("{op:?}"),
            Making::Binary(op) => format!("{op:?}"),
        };
        match text.split_once('(') {
            Some((name, _)) if name != "StartOf" => name.to_string(),
            _ => text,
        }
    }
}

/// Something, and the types of what it takes.
#[derive(Clone, Debug)]
struct Made {
    making: Making,
    of: Vec<Type>,
    /// Whether a row may have no result for what others have one for: a text too long is not made here.
    may_fail: bool,
}

/// What values are made by, for each type of theirs.
type Table = Vec<(Type, BTreeMap<String, Vec<Made>>)>;

/// Those that functions are tested with, lists, and JSON.
const TYPES: [Type; 25] = {
    let mut types = [f::JSON; 25];
    let (known, others) = types.split_at_mut(CALCULATED.len());
    known.copy_from_slice(&CALCULATED);
    (others[0], others[1]) = (f::TEXTS, f::NUMBERS);
    types
};

fn table() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| {
        use BinaryOp as B;
        use Function as F;
        use UnaryOp as U;
        let mut table: Table = TYPES.iter().map(|ty| (*ty, BTreeMap::new())).collect();
        let mut add = |result: Type, making: Making, of: &[Type], may_fail: bool| {
            // Numbers of rows and the like are of no other type.
            let Some((_, made)) = table.iter_mut().find(|(ty, _)| *ty == result) else { return };
            let of = of.to_vec();
            made.entry(making.name()).or_default().push(Made { making, of, may_fail });
        };
        let mut lists: Vec<Vec<Type>> = TYPES.iter().map(|ty| Vec::from([*ty])).collect();
        lists.extend(TYPES.iter().flat_map(|a| TYPES.map(|b| Vec::from([*a, b]))));
        lists.push(Vec::from([Type::String, Type::U64, Type::U64]));
        lists.push(Vec::from([Type::String; 3]));
        lists.push(Vec::from([Type::String, Type::U64, Type::Char]));
        let more = [
            F::Element,
            F::PlaceOf,
            F::Append,
            F::Chain,
            F::Without,
            F::Last,
            F::Join,
            F::JsonMember,
            F::JsonItem,
            F::JsonLen,
            F::JsonKind,
            F::JsonKeys,
            F::JsonHas,
            F::JsonContains,
        ];
        let of_json = [Type::String, Type::I64, Type::F64, Type::Bool];
        let of_json = of_json.iter().flat_map(|ty| [F::JsonAs(*ty), F::JsonAsOrFail(*ty)]);
        for function in functions().into_iter().chain(more).chain(of_json) {
            use F::{Append, Chain, Concat, Join, Replace, Split};
            let is_short = matches!(function, Concat | Replace | Split | Join | Append | Chain);
            for types in &lists {
                if let Some(made) = function.signature(types) {
                    add(made.result, Making::Call(function), types, made.faulty && !is_short);
                }
            }
        }
        for ty in TYPES {
            let is_signed = ty.is_signed_integer();
            if is_signed || matches!(ty, Type::F32 | Type::F64 | Type::Decimal) {
                add(ty, Making::Unary(U::Negate), &[ty], is_signed);
            }
            if ty.is_numeric() {
                for op in [B::Add, B::Subtract, B::Multiply, B::Divide, B::Remainder] {
                    add(ty, Making::Binary(op), &[ty, ty], !matches!(ty, Type::F32 | Type::F64));
                }
            }
            if matches!(ty, Type::Date | Type::DateTime | Type::Timestamp) {
                add(Type::I32, Making::Unary(U::Year), &[ty], false);
                add(Type::U32, Making::Unary(U::Month), &[ty], false);
                add(Type::U32, Making::Unary(U::Day), &[ty], false);
            }
            if matches!(ty, Type::String | Type::Bytes) {
                add(Type::U64, Making::Unary(U::Length), &[ty], false);
                for op in [B::StartsWith, B::EndsWith, B::Contains] {
                    add(Type::Bool, Making::Binary(op), &[ty, ty], false);
                }
            }
            if let Some(element) = ty.element() {
                add(Type::U64, Making::Unary(U::Length), &[ty], false);
                add(Type::Bool, Making::Binary(B::Has), &[ty, element], false);
                add(Type::Bool, Making::Binary(B::HasAny), &[ty, ty], false);
                add(Type::Bool, Making::Binary(B::HasAll), &[ty, ty], false);
            }
        }
        for op in [U::Lower, U::Upper] {
            add(Type::String, Making::Unary(op), &[Type::String], false);
        }
        for op in [B::Like, B::Matches] {
            add(Type::Bool, Making::Binary(op), &[Type::String, Type::String], false);
        }
        table
    })
}

/// What all there is is called.
fn names() -> Vec<String> {
    let made = table().iter().flat_map(|(_, made)| made.keys().cloned());
    let mut names: Vec<String> = made.chain(["OrElse", "If"].map(ToString::to_string)).collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Maker<'_> {
    /// A draft that calculates, and whether its rows come in an order that is told; what may have no result is in it only if
    /// it is to be `faulty`.
    pub(super) fn called_draft(&mut self, faulty: bool) -> (Draft, bool) {
        self.forget();
        let root = self.random.below(self.collections.len());
        let mut scope = Vec::from([root]);
        let mut builder = draft(self.collections[root].0);
        let mut ordered = true;
        if self.random.below(5) == 0 {
            let inner = self.random.below(self.collections.len());
            scope.push(inner);
            let ty = *self.random.pick(&TYPES);
            let own = self.made(&[inner], ty, 1, faulty);
            let on = self.made(&[root], ty, 1, faulty).binary(BinaryOp::Eq, maker::moved(own, 1));
            let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
            builder = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
            ordered = false;
        }
        for _ in 0..self.random.below(3) {
            let test = self.calculated_test(&scope, 2, faulty);
            builder = builder.filter(test);
        }
        let of_any = |maker: &mut Self, faulty: bool| {
            let ty = *maker.random.pick(&TYPES);
            (maker.made(&scope, ty, 3, faulty), ty)
        };
        match self.random.below(8) {
            0 => {
                // Those without a result have no place in an order.
                let (expression, _) = of_any(self, false);
                let descending = self.random.below(2) == 0;
                let nulls_first = *self.random.pick(&[None, Some(true), Some(false)]);
                let mut terms = Vec::from([OrderTerm { expression, descending, nulls_first }]);
                self.total(&scope, &mut terms);
                builder = builder.clause(Clause::Order(terms));
                if !faulty && self.random.below(2) == 0 {
                    builder = builder.limit(self.random.below(9) as u64);
                }
                (builder.build(), true)
            }
            1 => {
                let keys: Vec<Postfix> = (0..self.random.below(3)).map(|_| of_any(self, faulty).0).collect();
                let count = keys.len() as u16;
                let mut items: Vec<Postfix> = (0..count).map(Postfix::key).collect();
                for _ in 0..1 + self.random.below(2) {
                    use AggregateFunction::{Avg, Count, CountDistinct, Max, Min, Sum};
                    let function = self.random.pick(&[Count, CountDistinct, Max, Min, Sum, Avg]).clone();
                    let argument = Some(match function {
                        Sum | Avg => self.made(&scope, Type::I64, 2, faulty),
                        _ => of_any(self, faulty).0,
                    });
                    let filter = (self.random.below(3) == 0).then(|| self.calculated_test(&scope, 1, faulty));
                    items.push(Postfix::aggregate(AggregateItem { function, argument, filter }));
                }
                (builder.group_by(keys).select(items).build(), false)
            }
            2 => {
                let partition = (0..self.random.below(2)).map(|_| of_any(self, faulty).0).collect();
                let mut order = Vec::new();
                self.total(&scope, &mut order);
                let (of, integer) = (of_any(self, faulty), self.made(&scope, Type::I64, 2, faulty));
                let (item, _) = self.window_over(partition, order, of, integer);
                (builder.window([item]).select([f::window(0)]).build(), ordered)
            }
            3 => {
                let values: Vec<Postfix> =
                    (0..1 + self.random.below(2)).map(|_| of_any(self, faulty).0).collect();
                (builder.select(values).clause(Clause::Distinct).build(), false)
            }
            _ => {
                if ordered && !faulty && self.random.below(4) == 0 {
                    builder = builder.limit(self.random.below(9) as u64);
                }
                let values: Vec<Postfix> =
                    (0..1 + self.random.below(3)).map(|_| of_any(self, faulty).0).collect();
                (builder.select(values).build(), ordered)
            }
        }
    }

    /// A value of the type, calculated.
    fn made(&mut self, scope: &[usize], ty: Type, depth: usize, faulty: bool) -> Postfix {
        if depth == 0 || self.random.below(5) == 0 {
            return self.stored_or_constant(scope, ty);
        }
        match self.random.below(16) {
            0 => {
                let test = self.calculated_test(scope, depth - 1, faulty);
                let then = self.made(scope, ty, depth - 1, faulty);
                return test.choose(then, self.made(scope, ty, depth - 1, faulty));
            }
            1 => {
                let first = self.made(scope, ty, depth - 1, faulty);
                return first.binary(BinaryOp::OrElse, self.made(scope, ty, depth - 1, faulty));
            }
            2..=5 if ty == Type::Bool => return self.calculated_test(scope, depth - 1, faulty),
            _ => {}
        }
        let made = &table().iter().find(|(of, _)| *of == ty).expect("a type of the table").1;
        let mut allowed: Vec<Vec<&Made>> =
            made.values().map(|made| made.iter().filter(|made| faulty || !made.may_fail).collect()).collect();
        allowed.retain(|made: &Vec<&Made>| !made.is_empty());
        if allowed.is_empty() {
            return self.stored_or_constant(scope, ty);
        }
        let variants = self.random.pick(&allowed).clone();
        let made = *self.random.pick(&variants);
        self.make(scope, made, depth - 1, faulty)
    }

    fn make(&mut self, scope: &[usize], made: &Made, depth: usize, faulty: bool) -> Postfix {
        use Function as F;
        let first = self.made(scope, made.of[0], depth, faulty);
        let others: Vec<Postfix> = made.of[1..]
            .iter()
            .map(|ty| match (made.making, ty) {
                (Making::Binary(BinaryOp::Like | BinaryOp::Matches), _) => {
                    let patterns = [
                        "", "a", "a%", "%b", "_", "_b%", "%a%b", "\\%%", "a\\%", "*", "a*", "?", "[a-c]*",
                        "[!a]*", "*[b%]", "*b?", "Ä%", "Ä*",
                    ];
                    let pattern = Scalar::String(self.random.pick(&patterns).to_string());
                    Postfix::literal(pattern, Type::String)
                }
                (Making::Call(F::PositionOf), _) => {
                    let part = Scalar::String(self.random.pick(&["a", "b", "c", "Ä", ""]).to_string());
                    Postfix::literal(part, Type::String)
                }
                // How many, and how far.
                (Making::Call(F::Round), _) => self.few(Type::U32, 4),
                (Making::Call(F::Power), Type::U32) => self.few(Type::U32, 4),
                (Making::Call(F::Repeat | F::PadStart | F::PadEnd), Type::U64) => self.few(Type::U64, 6),
                (Making::Call(F::Substring | F::Left | F::Right | F::Element | F::JsonItem), Type::U64)
                    if self.random.below(3) > 0 =>
                {
                    self.few(Type::U64, 4)
                }
                (Making::Call(F::AddDays | F::AddMonths | F::AddSeconds | F::AddMilliseconds), Type::I64) => {
                    let count = *self.random.pick(&[-100_000, -31, -1, 0, 1, 2, 30, 1_000, 86_400]);
                    Postfix::literal(Scalar::Int(count), Type::I64)
                }
                (Making::Call(F::JsonMember | F::JsonHas), _) => {
                    let name = Scalar::String(self.random.pick(&json::NAMES).to_string());
                    Postfix::literal(name, Type::String)
                }
                (_, ty) => self.made(scope, *ty, depth, faulty),
            })
            .collect();
        let mut ops = first.ops;
        let count = made.of.len();
        ops.extend(others.into_iter().flat_map(|other| other.ops));
        ops.push(match made.making {
            Making::Call(function) => Op::Call(function, count as u8),
            Making::Unary(op) => Op::Unary(op),
            Making::Binary(op) => Op::Binary(op),
        });
        Postfix { ops }
    }

    fn few(&mut self, ty: Type, limit: usize) -> Postfix {
        Postfix::literal(Scalar::Int(self.random.below(limit) as i128), ty)
    }

    /// A field of a record, if there is one of the type, or a constant.
    fn stored_or_constant(&mut self, scope: &[usize], ty: Type) -> Postfix {
        for _ in 0..12 {
            let (field, of) = self.stored(scope);
            if of == ty {
                return field;
            }
        }
        Postfix::literal(self.constant(ty), ty)
    }

    fn constant(&mut self, ty: Type) -> Scalar {
        let texts = [
            "",
            " a ",
            "\tÄb",
            "Äab",
            "aBc",
            "ÄÄc",
            "12",
            "-7",
            "1.5",
            "true",
            "Ä",
            "z",
            "a%",
            "*b",
            "1984-08-09",
            "ß",
            "1984-08-09T20:05:30",
            "67e55044-10b1-426f-9247-bb680e5fe0c8",
        ];
        let dates = ["1984-08-09", "2000-02-29", "1969-12-31", "2021-01-03", "2020-12-31", "0001-01-01"];
        let times = ["00:00:00", "23:59:59.999999999", "12:30:05", "00:00:00.5"];
        match ty {
            _ if self.random.below(14) == 0 => Scalar::Null,
            Type::String => Scalar::String(self.random.pick(&texts).to_string()),
            Type::Date => self.random.pick(&dates).parse::<NaiveDate>().expect("a date").to_scalar(),
            Type::Time => self.random.pick(&times).parse::<NaiveTime>().expect("a time").to_scalar(),
            Type::DateTime | Type::Timestamp => {
                let date: NaiveDate = self.random.pick(&dates).parse().expect("a date");
                let moment: NaiveDateTime = date.and_time(self.random.pick(&times).parse().expect("a time"));
                moment.to_scalar()
            }
            Type::F32 | Type::F64 => Scalar::Float(*self.random.pick(&[-1.5, 0.0, 0.5, 2.0, 3.0, 120.25])),
            Type::I64 => Scalar::Int(*self.random.pick(&[-40, -3, -1, 0, 1, 2, 3, 7, 64])),
            _ if ty.is_list() => list(&mut self.random, ty),
            _ => schemas::value_of(&mut self.random, ty),
        }
    }

    /// A test of what is calculated.
    fn calculated_test(&mut self, scope: &[usize], depth: usize, faulty: bool) -> Postfix {
        use BinaryOp::{And, Eq, Ge, Gt, Le, Lt, Ne, Or};
        let ty = *self.random.pick(&TYPES);
        match self.random.below(if depth == 0 { 6 } else { 9 }) {
            0 => {
                let test = if self.random.below(2) == 0 { UnaryOp::IsNone } else { UnaryOp::IsSome };
                self.made(scope, ty, depth + 1, faulty).unary(test)
            }
            1 => {
                // A test of texts, of lists or of JSON.
                let made = self.made(scope, Type::Bool, depth + 1, faulty);
                made.binary(BinaryOp::OrElse, Postfix::literal(Scalar::Bool(false), Type::Bool))
            }
            2 => {
                let low = self.stored_or_constant(scope, ty);
                let high = self.stored_or_constant(scope, ty);
                self.made(scope, ty, depth + 1, faulty).between(low, high)
            }
            3 => {
                let of = self.made(scope, ty, depth + 1, faulty);
                let candidates = (0..self.random.below(4)).map(|_| self.constant(ty)).collect::<Vec<_>>();
                of.is_in(candidates.into_iter().map(|value| Postfix::literal(value, ty)))
            }
            4 | 5 => {
                let op = *self.random.pick(&[Eq, Eq, Ne, Lt, Le, Gt, Ge]);
                let left = self.made(scope, ty, depth + 1, faulty);
                left.binary(op, self.made(scope, ty, depth, faulty))
            }
            6 => self.calculated_test(scope, depth - 1, faulty).unary(UnaryOp::Not),
            op => {
                let left = self.calculated_test(scope, depth - 1, faulty);
                let right = self.calculated_test(scope, depth - 1, faulty);
                left.binary(if op == 7 { And } else { Or }, right)
            }
        }
    }
}

/// What a draft asks for of what there is, each once.
pub(super) fn asked_for(draft: &Draft) -> Vec<String> {
    let mut found = Vec::new();
    for clause in &draft.clauses {
        match clause {
            Clause::Filter(expression) | Clause::Join { on: expression, .. } => note(expression, &mut found),
            Clause::Order(terms) => terms.iter().for_each(|term| note(&term.expression, &mut found)),
            Clause::Grouping(keys) => keys.iter().for_each(|key| note(key, &mut found)),
            Clause::Select(items) => items.iter().for_each(|item| {
                if let SelectItem::Value(value) = item {
                    note(value, &mut found);
                }
            }),
            Clause::Window(items, _) => items.iter().for_each(|item| {
                let parts = item.argument.iter().chain(&item.partition);
                parts.for_each(|part| note(part, &mut found));
            }),
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn note(expression: &Postfix, found: &mut Vec<String>) {
    for op in &expression.ops {
        match op {
            Op::Call(function, _) => found.push(Making::Call(*function).name()),
            Op::Unary(op) => found.push(Making::Unary(*op).name()),
            Op::Binary(op) => found.push(Making::Binary(*op).name()),
            Op::If => found.push("If".to_string()),
            Op::Aggregate(item) => {
                item.argument.iter().chain(&item.filter).for_each(|part| note(part, found))
            }
            _ => {}
        }
    }
}

/// The spans of time that there is a start of.
const SPANS: [Span; 7] =
    [Span::Year, Span::Quarter, Span::Month, Span::Week, Span::Day, Span::Hour, Span::Minute];

/// What has no translation to SQL: see `sql/functions.rs`.
#[cfg(sqlite)]
pub(super) const NOT_IN_SQL: [&str; 15] = [
    "Append",
    "Atan2",
    "Chain",
    "Element",
    "Has",
    "HasAll",
    "HasAny",
    "Join",
    "JsonKeys",
    "Last",
    "MonthsSince",
    "PlaceOf",
    "Split",
    "Without",
    "Round",
];

/// Whether a draft asks for something that may have no result.
#[cfg(sqlite)]
pub(super) fn may_fail(draft: &Draft) -> bool {
    asked_for(draft).iter().any(|name| {
        let of_name = table().iter().filter_map(|(_, made)| made.get(name));
        of_name.flatten().any(|made| made.may_fail)
    })
}

/// Counts what drafts ask for, and fails where some of what there is, but for what is left out, comes not once.
pub(super) fn check_asked(left_out: &[&str], drafts: impl Iterator<Item = Draft>) {
    let mut counts: BTreeMap<String, u64> = names().into_iter().map(|name| (name, 0)).collect();
    for span in SPANS {
        assert!(counts.contains_key(&Making::Call(Function::StartOf(span)).name()), "{span:?}: {counts:?}");
    }
    for draft in drafts {
        for name in asked_for(&draft) {
            counts.entry(name).and_modify(|count| *count += 1);
        }
    }
    std::println!("{counts:#?}");
    let missing: Vec<&String> = counts
        .iter()
        .filter(|(name, count)| **count == 0 && !left_out.contains(&name.as_str()))
        .map(|(name, _)| name)
        .collect();
    assert!(missing.is_empty(), "no draft asks for {missing:?}");
}

#[test]
fn drafts_ask_for_every_function_and_every_operation() {
    check_asked(
        &[],
        (1..=seeds(40)).flat_map(|seed| {
            let mut random = Random::new(seed + 4_000_000);
            let data = schemas::collections(&mut random);
            let mut maker = Maker::new(random, &data);
            (0..40).map(|query| maker.called_draft(query % 2 == 0).0).collect::<Vec<_>>()
        }),
    );
}

/// Asks for many drafts about the records of a seed, by all rules alone.
pub(super) fn check_calculated(seed: u64) {
    let mut random = Random::new(seed + 5_000_000);
    let data = schemas::collections(&mut random);
    let store = Store::in_memory(schemas::database(true)).expect("a sound schema");
    insert(&store, &data);
    let snapshot = store.snapshot();
    let reference = Reference::new(&data);
    let mut maker = Maker::new(random, &data);
    for query in 0..60 {
        let (draft, ordered) = maker.called_draft(query % 2 == 0);
        let comparable = |rows: Vec<Vec<Scalar>>| if ordered { rows } else { sorted(rows) };
        let expected = reference.run(&draft).map(comparable);
        let got = rows(snapshot.operation().view(), &draft, RuleSet::ALL).map(comparable);
        assert!(
            checks::agree(&got, &expected),
            "seed {seed}, query {query}:\n{draft:?}\n{}\ngot {got:?}\nexpected {expected:?}",
            explain(snapshot.operation().view(), &draft).expect("a plan"),
        );
    }
}

#[test]
fn what_is_calculated_of_values_of_any_type_is_what_the_reference_calculates() {
    (1..=seeds(12)).for_each(check_calculated);
}

#[test]
fn what_is_calculated_is_so_in_every_way_to_an_answer() {
    for seed in 1..=seeds(3) {
        for faulty in [false, true] {
            schemas::check_made(seed, 20, &mut |maker| maker.called_draft(faulty), &mut |_| ());
        }
        check_drafts(seed, 10, &mut |maker| maker.called_draft(true), &mut |_| ());
    }
}
