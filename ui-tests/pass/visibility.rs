//! Visibilities and docs are copied: lints that forbid undocumented or unreachable items are content.
#![deny(warnings, missing_docs, missing_debug_implementations, private_interfaces, private_bounds)]

pub use library::Account;

/// A library.
pub mod library {
    use epilog::prelude::*;

    /// An account.
    #[derive(Collection, Debug)]
    #[has_many(secrets: Secret::account)]
    pub struct Account {
        /// Its number.
        pub id: Id<Account>,
        /// Its name.
        pub name: String,
        pub(crate) balance: i64,
        owner: Option<Id<Owner>>,
    }

    /// Kept to the crate.
    #[derive(Collection, Debug)]
    pub(crate) struct Owner {
        id: Id<Owner>,
        pub(super) name: String,
    }

    /// A secret.
    #[derive(Collection, Debug)]
    pub struct Secret {
        id: Id<Secret>,
        account: Id<Account>,
    }

    /// What is shown of an account.
    #[derive(View, Debug)]
    pub struct Summary {
        /// Its name.
        pub name: String,
        balance: i64,
    }

    /// Summaries.
    pub fn summaries() -> epilog::query::Query<Account, Summary> {
        Account::query()
            .filter(|a| a.owner().name.eq("me") & a.secrets().any(|s| s.account().name.eq("me") & s.id.gt(Id::new(1))))
            .select(|a| SummaryFields { name: a.name, balance: a.balance })
    }

    pub(crate) fn owners() {
        let _ = Owner::query().filter(|o| o.id.eq(Id::new(1)));
    }
}

fn main() {
    use epilog::prelude::*;
    let _ = library::summaries();
    let _ = Account::query().filter(|a| a.name.eq("x") & a.balance.gt(3));
    let _ = library::Owner::query().filter(|o| o.name.eq("me"));
    library::owners();
}
