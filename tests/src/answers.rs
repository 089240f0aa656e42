//! [`Answers`]: what a database of the simulation's collections says when it is asked for everything, question by
//! question, so that each answer can be compared with the right one.

use epilog::prelude::*;

use crate::simulation::model::{Item, Owner, Tag, World};

/// What was asked, and what came.
#[derive(Debug)]
pub struct Answers {
    /// In the order asked.
    pub given: Vec<(Question, Result<Answer, Error>)>,
}

/// What can be asked.
#[derive(Debug, Clone, PartialEq)]
pub enum Question {
    /// Everything of the collection.
    Owners,
    /// Everything of the collection.
    Items,
    /// Everything of the collection.
    Tags,
    /// The number of owners, items, tags.
    Count(u8),
    /// By key.
    OwnerOf(u64),
    /// By clustering key.
    ItemOf(i32),
    /// By a key that does not cluster.
    TagOf(String),
    /// By a unique index.
    OwnerNamed(String),
    /// By an index of two fields.
    ItemsBy(u64, u8),
    /// The number of them.
    CountItemsBy(u64, u8),
    /// By a relation's index.
    Reviewed(u64),
    /// By another relation's index.
    Held(u64),
    /// By an index of a float, their number.
    CountTagsOf(f64),
    /// By an index of a float, a range.
    TagsFrom(f64),
    /// Through a relation, in another order.
    ItemsOfOwnersNamed(String),
    /// All, ordered by a unique index.
    OwnersByName,
}

/// What can be answered.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "each is what its name says")]
pub enum Answer {
    Owners(Vec<Owner>),
    Items(Vec<Item>),
    Tags(Vec<Tag>),
    Number(u64),
}

impl Answers {
    /// Asks for the counts, and the first few records by each way: enough to read some of each tree.
    pub fn glance(db: &Database<World>) -> Answers {
        let mut questions: Vec<Question> = (0..3).map(Question::Count).collect();
        questions.push(Question::OwnerNamed("owner 3".into()));
        questions.push(Question::ItemOf(1));
        Answers::to(db, questions)
    }

    /// Asks for everything: all records by scan, every `stride`-th by its key, every key of every index.
    pub fn all(db: &Database<World>, size: u32, stride: usize) -> Answers {
        let mut questions = vec![Question::Owners, Question::Items, Question::Tags, Question::OwnersByName];
        questions.extend((0..3).map(Question::Count));
        questions.push(Question::TagsFrom(f64::NEG_INFINITY));
        questions.push(Question::TagsFrom(0.5));
        for owner in (0..size).step_by(stride) {
            questions.push(Question::OwnerOf(u64::from(owner)));
            questions.push(Question::OwnerNamed(format!("owner {owner}")));
            questions.push(Question::ItemsBy(u64::from(owner), (owner % 4) as u8));
            questions.push(Question::CountItemsBy(u64::from(owner), (owner % 4) as u8));
            questions.push(Question::CountTagsOf(f64::from(owner) / 4.0 - 2.0));
            questions.push(Question::Reviewed(u64::from(owner)));
            questions.push(Question::Held(u64::from(owner)));
            questions.push(Question::TagOf(format!("tag {owner}")));
        }
        questions.extend((0..size as i32 * 8).step_by(stride * 5).map(Question::ItemOf));
        questions.push(Question::ItemsOfOwnersNamed("owner 1".into()));
        Answers::to(db, questions)
    }

    fn to(db: &Database<World>, questions: Vec<Question>) -> Answers {
        let given = questions.into_iter().map(|question| {
            let answer = answer(db, &question);
            (question, answer)
        });
        Answers { given: given.collect() }
    }

    /// The errors.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        self.given.iter().filter_map(|(_, answer)| answer.as_ref().err())
    }

    /// The first question whose answer is neither an error nor the one in `right`, which was asked the same.
    ///
    /// # Panics
    ///
    /// When other questions were asked there.
    pub fn first_wrong(&self, right: &Answers) -> Option<String> {
        assert_eq!(self.given.len(), right.given.len());
        self.given.iter().zip(&right.given).find_map(|((question, answer), (same, right))| {
            assert_eq!(question, same);
            match (answer, right) {
                (Ok(answer), Ok(right)) if answer != right => {
                    Some(format!("{question:?}: {:.300}", format!("{answer:?} instead of {right:?}")))
                }
                _ => None,
            }
        })
    }
}

fn answer(db: &Database<World>, question: &Question) -> Result<Answer, Error> {
    let owner = |id: u64| Id::<Owner>::new(id);
    Ok(match question {
        Question::Owners => Answer::Owners(Owner::query().all(db)?),
        Question::Items => Answer::Items(Item::query().all(db)?),
        Question::Tags => Answer::Tags(Tag::query().all(db)?),
        Question::Count(0) => Answer::Number(Owner::query().count(db)?),
        Question::Count(1) => Answer::Number(Item::query().count(db)?),
        Question::Count(_) => Answer::Number(Tag::query().count(db)?),
        Question::OwnerOf(id) => Answer::Owners(db.get::<Owner>(owner(*id))?.into_iter().collect()),
        Question::ItemOf(code) => Answer::Items(db.get::<Item>(*code)?.into_iter().collect()),
        Question::TagOf(name) => Answer::Tags(db.get::<Tag>(name.clone())?.into_iter().collect()),
        Question::OwnerNamed(name) => Answer::Owners(Owner::query().filter(|o| o.name.eq(name)).all(db)?),
        Question::ItemsBy(id, grade) => Answer::Items(
            Item::query().filter(|i| i.owner.eq(owner(*id))).filter(|i| i.grade.ge(*grade)).all(db)?,
        ),
        Question::Reviewed(id) => {
            Answer::Number(Item::query().filter(|i| i.reviewer.eq(owner(*id))).count(db)?)
        }
        Question::CountItemsBy(id, grade) => Answer::Number(
            Item::query().filter(|i| i.owner.eq(owner(*id))).filter(|i| i.grade.eq(*grade)).count(db)?,
        ),
        Question::CountTagsOf(weight) => {
            Answer::Number(Tag::query().filter(|t| t.weight.eq(*weight)).count(db)?)
        }
        Question::Held(id) => Answer::Number(Tag::query().filter(|t| t.holder.eq(owner(*id))).count(db)?),
        Question::TagsFrom(weight) => {
            Answer::Tags(Tag::query().filter(|t| t.weight.ge(*weight)).order_by(|t| t.weight).all(db)?)
        }
        Question::ItemsOfOwnersNamed(name) => Answer::Items(
            Item::query().filter(|i| i.owner().name.eq(name)).order_by(|i| i.code.desc()).all(db)?,
        ),
        Question::OwnersByName => Answer::Owners(Owner::query().order_by(|o| o.name).all(db)?),
    })
}
