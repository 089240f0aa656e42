//! Every attribute, and the schema it makes.

use epilog::prelude::*;
use epilog::schema::{KeySchema, OnDelete};
use epilog::value::Scalar;

#[derive(Collection)]
#[collection(name = "people")]
#[key(country, number)]
#[index(name, born)]
#[index(born, name, unique)]
pub struct Person {
    pub country: String,
    pub number: u32,
    pub name: String,
    pub born: Option<i32>,
    #[unique]
    pub email: String,
    #[index]
    #[default(default_city())]
    pub city: String,
    #[default(None)]
    pub boss: Option<Id<Boss>>,
    #[on_delete(set_null)]
    pub deputy: Option<Id<Boss>>,
    #[on_delete(cascade)]
    #[unique]
    pub office: Id<Boss>,
    #[on_delete(restrict)]
    pub desk: Id<Boss>,
}

fn default_city() -> String {
    String::from("Zürich")
}

#[derive(Collection)]
#[collection(page_size = 4_096)]
#[has_many(people: Person::boss)]
#[has_many(deputies: Person::deputy, offices: Person::office)]
pub struct Boss {
    pub id: Id<Boss>,
}

#[derive(Collection, Default)]
pub struct Node {
    #[key]
    pub id: Id<Node>,
    pub root: Id<Node>,
    #[collection(default = 7)]
    pub depth: u8,
}

fn main() {
    let schema = Person::schema();
    assert_eq!(schema.name, "people");
    assert_eq!(schema.key, KeySchema::Natural(&[0, 1]));
    let indexes: Vec<_> = schema.indexes.iter().map(|index| (index.name, index.fields, index.unique)).collect();
    let expected: [(&str, &[u16], bool); 5] = [
        ("email", &[4], true),
        ("city", &[5], false),
        ("office", &[8], true),
        ("name_born", &[2, 3], false),
        ("born_name", &[3, 2], true),
    ];
    assert_eq!(indexes, expected);
    let actions: Vec<_> = schema.fields.iter().map(|field| field.reference.map(|to| to.on_delete)).collect();
    assert_eq!(
        actions[6..],
        [Some(OnDelete::Restrict), Some(OnDelete::SetNull), Some(OnDelete::Cascade), Some(OnDelete::Restrict)]
    );
    let target = schema.fields[6].reference.expect("a relation").target;
    assert!(std::ptr::eq(target(), Boss::schema()));
    let default = |ordinal: usize| schema.fields[ordinal].default.map(|make| make());
    assert_eq!(default(5), Some(Scalar::String("Zürich".into())));
    assert_eq!((default(6), default(7)), (Some(Scalar::Null), None));
    assert_eq!(Boss::schema().key, KeySchema::Assigned(0));
    assert_eq!((schema.page_size, Boss::schema().page_size), (None, Some(4096)));
    assert_eq!(Node::schema().key, KeySchema::Assigned(0));
    assert!(Node::schema().fields[0].reference.is_none() && Node::schema().fields[1].reference.is_some());
    assert_eq!(Node::schema().fields[2].default.map(|make| make()), Some(Scalar::Int(7)));
    assert_eq!(Node::default().depth, 0);
    let _ = Node::query().filter(|n| n.root().root.eq(n.id));
    let _ = Boss::query().filter(|b| b.people().count().gt(b.deputies().count()) & b.offices().is_empty());
}
