//! [`BTreeMap`] and [`BTreeSet`], by their names in `alloc`: this is the one place that says what they are.
//!
//! With the feature `small` they are sorted vectors. A tree's node has room for eleven entries even for one, and each
//! type of key and value has code of its own for splitting and merging nodes, about 2 KiB on a Cortex-M3. A vector takes
//! what it holds, its code is a search and a move, and moving is what its insertions pay with: they are linear in its
//! length. The maps of the storage are as long as a transaction, a page cache or a map of free space is, which is short
//! where memory is.
//!
//! The vectors have the methods that are used, with the results that `alloc`'s have.

#[cfg(not(feature = "small"))]
pub use alloc::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "small")]
pub use vectors::{BTreeMap, BTreeSet};

#[cfg(any(test, feature = "small"))]
#[cfg_attr(not(feature = "small"), allow(dead_code))]
mod vectors {
    use alloc::vec::{self, Vec};
    use core::borrow::Borrow;
    use core::mem;
    use core::ops::{Bound, Index, RangeBounds};
    use core::slice;

    /// A map, as entries in ascending order of their keys.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BTreeMap<K, V>(Vec<(K, V)>);

    impl<K, V> Default for BTreeMap<K, V> {
        fn default() -> BTreeMap<K, V> {
            BTreeMap::new()
        }
    }

    impl<K, V> BTreeMap<K, V> {
        pub const fn new() -> BTreeMap<K, V> {
            BTreeMap(Vec::new())
        }

        pub fn len(&self) -> usize {
            self.0.len()
        }

        pub fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub fn clear(&mut self) {
            self.0.clear();
        }

        pub fn iter(&self) -> Entries<'_, K, V> {
            entries(&self.0)
        }

        pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
            self.0.iter_mut().map(|(key, value)| (&*key, value))
        }

        pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + ExactSizeIterator {
            self.0.iter().map(|(key, _)| key)
        }

        pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> + ExactSizeIterator {
            self.0.into_iter().map(|(key, _)| key)
        }

        pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + ExactSizeIterator {
            self.0.iter().map(|(_, value)| value)
        }

        pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
            self.0.iter_mut().map(|(_, value)| value)
        }

        pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> + ExactSizeIterator {
            self.0.into_iter().map(|(_, value)| value)
        }

        pub fn first_key_value(&self) -> Option<(&K, &V)> {
            self.iter().next()
        }

        pub fn last_key_value(&self) -> Option<(&K, &V)> {
            self.iter().next_back()
        }

        pub fn retain(&mut self, mut keeps: impl FnMut(&K, &mut V) -> bool) {
            self.0.retain_mut(|(key, value)| keeps(key, value));
        }
    }

    impl<K: Ord, V> BTreeMap<K, V> {
        /// Where `key` is, or would be put.
        fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<usize, usize>
        where
            K: Borrow<Q>,
        {
            self.0.binary_search_by(|(other, _)| other.borrow().cmp(key))
        }

        pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
        where
            K: Borrow<Q>,
        {
            self.find(key).ok().map(|at| &self.0[at].1)
        }

        pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
        where
            K: Borrow<Q>,
        {
            self.find(key).ok().map(|at| &mut self.0[at].1)
        }

        pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
        where
            K: Borrow<Q>,
        {
            self.find(key).is_ok()
        }

        pub fn insert(&mut self, key: K, value: V) -> Option<V> {
            match self.find(&key) {
                Ok(at) => Some(mem::replace(&mut self.0[at].1, value)),
                Err(at) => {
                    self.0.insert(at, (key, value));
                    None
                }
            }
        }

        pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
        where
            K: Borrow<Q>,
        {
            self.find(key).ok().map(|at| self.0.remove(at).1)
        }

        pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
            let place = self.find(&key);
            Entry { map: self, key, place }
        }

        pub fn range<Q: Ord + ?Sized, R: RangeBounds<Q>>(&self, range: R) -> Entries<'_, K, V>
        where
            K: Borrow<Q>,
        {
            let from = match range.start_bound() {
                Bound::Unbounded => 0,
                Bound::Included(low) => self.0.partition_point(|(key, _)| key.borrow() < low),
                Bound::Excluded(low) => self.0.partition_point(|(key, _)| key.borrow() <= low),
            };
            let to = match range.end_bound() {
                Bound::Unbounded => self.0.len(),
                Bound::Included(high) => self.0.partition_point(|(key, _)| key.borrow() <= high),
                Bound::Excluded(high) => self.0.partition_point(|(key, _)| key.borrow() < high),
            };
            entries(&self.0[from..to])
        }
    }

    /// A map's entries as its iterators give them.
    fn entries<K, V>(all: &[(K, V)]) -> Entries<'_, K, V> {
        fn apart<K, V>((key, value): &(K, V)) -> (&K, &V) {
            (key, value)
        }
        all.iter().map(apart)
    }

    /// What [`entries`] gives.
    pub type Entries<'a, K, V> = core::iter::Map<slice::Iter<'a, (K, V)>, fn(&'a (K, V)) -> (&'a K, &'a V)>;

    /// A key's place in a map.
    pub struct Entry<'a, K, V> {
        map: &'a mut BTreeMap<K, V>,
        key: K,
        place: Result<usize, usize>,
    }

    impl<'a, K, V> Entry<'a, K, V> {
        pub fn or_insert(self, value: V) -> &'a mut V {
            self.or_insert_with(|| value)
        }

        pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
            let entries = &mut self.map.0;
            let at = self.place.unwrap_or_else(|at| {
                entries.insert(at, (self.key, make()));
                at
            });
            &mut entries[at].1
        }

        pub fn or_default(self) -> &'a mut V
        where
            V: Default,
        {
            self.or_insert_with(V::default)
        }
    }

    impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BTreeMap<K, V> {
        type Output = V;

        fn index(&self, key: &Q) -> &V {
            self.get(key).expect("the key is in the map")
        }
    }

    impl<K: Ord, V> Extend<(K, V)> for BTreeMap<K, V> {
        fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
            for (key, value) in entries {
                self.insert(key, value);
            }
        }
    }

    impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
        fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> BTreeMap<K, V> {
            let mut map = BTreeMap::new();
            map.extend(entries);
            map
        }
    }

    impl<K: Ord, V, const N: usize> From<[(K, V); N]> for BTreeMap<K, V> {
        fn from(entries: [(K, V); N]) -> BTreeMap<K, V> {
            entries.into_iter().collect()
        }
    }

    impl<K, V> IntoIterator for BTreeMap<K, V> {
        type Item = (K, V);
        type IntoIter = vec::IntoIter<(K, V)>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.into_iter()
        }
    }

    impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
        type Item = (&'a K, &'a V);
        type IntoIter = Entries<'a, K, V>;

        fn into_iter(self) -> Self::IntoIter {
            entries(&self.0)
        }
    }

    /// A set, as its members in ascending order.
    #[derive(Clone, Debug, PartialEq, Eq)]
    pub struct BTreeSet<T>(Vec<T>);

    impl<T> Default for BTreeSet<T> {
        fn default() -> BTreeSet<T> {
            BTreeSet::new()
        }
    }

    impl<T> BTreeSet<T> {
        pub const fn new() -> BTreeSet<T> {
            BTreeSet(Vec::new())
        }

        pub fn len(&self) -> usize {
            self.0.len()
        }

        pub fn is_empty(&self) -> bool {
            self.0.is_empty()
        }

        pub fn clear(&mut self) {
            self.0.clear();
        }

        pub fn iter(&self) -> slice::Iter<'_, T> {
            self.0.iter()
        }

        pub fn first(&self) -> Option<&T> {
            self.0.first()
        }
    }

    impl<T: Ord> BTreeSet<T> {
        pub fn contains(&self, member: &T) -> bool {
            self.0.binary_search(member).is_ok()
        }

        /// Whether it was not there before.
        pub fn insert(&mut self, member: T) -> bool {
            let place = self.0.binary_search(&member);
            if let Err(at) = place {
                self.0.insert(at, member);
            }
            place.is_err()
        }

        /// Whether it was there.
        pub fn remove(&mut self, member: &T) -> bool {
            let place = self.0.binary_search(member);
            if let Ok(at) = place {
                self.0.remove(at);
            }
            place.is_ok()
        }
    }

    impl<T: Ord> Extend<T> for BTreeSet<T> {
        fn extend<I: IntoIterator<Item = T>>(&mut self, members: I) {
            for member in members {
                self.insert(member);
            }
        }
    }

    impl<T: Ord> FromIterator<T> for BTreeSet<T> {
        fn from_iter<I: IntoIterator<Item = T>>(members: I) -> BTreeSet<T> {
            let mut set = BTreeSet::new();
            set.extend(members);
            set
        }
    }

    impl<T: Ord, const N: usize> From<[T; N]> for BTreeSet<T> {
        fn from(members: [T; N]) -> BTreeSet<T> {
            members.into_iter().collect()
        }
    }

    impl<T> IntoIterator for BTreeSet<T> {
        type Item = T;
        type IntoIter = vec::IntoIter<T>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.into_iter()
        }
    }

    impl<'a, T> IntoIterator for &'a BTreeSet<T> {
        type Item = &'a T;
        type IntoIter = slice::Iter<'a, T>;

        fn into_iter(self) -> Self::IntoIter {
            self.0.iter()
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::{BTreeMap as TreeMap, BTreeSet as TreeSet};
    use alloc::vec::Vec;
    use core::ops::Bound;

    use proptest::prelude::*;

    use super::vectors::{BTreeMap, BTreeSet};

    proptest! {
        #[test]
        fn a_vector_does_what_the_tree_does(calls in prop::collection::vec((0..8_u8, 0..12_u8), 0..60)) {
            let (mut map, mut tree) = (BTreeMap::new(), TreeMap::new());
            let (mut set, mut tree_set) = (BTreeSet::new(), TreeSet::new());
            for (at, (call, key)) in calls.into_iter().enumerate() {
                match call {
                    0..=2 => assert_eq!(map.insert(key, at), tree.insert(key, at)),
                    3 => assert_eq!(map.remove(&key), tree.remove(&key)),
                    4 => assert_eq!(map.entry(key).or_default(), tree.entry(key).or_default()),
                    5 => assert_eq!(map.entry(key).or_insert(at), tree.entry(key).or_insert(at)),
                    6 => {
                        map.retain(|&other, value| other != key && *value % 3 != 0);
                        tree.retain(|&other, value| other != key && *value % 3 != 0);
                    }
                    _ => map.values_mut().zip(tree.values_mut()).for_each(|(a, b)| (*a, *b) = (at, at)),
                }
                match call {
                    0..=3 => assert_eq!(set.insert(key), tree_set.insert(key)),
                    _ => assert_eq!(set.remove(&key), tree_set.remove(&key)),
                }
                assert!(set.iter().eq(&tree_set) && set.first() == tree_set.first());
                assert_eq!(set.contains(&key), tree_set.contains(&key));
                assert_eq!((map.get(&key), map.contains_key(&key)), (tree.get(&key), tree.contains_key(&key)));
                assert_eq!(map.first_key_value(), tree.first_key_value());
                assert_eq!(map.last_key_value(), tree.last_key_value());
                let bounds = (Bound::Excluded(key), Bound::Included(key + 3));
                assert!(map.range(bounds).eq(tree.range(bounds)) && map.range(..=key).eq(tree.range(..=key)));
                assert!(map.range(key..).rev().eq(tree.range(key..).rev()));
            }
            assert!(map.keys().eq(tree.keys()) && map.values().eq(tree.values()));
            assert_eq!(Vec::from_iter(map), Vec::from_iter(tree));
        }
    }
}
