//! `any` and `all` over the elements of lists.

use core::marker::PhantomData;

use alloc::vec::Vec;

use super::methods;
use crate::collection::{Expr, Field};
use crate::expr::op::Each;
use crate::expr::{Expression as Node, FieldPath, RowPath};
use crate::query::predicate::Predicate;
use crate::value::Element;

/// The scope of a test of elements: of lists in a query over `S`. There is nothing in it but the element.
pub struct Elements<S>(PhantomData<fn() -> S>);

/// The test, of an element that stands for each.
fn test<S, T: Element, P: Predicate<Elements<S>>>(of: impl FnOnce(Field<Elements<S>, T>) -> P) -> Node {
    of(Field::new(FieldPath { row: RowPath::ELEMENT, ordinal: 0 })).into_expression()
}

macro_rules! each {
    ($list:ty) => {
        methods! {
            [$list] where T: Element;

            /// Whether the test holds for one element at least; false where the list is absent. The closure is given the element,
            /// and speaks of nothing else in the row. An index of the list serves `any(|x| x.eq(..))`, as it does
            /// [`contains`](Self::contains).
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let found = Note::query().filter(|n| n.tags.any(|tag| tag.starts_with("f") | tag.len().gt(5)));
            /// assert_eq!(found.select(|n| n.title).all(&db)?, ["Bread"]);
            /// assert_eq!(Note::query().filter(|n| n.marks.any(|mark| (mark % 2).eq(0))).count(&db)?, 0);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn any<P: Predicate<Elements<S>>>(
                self,
                of: impl FnOnce(Field<Elements<S>, T>) -> P,
            ) -> Expr<S, bool> {
                Expr::new(self.erase().each(Each::Any, test(of)))
            }

            /// Whether the test holds for all elements, if there are any; false where the list is absent. The closure is given
            /// the element, and speaks of nothing else in the row.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let found = Note::query().filter(|n| n.tags.all(|tag| tag.contains("o")));
            /// assert_eq!(found.select(|n| n.title).all(&db)?, ["Bread", "Roof", "Idea"]);
            /// assert_eq!(Note::query().filter(|n| n.marks.all(|mark| mark.gt(1))).count(&db)?, 1);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn all<P: Predicate<Elements<S>>>(
                self,
                of: impl FnOnce(Field<Elements<S>, T>) -> P,
            ) -> Expr<S, bool> {
                Expr::new(self.erase().each(Each::All, test(of)))
            }
        }
    };
}

each!(Vec<T>);
each!(Option<Vec<T>>);
