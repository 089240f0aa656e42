//! What can be asked of the reverse side of a relation: `any`, `all`, `none`, `count`.

use super::{Condition, Inner, Predicate, Scope};
use crate::collection::{Collection, Expr, Many};
use crate::expr::{BinaryOp, Expression as Node, Quantifier, UnaryOp};

impl<S, C: Collection> Many<S, C> {
    /// Only those of the records that the predicate is true of. Filters add up.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.albums().filter(|al| al.year.eq(1984)).count().eq(1));
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Iron Maiden", "Saxon"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn filter(mut self, predicate: impl Condition<Inner<S, C>>) -> Many<S, C> {
        self.restrict(predicate(Inner::<S, C>::rows()).into_expression());
        self
    }

    /// Whether the predicate is true of at least one of the records.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.albums().any(|al| al.year.is_none()));
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Saxon"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn any(self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        Expr::new(self.filter(predicate).ask(Quantifier::Any))
    }

    /// Whether the predicate is true of each of the records; so it is when there are none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.albums().all(|al| al.year.is_some()));
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Iron Maiden", "Zappa"]); // Zappa has no albums
    /// # Ok::<(), Error>(())
    /// ```
    pub fn all(mut self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        let predicate = predicate(Inner::<S, C>::rows()).into_expression();
        // Over the filtered records: each either fails the filter or satisfies the predicate.
        let predicate = match self.take_filter() {
            Some(filter) => filter.unary(UnaryOp::Not).binary(BinaryOp::Or, predicate),
            None => predicate,
        };
        self.restrict(predicate);
        Expr::new(self.ask(Quantifier::All))
    }

    /// Whether the predicate is true of none of the records; so it is when there are none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.albums().none(|al| al.year.eq(1981)));
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Saxon", "Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn none(self, predicate: impl Condition<Inner<S, C>>) -> Expr<S, bool> {
        Expr::new(self.filter(predicate).ask(Quantifier::Any).unary(UnaryOp::Not))
    }

    /// How many records there are; 0 when there are none.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let counts = Album::query().select(|al| (al.title, al.tracks().count())).limit(2).all(&db)?;
    /// assert_eq!(counts, [("Killers".to_string(), 1), ("Powerslave".to_string(), 2)]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn count(self) -> Expr<S, u64> {
        Expr::new(self.ask(Quantifier::Count))
    }

    /// Whether there are no records.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../example.txt")]
    /// let query = Artist::query().filter(|a| a.albums().is_empty());
    /// assert_eq!(query.select(|a| a.name).all(&db)?, ["Zappa"]);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn is_empty(self) -> Expr<S, bool> {
        Expr::new(self.ask(Quantifier::Any).unary(UnaryOp::Not))
    }

    fn ask(self, quantifier: Quantifier) -> Node {
        Node::subquery(self.into_subquery(C::schema, quantifier))
    }
}
