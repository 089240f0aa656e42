//! Checks of the catalog: its trees, and that what it says of collections, fields and indexes agrees.

use alloc::string::String;
use alloc::sync::Arc;

use super::check::Check;
use super::collection;
use super::report::{Problem, Structure};
use crate::ordered::BTreeSet;
use crate::schema::{CollectionDef, CollectionId};
use crate::storage::StorageError;
use crate::storage::catalog::system::{self, FIELDS, INDEXES, STATISTICS};
use crate::storage::catalog::{FIRST_FREE_ID, Stored};
use crate::storage::facade::{Direction, View};
use crate::storage::page::PageRead;
use crate::storage::records::RecordRef;
use crate::value::Type;

/// Checks the trees of the catalog, then what they say.
pub(super) fn check(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
) -> Result<(), StorageError> {
    for def in stored.system.all() {
        collection::check(check, pages, stored, def, &mut [])?;
    }
    let known: BTreeSet<u32> = stored.catalog.collections.iter().map(|def| def.id.0).collect();
    let system = &stored.system;
    find_orphans(check, pages, stored, &system.fields, FIELDS.collection, &|id| known.contains(&id))?;
    find_orphans(check, pages, stored, &system.indexes, INDEXES.collection, &|id| known.contains(&id))?;
    let counted = |id| id == 0 || id == system.chunks.id.0 || known.contains(&id);
    find_orphans(check, pages, stored, &system.statistics, STATISTICS.collection, &counted)?;

    let mut add = |def: &CollectionDef, message: String| {
        check.report.add(Problem::new(Structure::Catalog, message).of(&def.name));
    };
    let next = stored.statistics(pages, CollectionId(0)).map_or(u64::MAX, |statistics| statistics.next);
    let mut ids = BTreeSet::new();
    let mut names = BTreeSet::new();
    for def in &stored.catalog.collections {
        let own = [def.id.0].into_iter();
        let own = own.chain(def.fields.iter().map(|field| field.id.0));
        for id in own.chain(def.indexes.iter().map(|index| index.id.0)) {
            if !ids.insert(id) {
                add(def, format!("id {id} is given out twice"));
            }
            if id < FIRST_FREE_ID || u64::from(id) >= next {
                add(def, format!("id {id} was not given out: the next one is {next}"));
            }
        }
        if !names.insert(&def.name) {
            add(def, String::from("another collection has the same name"));
        }
        check_definition(def, stored, &mut |message| add(def, message));
    }
    Ok(())
}

/// What one collection says of itself.
fn check_definition(def: &CollectionDef, stored: &Stored, add: &mut dyn FnMut(String)) {
    let mut names = BTreeSet::new();
    for field in def.fields.iter().filter(|field| !names.insert(&field.name)) {
        add(format!("two fields are called `{}`", field.name));
    }
    let mut names = BTreeSet::new();
    for index in def.indexes.iter().filter(|index| !names.insert(&index.name)) {
        add(format!("two indexes are called `{}`", index.name));
    }
    for index in def.indexes.iter().filter(|index| index.fields.is_empty()) {
        add(format!("index `{}` has no fields", index.name));
    }
    for position in &def.key {
        let field = &def.fields[usize::from(*position)];
        if field.optional {
            add(format!("field `{}` of the key may be absent", field.name));
        }
    }
    if def.clustered.is_none() && def.key_index().is_none() {
        add(String::from("no index leads from the key to the record"));
    }
    if def.assigned && (def.clustered.is_none() || def.key.len() != 1) {
        add(String::from("its key is assigned, but records are not clustered by it"));
    }
    for (position, field) in def.fields.iter().enumerate() {
        let Some(reference) = field.reference else { continue };
        let name = &field.name;
        match stored.catalog.collection(reference.target) {
            None => {
                add(format!("field `{name}` points at collection {}, which is not there", reference.target))
            }
            Some(target) if !target.assigned || field.ty != Type::Id => {
                add(format!("field `{name}` points at `{}`, whose keys are no ids", target.name));
            }
            Some(_) => {}
        }
        let mut whole = def.indexes.iter().filter(|index| !index.is_partial());
        let leads = whole.any(|index| index.fields.first() == Some(&(position as u16)));
        if !leads && def.clustered != Some(position as u16) {
            add(format!("field `{name}` is a relation, but leads no index"));
        }
    }
}

/// Records of the catalog that are about collections that are not there.
fn find_orphans(
    check: &mut Check<'_, '_>,
    pages: &dyn PageRead,
    stored: &Stored,
    def: &Arc<CollectionDef>,
    position: u16,
    is_known: &dyn Fn(u32) -> bool,
) -> Result<(), StorageError> {
    let mut look = |record: &RecordRef<'_>| {
        let of: u32 = system::read(record, def, position)?;
        if !is_known(of) {
            let message = format!("it is about collection {of}, which is not there");
            let problem = Problem::new(Structure::Catalog, message).of(&def.name);
            check.report.add(problem.record(collection::describe(def, record)));
        }
        Ok::<(), StorageError>(())
    };
    let mut leaves = View::new(pages, stored).leaves(def, 0, u128::MAX, Direction::Forward)?;
    // An error is on a page that was found damaged when the tree was walked.
    while let Ok(Some(leaf)) = leaves.next_leaf() {
        for row in 0..leaf.len() {
            if look(&leaf.record(row)).is_err() {
                break;
            }
        }
    }
    Ok(())
}
