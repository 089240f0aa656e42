//! The collections of the simulation, and the same rules over plain maps.

use std::collections::{BTreeMap, BTreeSet};

use epilog::prelude::*;
use epilog::query::Reads as _;
use epilog::storage::streamed;

/// Owns items, may hold tags. Its name is unique; a long note lies out of line.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Owner {
    /// Assigned.
    pub id: Id<Owner>,
    /// Unique.
    #[unique]
    pub name: String,
    /// Sometimes long.
    pub note: Option<String>,
}

/// Goes with its owner; loses its reviewer.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(owner, grade, include(reviewer))]
#[index(owner, unique, include(grade), where(grade == BEST, reviewer.is_none()))]
#[index(grade, code, where(reviewer.is_some()))]
pub struct Item {
    /// A natural key that records are clustered by.
    #[key]
    pub code: i32,
    /// Deleting the owner deletes the item.
    #[on_delete(cascade)]
    pub owner: Id<Owner>,
    /// Deleting the reviewer leaves the item without one.
    #[on_delete(set_null)]
    pub reviewer: Option<Id<Owner>>,
    /// Part of an index.
    pub grade: u8,
    /// Of any length.
    pub bytes: Vec<u8>,
    /// Of each different one the index has an entry.
    #[index]
    pub words: Vec<String>,
}

/// The grade of which each owner has one item without a reviewer.
pub const BEST: u8 = 7;

/// The words that items have. Some would end others if they were not told apart.
pub const WORDS: [&str; 5] = ["", "a", "a\0", "\0\0a", "words"];

impl Item {
    /// Whether it is the one of its owner that a unique index has.
    pub fn is_best(&self) -> bool {
        self.grade == BEST && self.reviewer.is_none()
    }
}

/// Keeps its holder from being deleted.
#[derive(Collection, Clone, Debug, PartialEq)]
#[index(weight, include(weight, holder))]
pub struct Tag {
    /// A natural key that is found through an index.
    #[key]
    pub name: String,
    /// An owner with tags cannot be deleted.
    pub holder: Option<Id<Owner>>,
    /// A float in an index, which has it beside its key too: of -0 that is the key of 0.
    pub weight: f64,
}

/// Goes with its owner, and its bytes with it.
#[derive(Collection, Clone, Debug, PartialEq)]
pub struct Scan {
    /// A natural key that records are clustered by.
    #[key]
    pub code: u16,
    /// Deleting the owner deletes the scan.
    #[on_delete(cascade)]
    pub owner: Id<Owner>,
    /// Of no chunk, one or several.
    pub content: Blob,
}

epilog::schema!(
    /// What the simulation keeps.
    pub World { Owner, Item, Tag, Scan }
);

/// The same collections as plain maps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    /// By id.
    pub owners: BTreeMap<u64, Owner>,
    /// By code.
    pub items: BTreeMap<i32, Item>,
    /// By name.
    pub tags: BTreeMap<String, Tag>,
    /// By code: the owner, and the bytes.
    pub scans: BTreeMap<u16, (Id<Owner>, Vec<u8>)>,
    /// The next id of an owner: never goes back once committed.
    pub next_owner: u64,
    /// Whether ids of owners may be left out, as happens when transactions run beside each other.
    pub leaves_numbers_out: bool,
}

impl Model {
    /// Everything a database holds, read by scans, each secondary index cross-checked on the way.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    ///
    /// # Panics
    ///
    /// When an index, a count or the bytes that there are disagree with the records.
    pub fn read(db: &Database<World>) -> Result<Model, Error> {
        Model::read_at(&db.read()?)
    }

    /// As [`read`](Model::read), of one snapshot.
    ///
    /// # Errors
    ///
    /// As [`read`](Model::read).
    ///
    /// # Panics
    ///
    /// As [`read`](Model::read).
    pub fn read_at(tx: &ReadTransaction<'_, World>) -> Result<Model, Error> {
        let mut model = Model::default();
        for owner in Owner::query().all(tx)? {
            let found = Owner::query().filter(|o| o.name.eq(&owner.name)).all(tx)?;
            assert_eq!(
                found,
                std::slice::from_ref(&owner),
                "the unique index of owners disagrees with the records"
            );
            model.owners.insert(owner.id.get(), owner);
        }
        for item in Item::query().all(tx)? {
            model.items.insert(item.code, item);
        }
        for tag in Tag::query().all(tx)? {
            assert_eq!(
                tx.get::<Tag>(tag.name.clone())?.as_ref(),
                Some(&tag),
                "the key index of tags disagrees"
            );
            model.tags.insert(tag.name.clone(), tag);
        }
        for scan in Scan::query().all(tx)? {
            let mut bytes = vec![0; scan.content.len() as usize];
            let read = tx.blob_reader(scan.content)?.read_at(0, &mut bytes)?;
            assert_eq!(read, bytes.len(), "the bytes of scan {} end early", scan.code);
            model.scans.insert(scan.code, (scan.owner, bytes));
        }
        tx.with_view(|view| {
            streamed::check(view, &mut |problem| panic!("{problem}"))?;
            Ok(())
        })?;
        for id in model.owners.keys() {
            let id = Id::<Owner>::new(*id);
            let through_index = Item::query().filter(|i| i.owner.eq(id)).count(tx)?;
            let counted = model.items.values().filter(|item| item.owner == id).count();
            assert_eq!(through_index, counted as u64, "the index (owner, grade) disagrees with the items");
            let through_index = Item::query().filter(|i| i.reviewer.eq(id)).count(tx)?;
            let counted = model.items.values().filter(|item| item.reviewer == Some(id)).count();
            assert_eq!(through_index, counted as u64, "the index of reviewers disagrees with the items");
        }
        for id in model.owners.keys() {
            let id = Id::<Owner>::new(*id);
            let best = Item::query().filter(|i| i.owner.eq(id) & i.grade.eq(BEST) & i.reviewer.is_none());
            let counted: Vec<Item> =
                model.items.values().filter(|item| item.owner == id && item.is_best()).cloned().collect();
            assert!(counted.len() <= 1, "a unique index of some items lets two have one owner");
            assert_eq!(best.require_index().all(tx)?, counted, "the index of the best items disagrees");
        }
        for id in model.owners.keys() {
            let id = Id::<Owner>::new(*id);
            // In the order of keys, as the model has them.
            let included = Item::query().filter(|i| i.owner.eq(id)).select(|i| (i.code, i.grade, i.reviewer));
            let of_owner = model.items.values().filter(|item| item.owner == id);
            let counted: Vec<(i32, u8, Option<Id<Owner>>)> =
                of_owner.map(|item| (item.code, item.grade, item.reviewer)).collect();
            let included = included.order_by(|i| i.code).require_index().all(tx)?;
            assert_eq!(included, counted, "what the index (owner, grade) includes disagrees with the items");
        }
        for tag in model.tags.values() {
            let included = Tag::query().filter(|t| t.weight.eq(tag.weight)).select(|t| (t.weight, t.holder));
            let included = included.require_index().all(tx)?.into_iter();
            let exact = |weight: f64, holder: Option<Id<Owner>>| (weight.to_bits(), holder.map(Id::get));
            let mut included: Vec<_> = included.map(|(weight, holder)| exact(weight, holder)).collect();
            let of_weight = model.tags.values().filter(|other| other.weight == tag.weight);
            let mut counted: Vec<_> = of_weight.map(|other| exact(other.weight, other.holder)).collect();
            included.sort_unstable();
            counted.sort_unstable();
            assert_eq!(included, counted, "what the index of weights includes disagrees with the tags");
        }
        for grade in [0, 1, 2, 3, BEST] {
            let reviewed = Item::query().filter(|i| i.reviewer.is_some() & i.grade.eq(grade));
            let counted =
                model.items.values().filter(|item| item.reviewer.is_some() && item.grade == grade).cloned();
            let through_index = reviewed.order_by(|i| i.code).require_index().all(tx)?;
            assert_eq!(through_index, counted.collect::<Vec<_>>(), "the index of reviewed items disagrees");
        }
        for word in WORDS {
            let through_index = Item::query().filter(|i| i.words.contains(word)).require_index().all(tx)?;
            let with_word = |item: &&Item| item.words.iter().any(|own| own == word);
            let counted: Vec<Item> = model.items.values().filter(with_word).cloned().collect();
            assert_eq!(through_index, counted, "the index of words disagrees with the items");
        }
        assert_eq!(Owner::query().count(tx)?, model.owners.len() as u64, "the count of owners is wrong");
        assert_eq!(Item::query().count(tx)?, model.items.len() as u64, "the count of items is wrong");
        assert_eq!(Tag::query().count(tx)?, model.tags.len() as u64, "the count of tags is wrong");
        assert_eq!(Scan::query().count(tx)?, model.scans.len() as u64, "the count of scans is wrong");
        Ok(model)
    }

    /// Whether the records are the same. The next id cannot be read back, so it does not count.
    pub fn same_records(&self, other: &Model) -> bool {
        (&self.owners, &self.items, &self.tags, &self.scans)
            == (&other.owners, &other.items, &other.tags, &other.scans)
    }

    /// This model after the same changes as make `after` of `before`.
    pub fn with_changes(&self, before: &Model, after: &Model) -> Model {
        fn change<K: Ord + Clone, V: Clone + PartialEq>(
            map: &mut BTreeMap<K, V>,
            before: &BTreeMap<K, V>,
            after: &BTreeMap<K, V>,
        ) {
            map.retain(|key, _| !before.contains_key(key) || after.contains_key(key));
            let changed = after.iter().filter(|(key, value)| before.get(key) != Some(value));
            map.extend(changed.map(|(key, value)| (key.clone(), value.clone())));
        }
        let mut model = self.clone();
        change(&mut model.owners, &before.owners, &after.owners);
        change(&mut model.items, &before.items, &after.items);
        change(&mut model.tags, &before.tags, &after.tags);
        change(&mut model.scans, &before.scans, &after.scans);
        model.next_owner = model.next_owner.max(after.next_owner);
        model
    }

    /// Inserts an owner with the next id; `None` when its name is taken.
    pub fn insert_owner(&mut self, mut owner: Owner) -> Option<Id<Owner>> {
        // A refused insert takes no number.
        if self.owners.values().any(|other| other.name == owner.name) {
            return None;
        }
        self.next_owner = self.next_owner.max(1);
        owner.id = Id::new(self.next_owner);
        self.next_owner += 1;
        let id = owner.id;
        self.owners.insert(id.get(), owner);
        Some(id)
    }

    /// Replaces an owner; `false` when it is not there or the name is another's.
    pub fn update_owner(&mut self, owner: Owner) -> bool {
        let taken = self.owners.values().any(|other| other.name == owner.name && other.id != owner.id);
        if taken || !self.owners.contains_key(&owner.id.get()) {
            return false;
        }
        self.owners.insert(owner.id.get(), owner);
        true
    }

    /// Deletes an owner and its items; `false` when a tag holds it, or when an item that loses it as a reviewer would be the second
    /// best of its owner; `None` when it is not there.
    pub fn delete_owner(&mut self, id: Id<Owner>) -> Option<bool> {
        if !self.owners.contains_key(&id.get()) {
            return None;
        }
        if self.tags.values().any(|tag| tag.holder == Some(id)) {
            return Some(false);
        }
        let before = self.items.clone();
        self.items.retain(|_, item| item.owner != id);
        for item in self.items.values_mut().filter(|item| item.reviewer == Some(id)) {
            item.reviewer = None;
        }
        if !self.bests_differ() {
            self.items = before;
            return Some(false);
        }
        self.scans.retain(|_, (owner, _)| *owner != id);
        self.owners.remove(&id.get());
        Some(true)
    }

    /// Whether no owner has two best items.
    fn bests_differ(&self) -> bool {
        let mut owners = BTreeSet::new();
        self.items.values().filter(|item| item.is_best()).all(|item| owners.insert(item.owner.get()))
    }

    /// Whether an item's relations lead somewhere.
    fn item_is_sound(&self, item: &Item) -> bool {
        self.owners.contains_key(&item.owner.get())
            && item.reviewer.is_none_or(|reviewer| self.owners.contains_key(&reviewer.get()))
    }

    /// Inserts items, all or none.
    pub fn insert_items(&mut self, items: &[Item]) -> bool {
        let before = self.items.clone();
        for item in items {
            if !self.item_is_sound(item) || self.items.insert(item.code, item.clone()).is_some() {
                self.items = before;
                return false;
            }
        }
        if !self.bests_differ() {
            self.items = before;
            return false;
        }
        true
    }

    /// Replaces an item.
    pub fn update_item(&mut self, item: Item) -> bool {
        if !self.items.contains_key(&item.code) || !self.item_is_sound(&item) {
            return false;
        }
        let (code, before) = (item.code, self.items.clone());
        self.items.insert(code, item);
        let is_kept = self.bests_differ();
        if !is_kept {
            self.items = before;
        }
        is_kept
    }

    /// Inserts a scan, or replaces one.
    pub fn put_scan(&mut self, code: u16, owner: Id<Owner>, content: Vec<u8>) -> bool {
        let sound = self.owners.contains_key(&owner.get());
        if sound {
            self.scans.insert(code, (owner, content));
        }
        sound
    }

    /// Inserts a tag.
    pub fn insert_tag(&mut self, tag: Tag) -> bool {
        let sound = tag.holder.is_none_or(|holder| self.owners.contains_key(&holder.get()));
        if !sound || self.tags.contains_key(&tag.name) {
            return false;
        }
        self.tags.insert(tag.name.clone(), tag);
        true
    }
}
