//! Drafts about the fields of one index, which its entries may answer alone, or its ends.

use alloc::vec::Vec;

use super::*;
use crate::schema::FieldSchema;

impl Maker<'_> {
    /// The collections with indexes, and the ordinals of each index's fields; then those of the key.
    pub(super) fn indexes(&self) -> Vec<(usize, Vec<u16>)> {
        let mut indexes = Vec::new();
        for (root, (schema, _)) in self.collections.iter().enumerate() {
            let schema = schema();
            let key = schema.key.ordinals();
            let is_listed = |ordinal: &u16| schema.fields[usize::from(*ordinal)].ty.is_list();
            let declared = schema.indexes.iter().filter(|index| !index.fields.iter().any(is_listed));
            indexes.extend(declared.map(|index| (root, [index.fields, key].concat())));
            indexes.push((root, key.to_vec()));
        }
        let relations = self.relations().into_iter().map(|(from, field, _)| (from, Vec::from([field, 0])));
        indexes.extend(relations);
        indexes
    }

    /// A draft about the first field of an index and what its entries have beside their keys; another where no index has anything.
    #[cfg(not(feature = "small"))]
    pub(super) fn covered_draft(&mut self) -> (Draft, bool) {
        let all = self.collections.iter().enumerate();
        let covering: Vec<_> = all
            .flat_map(|(root, (schema, _))| schema().indexes.iter().map(move |index| (root, index)))
            .filter(|(_, index)| !index.included.is_empty())
            .collect();
        if covering.is_empty() {
            return self.narrow_draft();
        }
        let (root, index) = *self.random.pick(&covering);
        self.forget();
        let schema = self.collections[root].0;
        let first = index.fields[0];
        let filter = self.about(first, &schema().fields[usize::from(first)]);
        let included = index.included.iter().map(|ordinal| f::field(*ordinal));
        (draft(schema).filter(filter).select(included).build(), false)
    }

    /// A draft about the fields of an index, and whether its rows come in an order that is told.
    pub(super) fn narrow_draft(&mut self) -> (Draft, bool) {
        let indexes = self.indexes();
        let (root, fields) = self.random.pick(&indexes);
        let (root, fields) = (*root, fields.as_slice());
        let schema = (self.collections[root].0)();
        self.forget();
        let mut builder = draft(self.collections[root].0);
        for _ in 0..self.random.below(3) {
            let ordinal = *self.random.pick(fields);
            builder = builder.filter(self.about(ordinal, &schema.fields[usize::from(ordinal)]));
        }
        if self.random.below(6) == 0 {
            builder = builder.filter(self.predicate(&[root], 1, false));
        }
        if self.random.below(8) == 0 {
            // Each of them may be searched for by another index.
            let alternatives = (0..2 + self.random.below(2)).map(|_| {
                let of_root: Vec<_> = indexes.iter().filter(|(of, _)| *of == root).collect();
                let ordinal = self.random.pick(&of_root).1[0];
                self.about(ordinal, &schema.fields[usize::from(ordinal)])
            });
            builder = builder.filter(alternatives.reduce(|a, b| a.binary(BinaryOp::Or, b)).expect("two"));
        }
        let some = |maker: &mut Self| -> Vec<Postfix> {
            (0..1 + maker.random.below(3)).map(|_| f::field(*maker.random.pick(fields))).collect()
        };
        match self.random.below(6) {
            // Extremes, alone and beside each other.
            0 | 1 => {
                use AggregateFunction::{Max, Min};
                let items = some(self)
                    .into_iter()
                    .map(|of| f::aggregate(self.random.pick(&[Min, Max]).clone(), Some(of)));
                let items: Vec<Postfix> = items.collect();
                (builder.group_by([]).select(items).build(), true)
            }
            2 => {
                let keys = some(self);
                let count = keys.len() as u16;
                let last = f::aggregate(AggregateFunction::Max, some(self).pop());
                let keys = builder.group_by(keys);
                (keys.select((0..count).map(Postfix::key).chain([last])).build(), false)
            }
            kind => {
                if self.random.below(3) > 0 {
                    let descending = self.random.below(2) == 0;
                    let count = 1 + self.random.below(fields.len());
                    let terms = fields[..count].iter().map(|ordinal| OrderTerm {
                        expression: f::field(*ordinal),
                        descending,
                        nulls_first: None,
                    });
                    builder = builder.clause(Clause::Order(terms.collect()));
                }
                if self.random.below(3) == 0 {
                    builder = builder.limit(self.random.below(6) as u64);
                }
                if kind > 3 {
                    builder = builder.select(some(self));
                }
                (builder.build(), true)
            }
        }
    }

    /// A predicate about a field of the root.
    fn about(&mut self, ordinal: u16, def: &FieldSchema) -> Postfix {
        self.about_value(f::field(ordinal), def)
    }

    /// A predicate about a field.
    pub(super) fn about_value(&mut self, field: Postfix, def: &FieldSchema) -> Postfix {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, StartsWith};
        match self.random.below(8) {
            0 if def.optional => field.unary(UnaryOp::IsSome),
            1 if def.optional => field.unary(UnaryOp::IsNone),
            2 => {
                let mut candidates: Vec<Postfix> = (0..2).map(|_| self.literal(def.ty)).collect();
                if def.optional && self.random.below(2) == 0 {
                    candidates.push(f::null(def.ty));
                }
                field.is_in(candidates)
            }
            3 => field.between(self.literal(def.ty), self.literal(def.ty)),
            4 if def.ty == Type::String => field.binary(StartsWith, self.literal(def.ty)),
            5 => {
                let op = *self.random.pick(&[Lt, Le, Gt, Ge]);
                field.binary(op, self.literal(def.ty))
            }
            // What no index searches for, but its entries answer.
            6 => field.binary(BinaryOp::Ne, self.literal(def.ty)),
            _ => field.binary(Eq, self.literal(def.ty)),
        }
    }
}
