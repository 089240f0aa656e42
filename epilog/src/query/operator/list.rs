//! Operators and functions of lists.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Operand, Text, methods};
use crate::collection::Expr;
use crate::expr::{BinaryOp, Expression as Node, Function, UnaryOp};
use crate::value::{Element, Scalar, Type, Value};

/// Whether the list has any, or all, of several elements.
fn has_several(list: Node, op: BinaryOp, (ty, element): (Type, Type), others: Vec<Node>) -> Node {
    let literal = |node: &Node| node.as_literal().map(|(value, _)| value.clone());
    let literals: Option<Vec<Scalar>> = others.iter().map(literal).collect();
    if let Some(other) = literals.and_then(|literals| Scalar::list(element, &literals)) {
        return list.binary(op, Node::literal(other, ty));
    }
    let joint = if op == BinaryOp::HasAny { BinaryOp::Or } else { BinaryOp::And };
    let each = others.into_iter().map(|other| list.clone().binary(BinaryOp::Has, other));
    // All but an empty one, which is a literal.
    each.reduce(|all, one| all.binary(joint, one)).unwrap_or_else(|| Node::left_out("a list of nothing"))
}

/// The methods of lists of one kind, and what is as optional as they are.
macro_rules! lists {
    ($list:ty, $count:ty) => {
        methods! {
            [$list] where T: Element;

            /// Whether an element equals the value; false where the list is absent. An index of the list serves it.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let home = Note::query().filter(|n| n.tags.contains("home")).select(|n| n.title);
            /// assert_eq!(home.all(&db)?, ["Bread", "Roof"]);
            /// assert_eq!(Note::query().filter(|n| !n.marks.contains(3)).count(&db)?, 2);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn contains(self, value: impl Operand<T, S>) -> Expr<S, bool> {
                Expr::new(self.erase().binary(BinaryOp::Has, value.into_expression()))
            }

            /// Whether an element equals one of the values; false where there are none, or the list is absent. An index of
            /// the list serves it.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let found = Note::query().filter(|n| n.tags.contains_any(["food", "car"])).select(|n| n.title);
            /// assert_eq!(found.all(&db)?, ["Bread"]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn contains_any(self, values: impl IntoIterator<Item: Operand<T, S>>) -> Expr<S, bool> {
                let others = values.into_iter().map(Operand::into_expression).collect();
                Expr::new(has_several(self.erase(), BinaryOp::HasAny, (T::LIST, T::TYPE), others))
            }

            /// Whether each of the values equals an element; true of every list that is there where there are none. An index
            /// of the list finds those with one of them.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let found = Note::query().filter(|n| n.tags.contains_all(["food", "home"])).select(|n| n.title);
            /// assert_eq!(found.all(&db)?, ["Bread"]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn contains_all(self, values: impl IntoIterator<Item: Operand<T, S>>) -> Expr<S, bool> {
                let others = values.into_iter().map(Operand::into_expression).collect();
                Expr::new(has_several(self.erase(), BinaryOp::HasAll, (T::LIST, T::TYPE), others))
            }

            /// How many elements the list has; absent where it is.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let lens = Note::query().select(|n| (n.tags.len(), n.marks.len())).all(&db)?;
            /// assert_eq!(lens, [(2, Some(3)), (1, Some(0)), (0, None)]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn len(self) -> Expr<S, $count> {
                Expr::new(self.erase().unary(UnaryOp::Length))
            }

            /// Whether the list is there and has no elements.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// assert_eq!(Note::query().filter(|n| n.tags.is_empty()).count(&db)?, 1);
            /// assert_eq!(Note::query().filter(|n| n.marks.is_empty()).count(&db)?, 1);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn is_empty(self) -> Expr<S, bool> {
                let empty = Node::literal(Vec::<T>::new().to_scalar(), T::LIST);
                Expr::new(self.erase().binary(BinaryOp::Eq, empty))
            }

            /// The element at a place, counted from 0; `None` where there are not so many, or the list is absent.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let second: Vec<Option<String>> = Note::query().select(|n| n.tags.get(1)).all(&db)?;
            /// assert_eq!(second, [Some("home".to_string()), None, None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn get(self, place: impl Operand<u64, S>) -> Expr<S, Option<T>> {
                Expr::new(self.erase().call(Function::Element, [place.into_expression()]))
            }

            /// The first element; `None` where there is none.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let titles = Note::query().order_by(|n| n.tags.first().desc()).select(|n| n.title).all(&db)?;
            /// assert_eq!(titles, ["Roof", "Bread", "Idea"]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn first(self) -> Expr<S, Option<T>> {
                self.get(0)
            }

            /// The last element; `None` where there is none.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let lasts = Note::query().select(|n| n.tags.last()).all(&db)?;
            /// assert_eq!(lasts, [Some("home".to_string()), Some("home".into()), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn last(self) -> Expr<S, Option<T>> {
                Expr::new(self.erase().call(Function::Last, []))
            }

            /// How many elements stand before the first that equals the value; `None` where none does, or the list is
            /// absent.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let places = Note::query().select(|n| n.tags.place_of("home")).all(&db)?;
            /// assert_eq!(places, [Some(1), Some(0), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn place_of(self, value: impl Operand<T, S>) -> Expr<S, Option<u64>> {
                Expr::new(self.erase().call(Function::PlaceOf, [value.into_expression()]))
            }

            /// The list with the value at its end; absent where the list is.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let tag = Note::query().filter(|n| n.tags.is_empty()).update(|n| n.tags.set(n.tags.append("new")));
            /// db.write(|tx| tag.run(tx))?;
            /// assert_eq!(Note::query().filter(|n| n.tags.eq(["new"])).select(|n| n.title).all(&db)?, ["Idea"]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn append(self, value: impl Operand<T, S>) -> Expr<S, $list> {
                Expr::new(self.erase().call(Function::Append, [value.into_expression()]))
            }

            /// The list, and after it the elements of the other; absent where either is.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let twice = Note::query().select(|n| n.tags.append_all(n.tags).len()).all(&db)?;
            /// assert_eq!(twice, [4, 2, 0]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn append_all(self, other: impl Operand<$list, S>) -> Expr<S, $list> {
                Expr::new(self.erase().call(Function::Chain, [other.into_expression()]))
            }

            /// The list without the elements that equal the value; absent where the list is.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// let marks = Note::query().select(|n| n.marks.without(3)).all(&db)?;
            /// assert_eq!(marks, [Some(vec![1]), Some(vec![]), None]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn without(self, value: impl Operand<T, S>) -> Expr<S, $list> {
                Expr::new(self.erase().call(Function::Without, [value.into_expression()]))
            }
        }
    };
}

lists!(Vec<T>, u64);
lists!(Option<Vec<T>>, Option<u64>);

methods! {
    [T]

    /// The texts between those places where the separator is, as a list: one more than there are such places. An empty separator
    /// is nowhere.
    ///
    /// # Examples
    ///
    /// ```
    #[doc = include_str!("../../example.txt")]
    /// let words = Track::query().select(|t| t.name.split(" ")).all(&db)?;
    /// assert_eq!(words[2], ["Flash", "of", "the", "Blade"]);
    /// let firsts = Artist::query().select(|a| a.name.split(" ").first()).all(&db)?;
    /// assert_eq!(firsts[0].as_deref(), Some("Iron"));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn split(self, separator: impl Operand<String, S>) -> Expr<S, T::With<Vec<String>>> where T: Text {
        Expr::new(self.erase().call(Function::Split, [separator.into_expression()]))
    }
}

macro_rules! lists_of_texts {
    ($list:ty, $text:ty) => {
        methods! {
            [$list]

            /// The texts, one after the other, with the separator between them.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = include_str!("../../example_lists.txt")]
            /// assert_eq!(Note::query().select(|n| n.tags.join(", ")).all(&db)?, ["food, home", "home", ""]);
            /// # Ok::<(), Error>(())
            /// ```
            pub fn join(self, separator: impl Operand<String, S>) -> Expr<S, $text> {
                Expr::new(self.erase().call(Function::Join, [separator.into_expression()]))
            }
        }
    };
}

lists_of_texts!(Vec<String>, String);
lists_of_texts!(Option<Vec<String>>, Option<String>);
