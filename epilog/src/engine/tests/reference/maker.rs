//! Makes random drafts that are well typed, for the reference to be asked.

use alloc::string::ToString;
use alloc::vec::Vec;

use super::json::asks_json;
use super::*;

/// xorshift64*, seeded.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        (0..8).for_each(|_| {
            random.below(2);
        });
        random
    }

    pub(super) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        ((self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize) % limit
    }

    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// Makes drafts that are well typed.
pub(super) struct Maker<'d> {
    pub(super) random: Random,
    pub(super) collections: &'d [Collection],
    /// The types of the values that windows of the draft have calculated.
    pub(super) windows: Vec<Type>,
    /// Those of them that are values of another query that rows were paired with.
    paired: Vec<u16>,
    /// Queries that the draft has asked for, and the types of their values: to be asked for again.
    commons: Vec<(Vec<Type>, Draft)>,
}

impl<'d> Maker<'d> {
    pub(super) fn new(random: Random, collections: &'d [Collection]) -> Maker<'d> {
        Maker { random, collections, windows: Vec::new(), paired: Vec::new(), commons: Vec::new() }
    }
}

impl Maker<'_> {
    /// Forgets what the last draft had.
    pub(super) fn forget(&mut self) {
        self.windows.clear();
        self.paired.clear();
        self.commons.clear();
    }

    /// A field that a source has, or a relation of it leads to.
    fn field(&mut self, scope: &[usize]) -> (Postfix, Type) {
        if !self.windows.is_empty() && self.random.below(3) == 0 {
            let number = self.random.below(self.windows.len());
            return (f::window(number as u16), self.windows[number]);
        }
        self.stored(scope)
    }

    /// A field of a record.
    pub(super) fn stored(&mut self, scope: &[usize]) -> (Postfix, Type) {
        let source = self.random.below(scope.len());
        let mut row = RowPath::source(source as u8);
        let mut schema = (self.collections[scope[source]].0)();
        // A collection may point at itself, and a path has an end.
        while row.hops_count() < 4 && self.random.below(3) == 0 {
            let relations = schema.fields.iter().enumerate().filter(|(_, field)| field.reference.is_some());
            let relations: Vec<usize> = relations.map(|(ordinal, _)| ordinal).collect();
            if relations.is_empty() {
                break;
            }
            let ordinal = *self.random.pick(&relations);
            row = row.hop(ordinal as u16);
            schema = (schema.fields[ordinal].reference.expect("chosen so").target)();
        }
        let ordinal = self.random.below(schema.fields.len());
        let path = FieldPath { row, ordinal: ordinal as u16 };
        (Postfix::field(path), schema.fields[ordinal].ty)
    }

    /// A literal that occurs in the data, mostly.
    pub(super) fn literal(&mut self, ty: Type) -> Postfix {
        let words = ["", "a", "ab", "b", "Ä", "b4", "Ä6", "zz"];
        let value = match ty {
            _ if self.random.below(12) == 0 => Scalar::Null,
            Type::String => Scalar::String(self.random.pick(&words).to_string()),
            Type::Bool => Scalar::Bool(self.random.below(2) == 0),
            Type::F64 => Scalar::Float(*self.random.pick(&[-1.5, 0.0, 2.0, f64::NAN])),
            _ if ty.is_list() => list(&mut self.random, ty),
            _ if ty.is_json() => Scalar::String(self.random.pick(&json::VALUES).to_string()),
            Type::I64 | Type::I32 => Scalar::Int(self.random.below(11) as i128 - 5),
            #[cfg(not(feature = "small"))]
            _ if ty != Type::Id && self.random.below(4) > 0 => schemas::value_of(&mut self.random, ty),
            Type::U128 => Scalar::Uint(self.random.below(4) as u128),
            Type::Decimal | Type::F32 | Type::Bytes | Type::Uuid => Scalar::Null,
            _ => Scalar::Int(self.random.below(12) as i128),
        };
        Postfix::literal(value, ty)
    }

    /// A call of a function that makes a value of the type.
    fn call(&mut self, scope: &[usize], ty: Type, faulty: bool) -> Option<Postfix> {
        use Function as F;
        let few = |maker: &mut Self, ty| Postfix::literal(Scalar::Int(maker.random.below(4) as i128), ty);
        let function = match ty {
            Type::String if faulty => self.random.pick(&[F::JsonAsOrFail(Type::String), F::Concat]),
            Type::String => self.random.pick(&[
                F::Trim,
                F::Reverse,
                F::Concat,
                F::Replace,
                F::Substring,
                F::Left,
                F::Right,
                F::PadEnd,
                F::ToText,
                F::Least,
                F::Element,
                F::JsonAs(Type::String),
                F::JsonKind,
            ]),
            Type::I64 if faulty => {
                self.random.pick(&[F::Power, F::CastOrFail(Type::I64), F::JsonAsOrFail(Type::I64)])
            }
            Type::I64 => self.random.pick(&[
                F::Abs,
                F::TryCast(Type::I64),
                F::Parse(Type::I64),
                F::Greatest,
                F::Element,
                F::JsonAs(Type::I64),
            ]),
            f::TEXTS if self.random.below(3) == 0 => &F::JsonKeys,
            _ if ty.is_list() => self.random.pick(&[F::Append, F::Without, F::Chain, F::Least]),
            Type::F64 if faulty => self.random.pick(&[F::Floor, F::JsonAsOrFail(Type::F64)]),
            Type::F64 => {
                self.random.pick(&[F::Round, F::Floor, F::Cast(Type::F64), F::Least, F::JsonAs(Type::F64)])
            }
            Type::U64 => self.random.pick(&[F::PositionOf, F::PlaceOf, F::JsonLen]),
            Type::Bool => self.random.pick(&[F::JsonHas, F::JsonContains, F::JsonAs(Type::Bool)]),
            _ if ty.is_json() => self.random.pick(&[F::JsonMember, F::JsonMember, F::JsonItem, F::Least]),
            _ => return None,
        };
        let function = *function;
        let first = match function {
            F::ToText => Type::I64,
            function if asks_json(function) => f::JSON,
            F::TryCast(_) | F::CastOrFail(_) => Type::F64,
            F::Cast(_) => Type::I32,
            F::Parse(_) | F::PositionOf => Type::String,
            F::PlaceOf => *self.random.pick(&[f::TEXTS, f::NUMBERS]),
            F::Element => ty.list().expect("a list"),
            _ => ty,
        };
        let value = self.value(scope, first, faulty);
        Some(match function {
            F::JsonMember | F::JsonHas => value.call(function, [self.name(scope, faulty)]),
            F::JsonContains => value.call(function, [self.value(scope, f::JSON, faulty)]),
            F::JsonItem => value.call(function, [few(self, Type::U64)]),
            F::Element => value.call(function, [few(self, Type::U64)]),
            F::PlaceOf | F::Append | F::Without => {
                let element = first.element().expect("a list");
                value.call(function, [self.value(scope, element, faulty)])
            }
            F::Least | F::Greatest | F::Concat | F::Chain => {
                value.call(function, [self.value(scope, ty, faulty)])
            }
            F::PositionOf => value.call(function, [self.literal(Type::String)]),
            F::Replace => {
                value.call(function, [self.literal(Type::String), self.value(scope, Type::String, faulty)])
            }
            F::Substring => value.call(function, [few(self, Type::U64), few(self, Type::U64)]),
            F::Left | F::Right => value.call(function, [few(self, Type::U64)]),
            F::PadEnd => {
                let fill = Postfix::literal(Scalar::Int('Ä' as i128), Type::Char);
                value.call(function, [few(self, Type::U64), fill])
            }
            F::Power => value.call(function, [few(self, Type::U32)]),
            F::Round => value.call(function, [Postfix::literal(Scalar::Int(0), Type::U32)]),
            _ => value.call(function, []),
        })
    }

    /// A name that a member may have.
    fn name(&mut self, scope: &[usize], faulty: bool) -> Postfix {
        if self.random.below(4) == 0 {
            return self.value(scope, Type::String, faulty);
        }
        let name = Scalar::String(self.random.pick(&json::NAMES).to_string());
        Postfix::literal(name, Type::String)
    }

    /// A value of the type.
    pub(super) fn value(&mut self, scope: &[usize], ty: Type, faulty: bool) -> Postfix {
        if self.random.below(8) == 0
            && let Some(call) = self.call(scope, ty, faulty)
        {
            return call;
        }
        if ty == Type::I64 && faulty && self.random.below(3) == 0 {
            let op = *self.random.pick(&[BinaryOp::Add, BinaryOp::Multiply, BinaryOp::Divide]);
            let left = self.value(scope, ty, faulty);
            return left.binary(op, self.value(scope, ty, faulty));
        }
        if self.random.below(12) == 0 {
            let condition = self.predicate(scope, 0, faulty);
            let then = self.value(scope, ty, faulty);
            return condition.choose(then, self.value(scope, ty, faulty));
        }
        for _ in 0..6 {
            let (field, of) = self.field(scope);
            if of == ty && self.random.below(2) == 0 {
                return if self.random.below(8) == 0 {
                    field.binary(BinaryOp::OrElse, self.literal(ty))
                } else {
                    field
                };
            }
        }
        self.literal(ty)
    }

    /// A test of an element of a list.
    #[cfg(not(feature = "small"))]
    fn element_test(&mut self, ty: Type, depth: usize, faulty: bool) -> Postfix {
        use BinaryOp::{And, Eq, Ge, Lt, Ne, Or};
        let element = Postfix::field(FieldPath { row: RowPath::ELEMENT, ordinal: 0 });
        match self.random.below(if depth == 0 { 4 } else { 7 }) {
            4 => self.element_test(ty, depth - 1, faulty).unary(UnaryOp::Not),
            op @ (5 | 6) => {
                let left = self.element_test(ty, depth - 1, faulty);
                left.binary(if op == 5 { And } else { Or }, self.element_test(ty, depth - 1, faulty))
            }
            0 if ty == Type::String => element.binary(BinaryOp::StartsWith, self.literal(ty)),
            0 if faulty => {
                let inverse = Postfix::literal(Scalar::Int(6), ty).binary(BinaryOp::Divide, element);
                inverse.binary(Lt, self.literal(ty))
            }
            1 => {
                let count = self.random.below(4);
                let candidates: Vec<Postfix> = (0..count).map(|_| self.literal(ty)).collect();
                element.is_in(candidates)
            }
            2 if ty == Type::I64 => element.call(Function::Abs, []).binary(Ge, self.literal(ty)),
            _ => {
                let op = *self.random.pick(&[Eq, Eq, Ne, Lt, Ge]);
                element.binary(op, self.literal(ty))
            }
        }
    }

    pub(super) fn predicate(&mut self, scope: &[usize], depth: usize, faulty: bool) -> Postfix {
        use BinaryOp::{And, Contains, EndsWith, Eq, Ge, Gt, Le, Lt, Ne, Or, StartsWith};
        if faulty && self.random.below(4) == 0 {
            let inverse = self
                .value(scope, Type::I64, true)
                .binary(BinaryOp::Divide, self.value(scope, Type::I64, true));
            return inverse.binary(*self.random.pick(&[Lt, Ge, Eq]), self.literal(Type::I64));
        }
        match self.random.below(if depth == 0 { 7 } else { 13 }) {
            11 if self.random.below(3) == 0 => {
                let (field, ty) = self.field(scope);
                let of = self.values_of(&[ty]);
                match self.random.below(2) {
                    0 => field.is_in_query(of),
                    _ => self.scalar(field, ty),
                }
            }
            7 | 8 => {
                let left = self.predicate(scope, depth - 1, faulty);
                left.binary(And, self.predicate(scope, depth - 1, faulty))
            }
            9 => {
                let left = self.predicate(scope, depth - 1, faulty);
                left.binary(Or, self.predicate(scope, depth - 1, faulty))
            }
            10 => self.predicate(scope, depth - 1, faulty).unary(UnaryOp::Not),
            11 | 12 => self.subquery(scope, depth - 1, faulty),
            0 => {
                let (field, ty) = self.field(scope);
                let count = self.random.below(4) + usize::from(self.random.below(6) == 0) * 9;
                let candidates: Vec<Postfix> = (0..count).map(|_| self.literal(ty)).collect();
                field.is_in(candidates)
            }
            1 => {
                let (field, ty) = self.field(scope);
                if self.random.below(2) == 0 {
                    let bounds = [self.literal(ty), self.literal(ty)];
                    let [low, high] = bounds;
                    let above = field.clone().binary(*self.random.pick(&[Gt, Ge]), low);
                    return above.binary(And, field.binary(*self.random.pick(&[Lt, Le]), high));
                }
                let low = self.value(scope, ty, faulty);
                field.between(low, self.literal(ty))
            }
            2 => {
                let test = if self.random.below(2) == 0 { UnaryOp::IsNone } else { UnaryOp::IsSome };
                self.field(scope).0.unary(test)
            }
            3 if self.random.below(2) == 0 => {
                let (list, element) = *self.random.pick(&[(f::TEXTS, Type::String), (f::NUMBERS, Type::I64)]);
                let left = self.value(scope, list, faulty);
                match self.random.below(6) {
                    0 => left.unary(UnaryOp::Length).binary(Gt, self.literal(Type::U64)),
                    1 => left.binary(BinaryOp::Has, self.value(scope, element, faulty)),
                    2 | 3 => left.binary(BinaryOp::Has, self.literal(element)),
                    4 => left.binary(BinaryOp::HasAny, self.literal(list)),
                    _ => left.binary(BinaryOp::HasAll, self.literal(list)),
                }
            }
            #[cfg(not(feature = "small"))]
            3 if self.random.below(3) == 0 => {
                let (list, element) = *self.random.pick(&[(f::TEXTS, Type::String), (f::NUMBERS, Type::I64)]);
                let each = *self.random.pick(&[crate::expr::op::Each::Any, crate::expr::op::Each::All]);
                let left = self.value(scope, list, faulty);
                let test = self.element_test(element, 2, faulty);
                left.each(each, test)
            }
            3 if self.random.below(2) == 0 => {
                let call = self.call(scope, Type::Bool, faulty).expect("a function of JSON");
                call.binary(BinaryOp::OrElse, Postfix::literal(Scalar::Bool(false), Type::Bool))
            }
            3 => {
                let op = *self.random.pick(&[StartsWith, EndsWith, Contains]);
                let left = self.value(scope, Type::String, faulty);
                left.binary(op, self.literal(Type::String))
            }
            _ => {
                let (field, ty) = self.field(scope);
                let op = *self.random.pick(&[Eq, Eq, Eq, Ne, Lt, Le, Gt, Ge]);
                if self.random.below(6) == 0
                    && let Some(call) = self.call(scope, ty, faulty)
                {
                    return call.binary(op, self.literal(ty));
                }
                let right =
                    if self.random.below(3) == 0 { self.value(scope, ty, faulty) } else { self.literal(ty) };
                if self.random.below(6) == 0 { right.binary(op, field) } else { field.binary(op, right) }
            }
        }
    }

    /// A comparison with an aggregate over another query.
    fn scalar(&mut self, field: Postfix, ty: Type) -> Postfix {
        let root = self.random.below(self.collections.len());
        let windows = core::mem::take(&mut self.windows);
        let argument = Some(self.value(&[root], ty, false));
        let function = self.random.pick(&[AggregateFunction::Min, AggregateFunction::Max]).clone();
        let item = Postfix::aggregate(AggregateItem { function, argument, filter: None });
        let builder = draft(self.collections[root].0).filter(self.predicate(&[root], 0, false));
        let other = builder.group_by([]).select([item]).build();
        self.windows = windows;
        field.binary(*self.random.pick(&[BinaryOp::Eq, BinaryOp::Ge]), Postfix::scalar(other))
    }

    /// Whether there is, or all are: a boolean about other records.
    fn subquery(&mut self, scope: &[usize], depth: usize, faulty: bool) -> Postfix {
        let predicate = |maker: &mut Self, scope: &[usize]| {
            (maker.random.below(4) > 0).then(|| maker.predicate(scope, depth, faulty))
        };
        let reversed = self.reversed(scope[0]);
        let (subquery, inner) = match self.random.below(3) {
            0 | 1 if !reversed.is_empty() => {
                let (row, inner, ordinal) = *self.random.pick(&reversed);
                // It speaks of the inner record alone.
                let windows = core::mem::take(&mut self.windows);
                let predicate = predicate(self, &[inner]);
                self.windows = windows;
                (Link::Reverse { row, ordinal }, (inner, predicate))
            }
            _ => {
                let inner = self.random.below(self.collections.len());
                let deeper: Vec<usize> = scope.iter().copied().chain([inner]).collect();
                let mut found = predicate(self, &deeper);
                if self.random.below(3) > 0 {
                    found = self
                        .equality(&deeper)
                        .map(|equal| match found.take() {
                            Some(predicate) => equal.binary(BinaryOp::And, predicate),
                            None => equal,
                        })
                        .or(found);
                }
                (Link::Correlated { position: scope.len() as u8 }, (inner, found))
            }
        };
        let (inner, predicate) = inner;
        let collection = self.collections[inner].0;
        let inner_scope = match subquery {
            Link::Reverse { .. } => Vec::from([inner]),
            Link::Correlated { .. } => scope.iter().copied().chain([inner]).collect(),
        };
        let (mut equal, mut compared) = (None, None);
        let quantifier = match self.random.below(7) {
            0 => Quantifier::Any,
            1 => Quantifier::All,
            2 => {
                compared = Some(Type::U64);
                Quantifier::Count
            }
            3 if inner_scope.len() > 1 => {
                let (of_row, ty) = self.field(scope);
                let windows = core::mem::take(&mut self.windows);
                let value = self.value(&inner_scope[scope.len()..], ty, false);
                self.windows = windows;
                let both = (moved(value, scope.len() as u8), of_row);
                equal = Whole::build().map(|whole| InWhole::new(both, whole));
                Quantifier::Any
            }
            4..=6 => {
                let windows = self.windows.clone();
                if let Link::Reverse { .. } = subquery {
                    self.windows.clear();
                }
                let (item, ty) = self.aggregate_item(&inner_scope, faulty);
                self.windows = windows;
                compared = Some(ty);
                Quantifier::aggregate(item).expect("tests have all parts")
            }
            _ => Quantifier::Any,
        };
        let asked = Postfix::subquery(Subquery { collection, link: subquery, quantifier, predicate, equal });
        match compared {
            Some(ty) => {
                let op = *self.random.pick(&[BinaryOp::Gt, BinaryOp::Eq, BinaryOp::Ne]);
                asked.binary(op, self.literal(ty))
            }
            None => asked,
        }
    }

    /// A field of the last source that equals one of another.
    fn equality(&mut self, scope: &[usize]) -> Option<Postfix> {
        let last = scope.len() - 1;
        for _ in 0..8 {
            let schema = (self.collections[scope[last]].0)();
            let ordinal = self.random.below(schema.fields.len());
            let ty = schema.fields[ordinal].ty;
            let (other, of) = self.field(&scope[..last]);
            if of == ty {
                let row = RowPath::source(last as u8);
                let own = Postfix::field(FieldPath { row, ordinal: ordinal as u16 });
                return Some(own.binary(BinaryOp::Eq, other));
            }
        }
        None
    }

    /// The relations: which collection's which field points at which.
    pub(super) fn relations(&self) -> Vec<(usize, u16, usize)> {
        let mut relations = Vec::new();
        for (from, (schema, _)) in self.collections.iter().enumerate() {
            for (ordinal, field) in schema().fields.iter().enumerate() {
                let Some(reference) = field.reference else { continue };
                let is_target = |(of, _): &Collection| core::ptr::eq(of(), (reference.target)());
                let to = self.collections.iter().position(is_target).expect("a collection of the schema");
                relations.push((from, ordinal as u16, to));
            }
        }
        relations
    }

    /// What points at records of `root`, or at those that its records point at: the row pointed at, the collection, and its
    /// field.
    fn reversed(&self, root: usize) -> Vec<(RowPath, usize, u16)> {
        let relations = self.relations();
        let at = |row: RowPath, target: usize| {
            let pointing = relations.iter().filter(move |(_, _, to)| *to == target);
            pointing.map(move |(from, field, _)| (row, *from, *field))
        };
        let hops = relations.iter().filter(|(from, ..)| *from == root);
        let behind = hops.flat_map(|(_, field, to)| at(RowPath::source(0).hop(*field), *to));
        at(RowPath::source(0), root).chain(behind).collect()
    }

    /// Joins of three to five sources, most of them along relations, each with any of those before it.
    fn joined(&mut self, mut builder: DraftBuilder, scope: &mut Vec<usize>, faulty: bool) -> DraftBuilder {
        let relations = self.relations();
        let count = |maker: &Self, of: usize| maker.collections[of].1.len();
        let mut rows = count(self, scope[0]);
        for _ in 0..2 + self.random.below(3) {
            let source = self.random.below(scope.len());
            if relations.is_empty() {
                break;
            }
            let (from, field, to) = *self.random.pick(&relations);
            let position = scope.len() as u8;
            let (inner, mut on) = match (scope[source] == from, scope[source] == to) {
                (true, _) => (to, f::inner(source as u8, field).binary(BinaryOp::Eq, f::inner(position, 0))),
                (_, true) => {
                    (from, f::inner(position, field).binary(BinaryOp::Eq, f::inner(source as u8, 0)))
                }
                _ => continue,
            };
            // Not more pairs than the reference can go through.
            if inner == from {
                rows = rows * count(self, from) / count(self, to) + 1;
            }
            if rows > 1000 {
                break;
            }
            scope.push(inner);
            for _ in 0..2 {
                let more = match self.random.below(6) {
                    0 => self.equality(scope),
                    1 => Some(self.predicate(scope, 1, faulty)),
                    _ => None,
                };
                on = match more {
                    Some(more) if self.random.below(2) == 0 => more.binary(BinaryOp::And, on),
                    Some(more) => on.binary(BinaryOp::And, more),
                    None => on,
                };
            }
            let kinds = [JoinKind::Inner, JoinKind::Inner, JoinKind::Inner, JoinKind::Left];
            let kind = *self.random.pick(&kinds);
            builder = builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind });
            if self.random.below(4) == 0 {
                builder = builder.filter(self.predicate(scope, 1, faulty));
            }
        }
        builder
    }

    /// A draft of any of the kinds that are made.
    #[cfg(not(feature = "small"))]
    pub(super) fn any_draft(&mut self) -> (Draft, bool) {
        match self.random.below(7) {
            0 => self.narrow_draft(),
            1 => self.paired_draft(),
            2 => self.ruled_draft(),
            3 => self.nested_draft(false),
            _ => self.draft(false),
        }
    }

    /// A draft, and whether its rows come in an order that is told.
    pub(super) fn draft(&mut self, faulty: bool) -> (Draft, bool) {
        let root = self.random.below(self.collections.len());
        let mut scope = Vec::from([root]);
        let mut builder: DraftBuilder = draft(self.collections[root].0);
        let (mut limited, mut ordered) = (false, true);
        self.forget();
        if self.random.below(4) == 0 {
            builder = self.joined(builder, &mut scope, faulty);
            ordered = scope.len() == 1;
        }
        for _ in 0..1 + self.random.below(4) {
            builder = match self.random.below(13) {
                12 => {
                    ordered = false;
                    self.join_query(builder, &scope, faulty)
                }
                0 => {
                    let mut terms = Vec::new();
                    for _ in 0..self.random.below(3) {
                        let nulls_first = *self.random.pick(&[None, None, Some(true), Some(false)]);
                        let descending = self.random.below(2) == 0;
                        let expression = if faulty { self.stored(&scope).0 } else { self.field(&scope).0 };
                        terms.push(OrderTerm { expression, descending, nulls_first });
                    }
                    self.total(&scope, &mut terms);
                    ordered = true;
                    builder.clause(Clause::Order(terms))
                }
                // A limit hides the faults of what it leaves unread: what a second one does to a first, or an offset, is
                // left to the other test.
                1 if (faulty && limited) || !ordered => builder,
                1 => {
                    limited = true;
                    builder.limit(self.random.below(12) as u64 + if faulty { 11 } else { 0 })
                }
                2 if ordered => builder.offset(self.random.below(6) as u64),
                2 => builder,
                3 if scope.len() < 3 => {
                    let inner = self.random.below(self.collections.len());
                    scope.push(inner);
                    let equal = if self.random.below(4) > 0 { self.equality(&scope) } else { None };
                    let on = match equal {
                        Some(equal) if self.random.below(2) == 0 => equal,
                        Some(equal) => equal.binary(BinaryOp::And, self.predicate(&scope, 1, faulty)),
                        None => self.predicate(&scope, 1, faulty),
                    };
                    let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
                    ordered = false;
                    builder.clause(Clause::Join { collection: self.collections[inner].0, on, kind })
                }
                4 | 5 => {
                    // What numbers rows as they come raises the faults of those that are read.
                    limited = true;
                    let items = (0..1 + self.random.below(3)).map(|_| self.window(&scope, ordered, faulty));
                    let (items, types): (Vec<_>, Vec<_>) = items.collect::<Vec<_>>().into_iter().unzip();
                    self.windows.extend(types);
                    builder.window(items)
                }
                6 if ordered => {
                    limited = true;
                    let keys = (0..self.random.below(3)).map(|_| self.field(&scope).0).collect();
                    builder.clause(Clause::limit_per(keys, self.random.below(4) as u64))
                }
                6 => builder,
                _ => builder.filter(self.predicate(&scope, 2, faulty)),
            };
        }
        match self.random.below(if faulty { 6 } else { 9 }) {
            6 => {
                (builder, ordered) = self.of_values(builder, &scope);
            }
            0 | 1 => {
                let values = (0..1 + self.random.below(3)).map(|_| self.field(&scope).0);
                let values: Vec<Postfix> = values.collect();
                builder = builder.select(values);
            }
            3 => {
                let types = [Type::String, Type::I64, Type::F64, Type::U64];
                let values: Vec<Postfix> =
                    types.iter().filter_map(|ty| self.call(&scope, *ty, faulty)).collect();
                builder = builder.select(values);
            }
            2 => {
                builder = self.grouped(builder, &scope, ordered, faulty);
                ordered = false;
            }
            _ => {}
        }
        (builder.build(), ordered)
    }

    /// A query of values of these types.
    fn values_of(&mut self, types: &[Type]) -> Draft {
        let known = self.commons.iter().find(|(of, _)| of == types).map(|(_, draft)| draft.clone());
        if let Some(known) = known.filter(|_| self.random.below(3) > 0) {
            return known;
        }
        let mut other = self.new_values_of(types);
        if self.random.below(3) == 0 {
            other.clauses.push(Clause::common());
            self.commons.push((types.to_vec(), other.clone()));
            if self.random.below(2) == 0 {
                // What begins alike may end differently.
                let keys = (0..types.len() as u16).map(|key| SelectItem::Value(Postfix::key(key)));
                let keys = keys.collect();
                let predicate = Postfix::key(0).binary(BinaryOp::Ge, self.literal(types[0]));
                other.clauses.extend([Clause::Filter(predicate), Clause::Select(keys)]);
            }
        }
        other
    }

    /// Rows paired with those of another query.
    fn join_query(&mut self, builder: DraftBuilder, scope: &[usize], faulty: bool) -> DraftBuilder {
        let (left, ty) = self.field(scope);
        let types: Vec<Type> =
            if self.random.below(2) == 0 { Vec::from([ty]) } else { Vec::from([ty, self.field(scope).1]) };
        let other = self.values_of(&types);
        let first = self.windows.len() as u16;
        let value = f::window(first);
        self.windows.extend(&types);
        self.paired.extend(first..self.windows.len() as u16);
        let equal = match self.random.below(5) {
            0 => self.predicate(scope, 1, faulty),
            1 => value.binary(BinaryOp::Lt, left),
            2 => left.binary(BinaryOp::Eq, value),
            _ => value.binary(BinaryOp::Eq, left),
        };
        let on = match self.random.below(3) {
            0 => equal.binary(BinaryOp::And, self.predicate(scope, 1, faulty)),
            _ => equal,
        };
        let kind = *self.random.pick(&[JoinKind::Inner, JoinKind::Left]);
        builder.clause(Clause::join_query(other, on, kind))
    }

    /// The step of a recursion over values of these types: of each either the one before or a field of a record.
    fn step(&mut self, types: &[Type]) -> Draft {
        let root = self.random.below(self.collections.len());
        let previous = Draft::new(self.collections[root].0, Vec::from([Clause::previous()]));
        let windows = core::mem::replace(&mut self.windows, types.to_vec());
        let value = |maker: &mut Self, number: usize| {
            for _ in 0..6 {
                let (field, ty) = maker.stored(&[root]);
                if ty == types[number] {
                    return field;
                }
            }
            f::window(number as u16)
        };
        let on = match self.random.below(2) {
            0 => self.predicate(&[root], 1, false),
            _ => value(self, 0).binary(BinaryOp::Eq, f::window(0)),
        };
        let values: Vec<Postfix> = (0..types.len()).map(|number| value(self, number)).collect();
        let mut builder =
            draft(self.collections[root].0).clause(Clause::join_query(previous, on, JoinKind::Inner));
        if self.random.below(2) == 0 {
            builder = builder.filter(self.predicate(&[root], 1, false));
        }
        self.windows = windows;
        builder.select(values).build()
    }

    fn new_values_of(&mut self, types: &[Type]) -> Draft {
        let root = self.random.below(self.collections.len());
        let windows = core::mem::take(&mut self.windows);
        let mut builder = draft(self.collections[root].0);
        if self.random.below(2) == 0 {
            builder = builder.filter(self.predicate(&[root], 0, false));
        }
        if self.random.below(4) == 0 {
            builder = builder.limit(self.random.below(9) as u64);
        }
        let values: Vec<Postfix> = types.iter().map(|ty| self.value(&[root], *ty, false)).collect();
        self.windows = windows;
        builder.select(values).build()
    }

    /// Rows of values: each once, or put together with those of another query. And whether they come in an order that is
    /// told.
    fn of_values(&mut self, builder: DraftBuilder, scope: &[usize]) -> (DraftBuilder, bool) {
        use SetKind::{Except, ExceptAll, Intersect, IntersectAll, Union, UnionAll};
        let (values, types): (Vec<Postfix>, Vec<Type>) =
            (0..1 + self.random.below(2)).map(|_| self.field(scope)).unzip();
        let mut builder = builder.select(values);
        for _ in 0..1 + self.random.below(2) {
            let kind = *self.random.pick(&[Union, UnionAll, Intersect, IntersectAll, Except, ExceptAll]);
            builder = match self.random.below(6) {
                0 => builder.clause(Clause::Distinct),
                4 => builder.clause(Clause::common()),
                5 => {
                    let rounds = *self.random.pick(&[Some(0), Some(1), Some(2), None]);
                    let rounds = if types.len() > 1 { rounds.or(Some(3)) } else { rounds };
                    let step = self.step(&types);
                    builder.clause(Clause::recursive(Recursion { step, identity: None, rounds }))
                }
                _ => builder.clause(Clause::set(self.values_of(&types), kind)),
            };
        }
        let keys = || (0..types.len() as u16).map(Postfix::key);
        if self.random.below(2) == 0 {
            let op = *self.random.pick(&[BinaryOp::Eq, BinaryOp::Gt, BinaryOp::Ne]);
            builder = builder.filter(Postfix::key(0).binary(op, self.literal(types[0])));
        }
        if self.random.below(2) == 0 {
            return (builder, false);
        }
        let term = |expression| OrderTerm { expression, descending: false, nulls_first: None };
        builder = builder.clause(Clause::Order(keys().map(term).collect()));
        (builder.limit(self.random.below(12) as u64), true)
    }

    /// Appends the keys of all sources, and the values of other queries, which make an order total: rows that are alike in all of
    /// them are alike.
    pub(super) fn total(&mut self, scope: &[usize], terms: &mut Vec<OrderTerm>) {
        for (source, of) in scope.iter().enumerate() {
            for ordinal in (self.collections[*of].0)().key.ordinals() {
                let row = RowPath::source(source as u8);
                let key = Postfix::field(FieldPath { row, ordinal: *ordinal });
                let descending = self.random.below(2) == 0;
                terms.push(OrderTerm { expression: key, descending, nulls_first: None });
            }
        }
        let values = self.paired.iter().map(|number| f::window(*number));
        terms.extend(values.map(|expression| OrderTerm { expression, descending: false, nulls_first: None }));
    }

    /// A window, and the type of its values.
    fn window(&mut self, scope: &[usize], ordered: bool, faulty: bool) -> (WindowItem, Type) {
        let partition = (0..self.random.below(3)).map(|_| self.field(scope).0).collect();
        let mut order = Vec::new();
        for _ in 0..self.random.below(3) {
            let nulls_first = *self.random.pick(&[None, None, Some(true), Some(false)]);
            let descending = self.random.below(2) == 0;
            order.push(OrderTerm { expression: self.field(scope).0, descending, nulls_first });
        }
        // Where rows come in any order, none of them may be peers.
        if !ordered {
            self.total(scope, &mut order);
        }
        let (of, ty) = match self.random.below(2) {
            0 => self.field(scope),
            _ => (self.value(scope, Type::I64, faulty), Type::I64),
        };
        let integer = self.value(scope, Type::I64, faulty);
        let (mut item, ty) = self.window_over(partition, order, (of, ty), integer);
        if self.random.below(4) == 0 {
            self.tell_by_range(scope, &mut item);
        }
        (item, ty)
    }

    /// Tells the frame of a window by how far values are apart, if nothing that it calculates tells peers apart.
    pub(super) fn tell_by_range(&mut self, scope: &[usize], item: &mut WindowItem) {
        use AggregateFunction::{ArrayAgg, StringAgg};
        let (expression, ty) = self.field(scope);
        let is_float = matches!(ty, Type::F32 | Type::F64);
        let is_integer = ty.is_signed_integer() || ty.is_unsigned_integer();
        let WindowFunction::Aggregate(function) = &item.function else { return };
        if matches!(function, ArrayAgg | StringAgg { .. }) || !(is_float || is_integer && ty != Type::U128) {
            return;
        }
        let mut bound = || match self.random.below(4) {
            0 => None,
            _ if is_float => Some((self.random.below(9) as f64 / 2.0 - 2.0).to_bits() as i64),
            _ => Some(self.random.below(40) as i64 - 20),
        };
        item.frame = Frame { unit: FrameUnit::Range, start: bound(), end: bound() };
        let nulls_first = *self.random.pick(&[None, Some(true), Some(false)]);
        let descending = self.random.below(2) == 0;
        item.order = Vec::from([OrderTerm { expression, descending, nulls_first }]);
    }

    /// A window over these, of a value of any type or of an integer.
    pub(super) fn window_over(
        &mut self,
        partition: Vec<Postfix>,
        order: Vec<OrderTerm>,
        (of, ty): (Postfix, Type),
        integer: Postfix,
    ) -> (WindowItem, Type) {
        use AggregateFunction as F;
        use WindowFunction as W;
        let by = self.random.below(4) as u64;
        let (function, argument, ty) = match self.random.below(22) {
            0 | 1 => (W::RowNumber, None, Type::U64),
            2 => (W::Rank, None, Type::U64),
            3 => (W::DenseRank, None, Type::U64),
            4 => (W::PercentRank, None, Type::F64),
            5 => (W::CumeDist, None, Type::F64),
            6 => (W::Ntile(by + 1), None, Type::U64),
            7 => (W::Lag(by), Some(of), ty),
            8 => (W::Lead(by), Some(of), ty),
            9 => (W::First, Some(of), ty),
            10 => (W::Last, Some(of), ty),
            11 => (W::Nth(by + 1), Some(of), ty),
            12 => (W::Aggregate(F::Count), None, Type::U64),
            13 => (W::Aggregate(F::Count), Some(of), Type::U64),
            14 => (W::Aggregate(F::Sum), Some(integer), Type::I64),
            15 => (W::Aggregate(F::Avg), Some(integer), Type::F64),
            16 => (W::Aggregate(F::Min), Some(of), ty),
            17 => (W::Aggregate(F::CountDistinct), Some(of), Type::U64),
            18 => (W::Aggregate(F::Median), Some(integer), Type::F64),
            19 if ty == Type::String => {
                (W::Aggregate(F::StringAgg { separator: ", ".to_string() }), Some(of), Type::String)
            }
            20 if ty == Type::String => (W::Aggregate(F::ArrayAgg), Some(of), f::TEXTS),
            20 => (W::Aggregate(F::ArrayAgg), Some(integer), f::NUMBERS),
            _ => (W::Aggregate(F::Max), Some(of), ty),
        };
        let mut bound = || {
            let far = self.random.below(8) == 0;
            match self.random.below(4) {
                0 => None,
                _ if far => Some(*self.random.pick(&[i64::MIN, i64::MAX, -40, 40])),
                _ => Some(self.random.below(7) as i64 - 3),
            }
        };
        let (start, end) = (bound(), bound());
        let frame = match self.random.below(5) {
            0 => Frame::DEFAULT,
            1 | 2 => Frame { unit: FrameUnit::Groups, start, end },
            _ => Frame { unit: FrameUnit::Rows, start, end },
        };
        (WindowItem { function, argument, partition, order, frame }, ty)
    }

    /// Groups, and what is asked of them.
    fn grouped(
        &mut self,
        builder: DraftBuilder,
        scope: &[usize],
        ordered: bool,
        faulty: bool,
    ) -> DraftBuilder {
        let (keys, types): (Vec<Postfix>, Vec<Type>) =
            (0..self.random.below(3)).map(|_| self.field(scope)).collect::<Vec<_>>().into_iter().unzip();
        let count = keys.len();
        let mut items: Vec<Postfix> =
            (0..1 + self.random.below(3)).map(|_| self.aggregate(scope, faulty)).collect();
        if self.random.below(3) == 0 {
            let of = *self.random.pick(&[Type::String, Type::I64]);
            let argument = Some(self.value(scope, of, faulty));
            let filter = (self.random.below(3) == 0).then(|| self.predicate(scope, 1, faulty));
            let item = AggregateItem { function: AggregateFunction::ArrayAgg, argument, filter };
            let list = Postfix::aggregate(item);
            // Where rows come in any order, so do the elements.
            items.push(if ordered { list } else { list.unary(UnaryOp::Length) });
        }
        let mut builder = builder.group_by(keys);
        if self.random.below(2) == 0 {
            let few = Postfix::literal(Scalar::Int(self.random.below(4) as i128), Type::U64);
            let op = *self.random.pick(&[BinaryOp::Gt, BinaryOp::Le, BinaryOp::Eq]);
            builder = builder.filter(f::aggregate(AggregateFunction::Count, None).binary(op, few));
        }
        let mut windows = Vec::new();
        if self.random.below(3) == 0 && count > 0 {
            // Groups come in any order: their keys make one that is total.
            let term = |expression, descending| OrderTerm { expression, descending, nulls_first: None };
            let mut order: Vec<OrderTerm> =
                (0..count as u16).map(|key| term(Postfix::key(key), self.random.below(2) == 0)).collect();
            if self.random.below(2) == 0 {
                order.insert(0, term(f::aggregate(AggregateFunction::Count, None), true));
            }
            let partition = match self.random.below(3) {
                0 => Vec::from([Postfix::key(0)]),
                1 => Vec::from([f::aggregate(AggregateFunction::Count, None)]),
                _ => Vec::new(),
            };
            self.windows.clear();
            let sum = f::aggregate(AggregateFunction::Sum, Some(self.value(scope, Type::I64, faulty)));
            let (item, _) = self.window_over(partition, order, (Postfix::key(0), types[0]), sum);
            builder = builder.window([item]);
            windows.push(f::window(0));
        }
        builder.select((0..count as u16).map(Postfix::key).chain(items).chain(windows))
    }

    fn aggregate(&mut self, scope: &[usize], faulty: bool) -> Postfix {
        Postfix::aggregate(self.aggregate_item(scope, faulty).0)
    }

    /// An aggregate, and its type.
    pub(super) fn aggregate_item(&mut self, scope: &[usize], faulty: bool) -> (AggregateItem, Type) {
        use AggregateFunction as F;
        let (function, argument, ty) = match self.random.below(6) {
            0 => (F::Count, None, Type::U64),
            1 => (F::Count, Some(self.field(scope).0), Type::U64),
            2 => (F::CountDistinct, Some(self.field(scope).0), Type::U64),
            3 => (F::Sum, Some(self.value(scope, Type::I64, faulty)), Type::I64),
            4 => (F::Avg, Some(self.value(scope, Type::I64, faulty)), Type::F64),
            _ => {
                let (field, ty) = self.field(scope);
                (self.random.pick(&[F::Min, F::Max]).clone(), Some(field), ty)
            }
        };
        let filter = (self.random.below(3) == 0).then(|| self.predicate(scope, 1, faulty));
        (AggregateItem { function, argument, filter }, ty)
    }
}

/// A list of few values.
pub(super) fn list(random: &mut Random, ty: Type) -> Scalar {
    let value = |random: &mut Random| match ty {
        f::TEXTS => Scalar::String(random.pick(&["", "a", "\0", "ab", "zz"]).to_string()),
        _ => Scalar::Int(random.below(6) as i128 - 3),
    };
    let values: Vec<Scalar> = (0..random.below(4)).map(|_| value(random)).collect();
    ty.element().and_then(|element| Scalar::list(element, &values)).expect("a list of its elements")
}

/// An expression about source 0 as one about the source at `position`.
pub(super) fn moved(mut expression: Postfix, position: u8) -> Postfix {
    for op in &mut expression.ops {
        if let Op::Field(path) = op {
            path.row = path.row.at(position);
        }
    }
    expression
}
