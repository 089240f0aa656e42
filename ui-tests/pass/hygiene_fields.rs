//! Fields and relations whose names are those of methods, keywords, and of what written code might use.
#![deny(warnings)]
#![allow(non_snake_case)]

use epilog::prelude::*;

#[derive(Collection)]
#[has_many(fields: Named::key, filter: Words::exists, select: Words::r#type)]
pub struct Words {
    pub id: Id<Words>,
    pub r#type: Option<Id<Words>>,
    pub eq: String,
    pub query: Option<Id<Words>>,
    pub path: String,
    pub source: String,
    #[unique]
    pub row: String,
    pub record: i64,
    pub columns: i64,
    pub scope: bool,
    pub mode: bool,
    pub marker: u8,
    pub member: u8,
    #[index]
    pub r#unique: u8,
    pub clone: Option<Id<Words>>,
    pub at: Option<Id<Words>>,
    pub describe: Option<Id<Words>>,
    pub exists: Option<Id<Words>>,
    pub schema: u16,
    pub key: u16,
    pub encode: u16,
    pub decode: u16,
    pub value: u16,
    pub S: u16,
}

#[derive(Collection)]
#[index(key, r#type)]
#[index(r#type, r#unique, unique)]
pub struct Named {
    #[key]
    pub r#struct: String,
    pub key: Option<Id<Words>>,
    pub r#type: i32,
    pub r#unique: bool,
}

#[derive(View)]
pub struct Chosen {
    pub r#type: Option<String>,
    pub columns: i64,
    pub row: Words,
    pub A: Option<Words>,
}

fn main() {
    let _ = Words::query()
        .filter(|w| w.r#type().eq.eq("x") & w.query().query().path.eq(w.path) & w.exists().exists.is_none())
        .filter(|w| w.clone().clone().at().describe().key.eq(3) & w.scope & w.S.eq(1))
        .filter(|w| w.fields().any(|n| n.r#struct.eq("x") & n.r#type.gt(2)) & w.filter().none(|f| f.scope))
        .order_by(|w| (w.record, w.columns.desc()))
        .select(|w| ChosenFields { r#type: w.r#type().row, columns: w.columns, row: w, A: w.at() });
}
