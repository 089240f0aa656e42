//! `recursive`: records, those that they lead to, and so on.

use alloc::vec::Vec;
use core::marker::PhantomData;

use super::group::{GroupKey, decode_keys};
use super::selection::decode_records;
use super::{Both, HeldBy, Out, Push, Query, Records, RowReader, Scope};
use crate::Error;
use crate::collection::{Collection, Field, Many, Proxy, Req};
use crate::engine::Control;
use crate::expr::{
    BinaryOp, Clause, Draft, FieldPath, JoinKind, Postfix as Node, Recursion, RowPath, SelectItem, UnaryOp,
};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type};

/// The scope of records that a recursion found: closures are given what scope `S` has, and how many steps it took.
pub struct Found<S> {
    of: PhantomData<fn() -> S>,
}

#[diagnostic::do_not_recommend]
impl<S: Scope> Scope for Found<S> {
    type Rows = Self::Seen<Self>;
    type Seen<In> = (S::Seen<In>, Field<In, u64>);
    const WINDOWS: u16 = S::WINDOWS;

    fn rows() -> Self::Rows {
        Self::seen()
    }

    fn seen<In>() -> Self::Seen<In> {
        (S::seen(), Field::new(FieldPath { row: RowPath::KEYS, ordinal: 1 }))
    }
}

#[diagnostic::do_not_recommend]
impl<S: Records> Records for Found<S> {
    type Records = S::Records;

    #[inline]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Records, Error> {
        S::read(row)
    }
}

#[diagnostic::do_not_recommend]
impl<D, S: HeldBy<D>> HeldBy<D> for Found<S> {}

impl<S: Push<C>, C: Collection> Push<C> for Found<S> {
    type Out = Found<S::Out>;
    type Optional = Found<S::Optional>;
    const POSITION: u8 = S::POSITION;
}

/// A relation from records of collection `C` to others of it: `c.children()`, `c.parent()`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not lead from `{C}` to `{C}`",
    label = "expected a relation to records of the same collection",
    note = "other ways from rows to rows are for `recursive_with`"
)]
pub trait LeadsTo<C> {
    /// The step of the recursion: from the keys of records, and numbers, to keys of others, and those numbers and one.
    #[doc(hidden)]
    fn step(self) -> Draft;
}

/// The field of source 0 that records are identified by.
fn key_of(schema: &CollectionSchema) -> Node {
    let ordinal = schema.key.ordinals().first().copied().unwrap_or_default();
    Node::field(FieldPath { row: RowPath::source(0), ordinal })
}

/// The keys of records, and one more step than before.
fn one_further(key: Node) -> Clause {
    let one = Node::literal(Scalar::Int(1), Type::U64);
    let steps = Node::key(1).binary(BinaryOp::Add, one);
    Clause::Select(Vec::from([SelectItem::Value(key), SelectItem::Value(steps)]))
}

/// Pairs rows with the records of which something equals their first value.
fn joined(collection: fn() -> &'static CollectionSchema, equal: Node) -> Clause {
    let on = equal.binary(BinaryOp::Eq, Node::key(0));
    Clause::Join { collection, on, kind: JoinKind::Inner }
}

#[diagnostic::do_not_recommend]
impl<C: Collection> LeadsTo<C> for Many<C, C> {
    fn step(self) -> Draft {
        let schema = C::schema();
        let (of_row, (_, pointing)) = (self.key(schema), self.pointing(schema));
        let mut clauses = Vec::from([Clause::previous()]);
        if of_row.row != RowPath::source(0) {
            // What the other records point at is not the row itself.
            clauses.push(joined(C::schema, key_of(schema)));
            let values = [Node::field(of_row), Node::key(1)];
            clauses.push(Clause::Select(values.map(SelectItem::Value).into()));
            clauses.push(Clause::common());
        }
        clauses.push(joined(C::schema, Node::field(pointing)));
        clauses.extend(self.condition().cloned().map(|condition| Clause::Filter(condition.whole())));
        clauses.push(one_further(key_of(schema)));
        Draft::new(C::schema, clauses)
    }
}

#[diagnostic::do_not_recommend]
impl<C: Collection, P: Proxy<Scope = C, Collection = C>> LeadsTo<C> for P {
    fn step(self) -> Draft {
        let schema = C::schema();
        let ordinal = schema.key.ordinals().first().copied().unwrap_or_default();
        let target = || Node::field(FieldPath { row: self.row(), ordinal });
        let clauses = [
            Clause::previous(),
            joined(C::schema, key_of(schema)),
            Clause::Filter(target().unary(UnaryOp::IsSome)),
            one_further(target()),
        ];
        Draft::new(C::schema, clauses.into())
    }
}

impl<C: Collection> Query<C, C> {
    /// The records, those that a relation leads to from them, those that it leads to from these, and so on: each once, with the least
    /// number of steps that it takes to get there, 0 for those of the query itself. A cycle ends where it closes.
    ///
    /// What follows is given the record and that number: `|(c, steps)|`. The records come in any order unless one is asked for. Each step
    /// looks up all that it leads to at once, through the index of the relation; the keys of all that were found are kept in
    /// memory.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection, Clone, Debug, PartialEq)]
    /// #[has_many(children: Category::parent)]
    /// struct Category {
    ///     id: Id<Category>,
    ///     name: String,
    ///     parent: Option<Id<Category>>,
    /// }
    /// epilog::schema!(Shop { Category });
    ///
    /// let db = Shop::in_memory()?;
    /// db.write(|tx| {
    ///     for (name, parent) in [("all", None), ("music", Some(1)), ("books", Some(1)), ("metal", Some(2)), ("doom", Some(4))] {
    ///         tx.insert(&Category { id: Id::auto(), name: name.into(), parent: parent.map(Id::new) })?;
    ///     }
    ///     Ok(())
    /// })?;
    ///
    /// // What is below "music", and how deep.
    /// let below = Category::query()
    ///     .filter(|c| c.name.eq("music"))
    ///     .recursive(|c| c.children())
    ///     .filter(|(_, steps)| steps.gt(0))
    ///     .order_by(|(_, steps)| steps)
    ///     .select(|(c, steps)| (c.name, steps));
    /// assert_eq!(below.all(&db)?, [("metal".to_string(), 1), ("doom".to_string(), 2)]);
    ///
    /// // The way up from "doom".
    /// let above = Category::query().filter(|c| c.name.eq("doom")).recursive(|c| c.parent()).order_by(|(_, steps)| steps);
    /// let names: Vec<String> = above.all(&db)?.into_iter().map(|category| category.name).collect();
    /// assert_eq!(names, ["doom", "metal", "music", "all"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recursive<X: LeadsTo<C>>(
        self,
        relation: impl FnOnce(C::Fields<C, Req>) -> X,
    ) -> Query<Found<C>, C> {
        self.go_on(relation(C::rows()).step(), None)
    }

    /// As [`recursive`](Query::recursive), and no further than `steps`.
    ///
    /// # Examples
    ///
    /// ```
    /// use epilog::prelude::*;
    ///
    /// #[derive(Collection, Clone, Debug, PartialEq)]
    /// #[has_many(reports: Person::boss)]
    /// struct Person {
    ///     id: Id<Person>,
    ///     boss: Option<Id<Person>>,
    /// }
    /// epilog::schema!(Company { Person });
    ///
    /// let db = Company::in_memory()?;
    /// db.write(|tx| {
    ///     for boss in [None, Some(1), Some(2), Some(3), Some(4)] {
    ///         tx.insert(&Person { id: Id::auto(), boss: boss.map(Id::new) })?;
    ///     }
    ///     Ok(())
    /// })?;
    /// let near = Person::query().filter(|p| p.boss.is_none()).recursive_within(2, |p| p.reports());
    /// assert_eq!(near.count(&db)?, 3);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recursive_within<X: LeadsTo<C>>(
        self,
        steps: u64,
        relation: impl FnOnce(C::Fields<C, Req>) -> X,
    ) -> Query<Found<C>, C> {
        self.go_on(relation(C::rows()).step(), Some(steps))
    }

    fn go_on(self, step: Draft, rounds: Option<u64>) -> Query<Found<C>, C> {
        let begin = [key_of(C::schema()), Node::literal(Scalar::Int(0), Type::U64)];
        let recursion = Recursion { step, identity: Some(1), rounds };
        self.and(Clause::Select(begin.map(SelectItem::Value).into()))
            .and(Clause::recursive(recursion))
            .yielding(joined(C::schema, key_of(C::schema())), decode_records::<Found<C>>)
    }
}

impl<S, O: GroupKey> Query<S, O> {
    /// The rows, those that a step makes of them, those that it makes of these, and so on, each once: `WITH RECURSIVE`. What
    /// follows speaks of the values that were selected.
    ///
    /// The closure is given the rows that were found last, as a query, and gives the query for those that they lead to, with as many values of the
    /// same types. It ends when a step finds none that is new. If a value counts the steps, rows that are the same but
    /// for it are not, and a cycle goes on for ever: drop them in the step, `.filter(|(_, steps)| steps.lt(100))`.
    /// The given query is of no use outside of the closure: what runs it there is refused with
    /// [`Plan`](crate::ErrorKind::Plan).
    ///
    /// Rows come in any order unless one is asked for; all different rows are kept in memory.
    ///
    /// Not with the cargo feature `small`.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// // From "Wrathchild" over tracks of the same composer, or of the same album.
    /// let near = Track::query()
    ///     .filter(|t| t.name.eq("Wrathchild"))
    ///     .select(|t| (t.album, t.composer))
    ///     .recursive_with(|last| {
    ///         let linked = Track::query().join_query(last, |(t, (album, composer))| t.album.eq(album) | t.composer.eq(composer));
    ///         linked.select(|(t, _)| (t.album, t.composer))
    ///     });
    /// let composers = near.group_by(|(_, composer)| composer).order_by(|g| g.key());
    /// assert_eq!(composers.all(&db)?, [Some("Dickinson".into()), Some("Harris".into())]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn recursive_with<S2>(
        self,
        step: impl FnOnce(Query<Out<S, O>, O>) -> Query<S2, O>,
    ) -> Query<Out<Both<S, S2>, O>, O> {
        let draft = Draft::new(self.draft.root, Vec::from([Clause::previous()]));
        let previous =
            Query { draft, decode: decode_keys::<O>, control: Control::default(), scope: PhantomData };
        let recursion = Recursion { step: step(previous).draft, identity: None, rounds: None };
        self.yielding(Clause::recursive(recursion), decode_keys::<O>)
    }
}
