//! [`with`](super::Query::with): records together with those that belong to them.
//!
//! The rows of the query come first, each with the key that others point at it by. Then those others are found, all at
//! once, through the index of their relation, and handed out to the rows; and so on, level by level. A level is one query,
//! however many rows there are.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
#[cfg(not(feature = "small"))]
use core::cell::RefCell;
use core::fmt;
use core::marker::PhantomData;

use super::selection::{RowReader, describe_row, read_row};
use super::{Condition, Inner, Ordering, RowOf, Scope};
use crate::Error;
use crate::collection::{Collection, Many, Proxy};
#[cfg(not(feature = "small"))]
use crate::engine::PlanNode;
use crate::engine::{self, Control, ExecError, OutputBatch, Reading, View};
use crate::expr::{Clause, Draft, OrderTerm, Postfix, RowPath, SelectItem, Terms};
use crate::schema::CollectionSchema;
use crate::value::{Scalar, Type, key};

/// The records on the other side of a relation, in an order, some of them, and with others that belong to them: what
/// [`with`](super::Query::with) takes beside [`Many`].
///
/// Made by [`Many::order_by`], [`Many::limit`] and [`Many::with`].
#[must_use = "it says what a query comes `with`"]
pub struct Listed<S, C, X> {
    many: Many<S, C>,
    order: Vec<OrderTerm>,
    skip: u64,
    take: Option<u64>,
    includes: X,
}

/// Nothing beside the records themselves.
pub struct Alone<S> {
    of: PhantomData<fn() -> S>,
}

/// What rows of a scope can come with: the other side of a relation, [`Many`] or [`Listed`], which is a `Vec` then; or the
/// fields struct of a relation to one, which is its record.
#[diagnostic::on_unimplemented(
    message = "a query cannot come with `{Self}`",
    label = "expected a relation, or a tuple of up to six",
    note = "such as `a.albums()` or `t.album()`; single fields are for `select`"
)]
pub trait Include {
    /// The scope of the rows.
    type Scope;
    /// What a row comes with.
    type Out;
    /// What is read of a row before that is known.
    #[doc(hidden)]
    type Seed;

    /// Appends the columns that are read.
    #[doc(hidden)]
    fn describe(&self, columns: &mut Vec<SelectItem>);

    /// Reads them.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged.
    #[doc(hidden)]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Seed, Error>;

    /// What rows come with, one for each.
    ///
    /// # Errors
    ///
    /// As [`Query::all`](super::Query::all).
    #[doc(hidden)]
    fn finish(&self, from: Source<'_>, seeds: Vec<Self::Seed>) -> Result<Vec<Self::Out>, Error>;
}

/// One [`Include`], or a tuple of up to six.
#[diagnostic::on_unimplemented(
    message = "a query cannot come with `{Self}`",
    label = "expected a relation, or a tuple of up to six",
    note = "such as `a.albums()` or `t.album()`; single fields are for `select`"
)]
pub trait Includes {
    /// The scope of the rows.
    type Scope;
    /// What comes out of rows that were `O`: a tuple of that and of what each include gives.
    type With<O>;
    /// What is read of a row before that is known.
    #[doc(hidden)]
    type Seed;

    /// Appends the columns that are read.
    #[doc(hidden)]
    fn describe(&self, columns: &mut Vec<SelectItem>);

    /// Reads them.
    ///
    /// # Errors
    ///
    /// When stored bytes are damaged.
    #[doc(hidden)]
    fn read(row: &mut RowReader<'_>) -> Result<Self::Seed, Error>;

    /// Rows, and what they come with.
    ///
    /// # Errors
    ///
    /// As [`Query::all`](super::Query::all).
    #[doc(hidden)]
    fn finish<O>(&self, from: Source<'_>, rows: Vec<(O, Self::Seed)>) -> Result<Vec<Self::With<O>>, Error>;
}

/// Where records are read from, what may end that, and what all that are read have in common.
#[derive(Clone, Copy)]
#[doc(hidden)]
pub struct Source<'r> {
    pub(super) reading: &'r dyn Reading,
    pub(super) control: &'r Control,
    pub(super) beside: &'r Beside,
}

/// What is kept of all that rows bring along, and what is told of how that was found.
#[derive(Default)]
pub struct Beside {
    #[cfg(not(feature = "small"))]
    kept: engine::Brought,
    /// What was found out so far at one level, if it is to be told.
    #[cfg(not(feature = "small"))]
    told: Option<RefCell<Vec<PlanNode>>>,
}

impl Beside {
    /// That of queries that begin now.
    #[cfg_attr(feature = "small", expect(unused_variables))]
    pub(super) fn of(view: View<'_>, control: &Control, is_analysed: bool) -> Beside {
        #[cfg(not(feature = "small"))]
        return Beside { kept: engine::Brought::of(view, control), told: is_analysed.then(RefCell::default) };
        #[cfg(feature = "small")]
        Beside::default()
    }

    /// Notes that so many bytes more are kept.
    ///
    /// # Errors
    ///
    /// When that is more than the query may keep.
    #[inline]
    #[cfg_attr(feature = "small", expect(unused_variables))]
    pub(super) fn hold(&self, bytes: impl FnOnce() -> Result<usize, ExecError>) -> Result<(), Error> {
        #[cfg(not(feature = "small"))]
        if self.kept.is_counted() || self.told.is_some() {
            self.kept.keep(bytes()?)?;
        }
        Ok(())
    }

    /// How what was brought along was found.
    #[cfg(not(feature = "small"))]
    pub(super) fn told(self) -> Vec<PlanNode> {
        self.told.map_or_else(Vec::new, RefCell::into_inner)
    }
}

impl Source<'_> {
    /// Carries out a query for records that belong to rows.
    fn for_each(
        self,
        draft: &Draft,
        each: &mut dyn FnMut(&OutputBatch<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        #[cfg(not(feature = "small"))]
        if let Some(told) = &self.beside.told {
            let plan = engine::analyze_each(self.reading, draft, self.control, each)?;
            plan.add_to(&mut told.borrow_mut());
            return Ok(());
        }
        engine::for_each(self.reading, draft, self.control, each)
    }

    /// Runs `find`, which gives its result and how many records of `of` it found, and tells of it as one of what belongs to rows.
    #[cfg_attr(feature = "small", expect(unused_variables))]
    fn telling<T>(
        self,
        of: impl FnOnce() -> String,
        find: impl FnOnce() -> Result<(T, usize), Error>,
    ) -> Result<T, Error> {
        #[cfg(not(feature = "small"))]
        if let Some(told) = &self.beside.told {
            let now_ns = || self.reading.operation().view().now_ns();
            let (before, begun_ns, kept) = (told.take(), now_ns(), self.beside.kept.bytes());
            let (found, count) = find()?;
            let (elapsed_ns, kept) = (now_ns().saturating_sub(begun_ns), self.beside.kept.bytes() - kept);
            let beneath = told.replace(before);
            told.borrow_mut().push(PlanNode::belonging(of(), beneath, count, elapsed_ns, kept));
            return Ok(found);
        }
        Ok(find()?.0)
    }
}

impl<S, C: Collection> Many<S, C> {
    /// The records in an order, for [`with`](super::Query::with): as [`Query::order_by`](super::Query::order_by), of those that
    /// belong to one row.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().order_by(|al| al.title.desc()));
    /// let (_, albums) = query.first(&db)?.expect("three artists");
    /// assert_eq!(albums[0].title, "Powerslave");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn order_by<T: Ordering<Inner<S, C>>>(
        self,
        terms: impl FnOnce(<Inner<S, C> as Scope>::Rows) -> T,
    ) -> Listed<S, C, Alone<Inner<S, C>>> {
        self.listed().order_by(terms)
    }

    /// The first of the records, for [`with`](super::Query::with): so many of each row. All are read.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().limit(1));
    /// let counts: Vec<usize> = query.all(&db)?.iter().map(|(_, albums)| albums.len()).collect();
    /// assert_eq!(counts, [1, 1, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limit(self, count: u64) -> Listed<S, C, Alone<Inner<S, C>>> {
        self.listed().limit(count)
    }

    /// The records together with those that belong to them, for [`with`](super::Query::with).
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().with(|al| al.tracks()));
    /// let artists: Vec<(Artist, Vec<(Album, Vec<Track>)>)> = query.all(&db)?;
    /// assert_eq!(artists[1].1[0].1[0].name, "Crusader");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with<X: Includes<Scope = Inner<S, C>>>(
        self,
        includes: impl FnOnce(<Inner<S, C> as Scope>::Rows) -> X,
    ) -> Listed<S, C, X> {
        self.listed().with(includes)
    }

    fn listed(self) -> Listed<S, C, Alone<Inner<S, C>>> {
        Listed { many: self, order: Vec::new(), skip: 0, take: None, includes: Alone { of: PhantomData } }
    }
}

impl<S, C: Collection, X> Listed<S, C, X> {
    /// As [`Many::filter`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().order_by(|al| al.title).filter(|al| al.year.eq(1984)));
    /// let counts: Vec<usize> = query.all(&db)?.iter().map(|(_, albums)| albums.len()).collect();
    /// assert_eq!(counts, [1, 1, 0]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter(mut self, predicate: impl Condition<Inner<S, C>>) -> Self {
        self.many = self.many.filter(predicate);
        self
    }

    /// As [`Many::order_by`]. Of two orders the later counts.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().with(|al| al.tracks().limit(1).order_by(|t| t.name.desc()));
    /// assert_eq!(query.all(&db)?[1].1[0].name, "Flash of the Blade");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn order_by<T: Ordering<Inner<S, C>>>(
        mut self,
        terms: impl FnOnce(<Inner<S, C> as Scope>::Rows) -> T,
    ) -> Self {
        let mut order = Terms::default();
        terms(Inner::<S, C>::rows()).describe(&mut order);
        self.order = order.into_vec();
        self
    }

    /// As [`Many::limit`], in the order of these records, wherever that stands. Of two limits the smaller counts.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().with(|al| al.tracks().order_by(|t| t.seconds).limit(1));
    /// assert_eq!(query.all(&db)?[1].1[0].name, "Flash of the Blade");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limit(mut self, count: u64) -> Self {
        self.take = Some(self.take.map_or(count, |take| take.min(count)));
        self
    }

    /// Without the first so many records of each row; a limit is about those that are left.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Album::query().with(|al| al.tracks().order_by(|t| t.seconds).offset(1));
    /// assert_eq!(query.all(&db)?[1].1[0].name, "Aces High");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn offset(mut self, count: u64) -> Self {
        self.skip = self.skip.saturating_add(count);
        self
    }
}

impl<S, C: Collection> Listed<S, C, Alone<Inner<S, C>>> {
    /// As [`Many::with`].
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().with(|a| a.albums().limit(1).with(|al| al.tracks()));
    /// assert_eq!(query.all(&db)?[0].1[0].1[0].name, "Wrathchild");
    /// # Ok::<(), Error>(())
    /// ```
    pub fn with<X: Includes<Scope = Inner<S, C>>>(
        self,
        includes: impl FnOnce(<Inner<S, C> as Scope>::Rows) -> X,
    ) -> Listed<S, C, X> {
        let Listed { many, order, skip, take, .. } = self;
        Listed { many, order, skip, take, includes: includes(Inner::<S, C>::rows()) }
    }
}

impl<S, C: Collection, X: Includes<Scope = Inner<S, C>>> Listed<S, C, X> {
    /// Finds the records that point at keys, and puts each with the rows that have it: `seeds` has the keys of rows, as ranks.
    fn find(&self, from: Source<'_>, seeds: &[Option<u128>]) -> Result<Vec<Vec<X::With<C>>>, Error> {
        let of = || {
            let (_, points) = self.many.pointing(C::schema());
            format!("{} by {}", C::schema().name, C::schema().fields[usize::from(points.ordinal)].name)
        };
        from.telling(of, || self.find_each(from, seeds))
    }

    /// As [`find`](Listed::find), and how many records it hands out.
    fn find_each(&self, from: Source<'_>, seeds: &[Option<u128>]) -> Result<Found<X::With<C>>, Error> {
        // The rows by their keys: several may have one.
        let mut rows: Vec<(u128, usize)> =
            seeds.iter().enumerate().filter_map(|(row, rank)| Some(((*rank)?, row))).collect();
        rows.sort_unstable();
        let (pointing, points) = self.many.pointing(C::schema());
        let mut columns = Vec::from([SelectItem::Record(RowPath::source(0))]);
        columns.push(SelectItem::Value(Postfix::field(points)));
        self.includes.describe(&mut columns);

        let mut keys: Vec<u128> = rows.iter().map(|(rank, _)| *rank).collect();
        keys.dedup();
        let may_read_all = !from.control.requires_index();
        // What is asked of records may have no result for those that nobody wants: then the query tells them apart.
        let is_plain = self.order.is_empty() && self.many.condition().is_none();
        let is_whole =
            may_read_all && is_plain && is_half(from.reading, C::schema, points.ordinal, keys.len());
        // An index is asked for so many keys at once; where most of them are wanted, all records are read once.
        let at_once = match is_whole || may_read_all && is_most(from.reading, C::schema, keys.len()) {
            true => usize::MAX,
            false => KEYS_AT_ONCE,
        };

        // How many records of each key there were, at the place of its first row.
        let mut seen = vec![0u64; rows.len()];
        let window = self.skip..self.take.map_or(u64::MAX, |take| self.skip.saturating_add(take));
        let places = Places::of(&rows);
        let (mut owners, mut counts) = (Vec::<usize>::new(), vec![0usize; seeds.len()]);
        let mut records: Vec<(C, X::Seed)> = Vec::new();
        for keys in keys.chunks(at_once) {
            let mut clauses = Vec::new();
            if !is_whole {
                let literal = |rank: &u128| Postfix::literal(scalar_of(pointing, *rank), pointing);
                clauses.push(Clause::Filter(Postfix::field(points).is_in(keys.iter().map(literal))));
            }
            clauses.extend(self.many.condition().cloned().map(|condition| Clause::Filter(condition.whole())));
            if !self.order.is_empty() {
                clauses.push(Clause::Order(self.order.clone()));
            }
            clauses.push(Clause::Select(columns.clone()));
            let draft = Draft::new(C::schema, clauses);
            from.for_each(&draft, &mut |batch: &OutputBatch<'_>| {
                for at in 0..batch.rows {
                    let Some(rank) = RowReader::from_column(batch, at, 1).rank() else { continue };
                    let Some(first) = places.first(rank) else { continue };
                    seen[first] += 1;
                    if !window.contains(&(seen[first] - 1)) {
                        continue;
                    }
                    for (_, row) in rows[first..].iter().take_while(|(key, _)| *key == rank) {
                        from.beside.hold(|| Ok(size_of::<(C, X::Seed)>() + batch.variable_bytes(at, 0)?))?;
                        let mut reader = RowReader::from_column(batch, at, 0);
                        let record = reader.record_of::<C>()?;
                        let seed = X::read(&mut RowReader::from_column(batch, at, 2))?;
                        owners.push(*row);
                        counts[*row] += 1;
                        records.push((record, seed));
                    }
                }
                Ok::<(), Error>(())
            })?;
        }
        let count = records.len();
        let mut out: Vec<Vec<X::With<C>>> = counts.into_iter().map(Vec::with_capacity).collect();
        for (owner, record) in owners.into_iter().zip(self.includes.finish(from, records)?) {
            out[owner].push(record);
        }
        Ok((out, count))
    }
}

/// What each row brings along, and how many records that is in all.
type Found<T> = (Vec<Vec<T>>, usize);

/// So many keys are looked for in an index by one query.
const KEYS_AT_ONCE: usize = 4096;

/// Whether so many keys are half of those that the field of `collection` with this ordinal can point at, or more: then all records
/// are read, without looking in a list of keys for that of each.
fn is_half(
    reading: &dyn Reading,
    collection: fn() -> &'static CollectionSchema,
    ordinal: u16,
    keys: usize,
) -> bool {
    let target = collection().fields[usize::from(ordinal)].reference.map(|reference| reference.target);
    target.and_then(|target| count(reading, target)).is_some_and(|all| all / 2 <= keys as u64)
}

fn count(reading: &dyn Reading, collection: fn() -> &'static CollectionSchema) -> Option<u64> {
    let operation = reading.operation();
    let view = operation.view();
    view.catalog().bound(collection()).and_then(|known| view.count(known.id).ok())
}

/// Where, in rows that are sorted by their keys, the first with a key is.
struct Places<'r> {
    rows: &'r [(u128, usize)],
    /// By what a key is more than the first one, when they lie close together: one more than the place, 0 for no row.
    firsts: Vec<usize>,
}

impl<'r> Places<'r> {
    fn of(rows: &'r [(u128, usize)]) -> Places<'r> {
        let mut firsts = Vec::new();
        if let [(least, _), .., (most, _)] = rows
            && let Some(span) = usize::try_from(most - least).ok().filter(|span| span / 8 <= rows.len())
        {
            firsts.resize(span + 1, 0);
            for (place, (key, _)) in rows.iter().enumerate().rev() {
                firsts[(key - least) as usize] = place + 1;
            }
        }
        Places { rows, firsts }
    }

    #[inline]
    fn first(&self, key: u128) -> Option<usize> {
        if self.firsts.is_empty() {
            let place = self.rows.partition_point(|(other, _)| *other < key);
            return self.rows.get(place).is_some_and(|(other, _)| *other == key).then_some(place);
        }
        let (least, _) = self.rows.first()?;
        let more = usize::try_from(key.checked_sub(*least)?).ok()?;
        self.firsts.get(more)?.checked_sub(1)
    }
}

/// Whether so many keys are asked for that reading every record is quicker than looking each of them up.
fn is_most(reading: &dyn Reading, collection: fn() -> &'static CollectionSchema, keys: usize) -> bool {
    count(reading, collection).is_some_and(|records| records / 4 < keys as u64)
}

/// The value of a clustering type that has this rank.
fn scalar_of(ty: Type, rank: u128) -> Scalar {
    let width = ty.width().unwrap_or(0);
    Scalar::from_cell(ty, Some(&key::from_rank(ty, rank)[..width])).unwrap_or(Scalar::Null)
}

#[diagnostic::do_not_recommend]
impl<S, C: Collection, X: Includes<Scope = Inner<S, C>>> Include for Listed<S, C, X> {
    type Scope = S;
    type Out = Vec<X::With<C>>;
    type Seed = Option<u128>;

    fn describe(&self, columns: &mut Vec<SelectItem>) {
        columns.push(SelectItem::Value(Postfix::field(self.many.key(C::schema()))));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Option<u128>, Error> {
        Ok(row.rank())
    }

    fn finish(&self, from: Source<'_>, seeds: Vec<Option<u128>>) -> Result<Vec<Self::Out>, Error> {
        self.find(from, &seeds)
    }
}

#[diagnostic::do_not_recommend]
impl<S, C: Collection> Include for Many<S, C> {
    type Scope = S;
    type Out = Vec<C>;
    type Seed = Option<u128>;

    fn describe(&self, columns: &mut Vec<SelectItem>) {
        columns.push(SelectItem::Value(Postfix::field(self.key(C::schema()))));
    }

    fn read(row: &mut RowReader<'_>) -> Result<Option<u128>, Error> {
        Ok(row.rank())
    }

    fn finish(&self, from: Source<'_>, seeds: Vec<Option<u128>>) -> Result<Vec<Vec<C>>, Error> {
        self.clone().listed().find(from, &seeds)
    }
}

#[diagnostic::do_not_recommend]
impl<P: Proxy> Include for P {
    type Scope = P::Scope;
    type Out = RowOf<P>;
    type Seed = RowOf<P>;

    fn describe(&self, columns: &mut Vec<SelectItem>) {
        describe_row(*self, columns);
    }

    fn read(row: &mut RowReader<'_>) -> Result<RowOf<P>, Error> {
        read_row::<P>(row)
    }

    fn finish(&self, _: Source<'_>, seeds: Vec<RowOf<P>>) -> Result<Vec<RowOf<P>>, Error> {
        Ok(seeds)
    }
}

impl<S> Includes for Alone<S> {
    type Scope = S;
    type With<O> = O;
    type Seed = ();

    fn describe(&self, _: &mut Vec<SelectItem>) {}

    fn read(_: &mut RowReader<'_>) -> Result<(), Error> {
        Ok(())
    }

    fn finish<O>(&self, _: Source<'_>, rows: Vec<(O, ())>) -> Result<Vec<O>, Error> {
        Ok(rows.into_iter().map(|(row, ())| row).collect())
    }
}

#[diagnostic::do_not_recommend]
impl<I: Include> Includes for I {
    type Scope = I::Scope;
    type With<O> = (O, I::Out);
    type Seed = I::Seed;

    fn describe(&self, columns: &mut Vec<SelectItem>) {
        Include::describe(self, columns);
    }

    fn read(row: &mut RowReader<'_>) -> Result<Self::Seed, Error> {
        <I as Include>::read(row)
    }

    fn finish<O>(&self, from: Source<'_>, rows: Vec<(O, Self::Seed)>) -> Result<Vec<(O, I::Out)>, Error> {
        let (rows, seeds): (Vec<O>, Vec<I::Seed>) = rows.into_iter().unzip();
        Ok(rows.into_iter().zip(Include::finish(self, from, seeds)?).collect())
    }
}

macro_rules! includes_of_tuple {
    ($first:ident 0 $(, $part:ident $at:tt)*) => {
        #[diagnostic::do_not_recommend]
        impl<$first: Include, $($part: Include<Scope = $first::Scope>),*> Includes for ($first, $($part,)*) {
            type Scope = $first::Scope;
            type With<Row> = (Row, $first::Out, $($part::Out,)*);
            type Seed = ($first::Seed, $($part::Seed,)*);

            fn describe(&self, columns: &mut Vec<SelectItem>) {
                self.0.describe(columns);
                $(self.$at.describe(columns);)*
            }

            fn read(row: &mut RowReader<'_>) -> Result<Self::Seed, Error> {
                Ok((<$first as Include>::read(row)?, $(<$part as Include>::read(row)?,)*))
            }

            fn finish<Row>(
                &self,
                from: Source<'_>,
                rows: Vec<(Row, Self::Seed)>,
            ) -> Result<Vec<Self::With<Row>>, Error> {
                let mut own = Vec::with_capacity(rows.len());
                let mut seeds = (Vec::<$first::Seed>::new(), $(Vec::<$part::Seed>::new(),)*);
                for (row, seed) in rows {
                    own.push(row);
                    seeds.0.push(seed.0);
                    $(seeds.$at.push(seed.$at);)*
                }
                let mut parts = (
                    self.0.finish(from, seeds.0)?.into_iter(),
                    $(self.$at.finish(from, seeds.$at)?.into_iter(),)*
                );
                let together = |row| Some((row, parts.0.next()?, $(parts.$at.next()?,)*));
                Ok(own.into_iter().filter_map(together).collect())
            }
        }
    };
}

includes_of_tuple!(A 0);
includes_of_tuple!(A 0, B 1);
includes_of_tuple!(A 0, B 1, C 2);
includes_of_tuple!(A 0, B 1, C 2, D 3);
includes_of_tuple!(A 0, B 1, C 2, D 3, E 4);
includes_of_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);

impl<S, C, X: Clone> Clone for Listed<S, C, X> {
    fn clone(&self) -> Self {
        Listed {
            many: self.many.clone(),
            order: self.order.clone(),
            skip: self.skip,
            take: self.take,
            includes: self.includes.clone(),
        }
    }
}

impl<S> Clone for Alone<S> {
    fn clone(&self) -> Self {
        Alone { of: PhantomData }
    }
}

impl<S, C, X> fmt::Debug for Listed<S, C, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listed")
            .field("many", &self.many)
            .field("order", &self.order)
            .field("skip", &self.skip)
            .field("take", &self.take)
            .finish_non_exhaustive()
    }
}
