//! [`Bug`]: mistakes that can be put in on purpose, to see that random queries find them.
//!
//! Only tests of this crate can plant one, each in its own thread. Otherwise `is` is `false` when the library is compiled, and
//! nothing of this is left. That each is found, and how soon, is in `tests/reference/planted.rs`.

/// A mistake that can be put in, named by what goes wrong; in the order of the files that have them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(any(feature = "small", not(feature = "std")), allow(dead_code, reason = "it has not all files"))]
pub(super) enum Bug {
    /// A test whether a flag is false is taken for the flag.
    FalseForTrue,
    /// A negation is pushed into what orders absent values.
    NegationOfAbsent,
    /// A filter forgets what comes behind its first two conjuncts.
    ThirdConjunctLost,
    /// Of alternatives that become a list the third is forgotten.
    LastAlternativeLost,
    /// What some alternatives imply of a record is asked of it, whatever others imply.
    AlternativeForgotten,
    /// A bound that is left out is merged with another as if it was not.
    ExcludedBoundMerged,
    /// The field that stands for a record's key is taken for one that is never absent.
    KeyTakenForThere,
    /// The last filter that sinks below a lookup is lost.
    PredicateDropped,
    /// The last filter that a join takes over is lost.
    JoinFilterLost,
    /// What equals something absent makes an inner join of a left one.
    LeftJoinMadeInner,
    /// The last condition that a subquery asks of the row alone is lost.
    ConditionOfRowLost,
    /// A record that is counted is so once for each record of a nested subquery.
    NestedCountsTwice,
    /// What holds of no record of a nested subquery is asked of those that it has.
    HoldsOfNoneForgotten,
    /// What is compared with the least of nested records is compared with the greatest.
    OtherEndCompared,
    /// Inner records that the same links are counted once.
    AlikeCountedOnce,
    /// A link does not pair what is absent on both sides.
    AbsentLinkUnmatched,
    /// Values of an index that is not unique pass for distinct ones.
    DistinctLost,
    /// Fields of an index that is not unique decide what the other fields are.
    KeysDecidedBySome,
    /// A filter is pushed below windows of which one has other partitions.
    WindowFilterPushed,
    /// The last filter on keys of groups that is asked of their rows is lost.
    GroupFilterLost,
    /// The last test of both sides of a join that was put in order is lost.
    TestOfPairsLost,
    /// What reads the inner side of a left join is asked of that side, or joined with it, before its rows are added.
    LeftJoinAskedEarly,
    /// What is equal of a left join's inner side and others besides is not asked of the rows that it makes.
    LinkOfLeftJoinLost,
    /// A window that may fail is dropped where nobody reads it.
    WindowFaultPruned,
    /// A filter on rows put together of two queries is asked of those of the first alone.
    SetFilteredOnOneSide,
    /// The constant of a left join's inner side is asked of its rows.
    ConstantLeavesLeftJoin,
    /// A join that is dropped keeps the rows that point at nothing.
    AbsentKeptByDroppedJoin,
    /// An order that a limit sees is dropped.
    OrderBelowLimitDropped,
    /// What rows are asked for by is joined to them though several of it may belong to one.
    FewBelongTwice,
    /// What is asked beside that is lost where it becomes a join.
    AskedBesideFewLost,
    /// Groups that are made before what is joined to them are made by one key less.
    EarlyGroupsForgetKey,
    /// Of groups that are put together those that have something are counted, and not what they have.
    CountsCounted,
    /// They are made by the key of records that a left join may not find.
    EarlyGroupsOfLeftJoin,
    /// A group whose relation is absent goes, when its record is looked up.
    LateLookupDropsGroups,
    /// A row that nothing belongs to has no count.
    CountOfNoneAbsent,
    /// The least value at an index's end may be an absent one.
    AbsentIsLeast,
    /// A join whose rows come in no order is taken for one that keeps the order wanted.
    OrderTakenForGiven,
    /// Rows of a left join in order that have no pair come behind those that have.
    UnpairedLast,
    /// A limit is pushed through a filter.
    LimitThroughFilter,
    /// A limit of what a limit left forgets how many rows the first one leaves.
    LimitForgotten,
    /// Parts of a plan that differ in a value are taken for equal.
    PartsDifferInValue,
    /// Parts of a plan that are equal for its values are taken for equal whatever values it is bound to.
    PartsEqualOnce,
    /// Parts of a plan that read other collections are taken for equal.
    PartsOfOtherCollections,
    /// Rows of a sort become values, so that records that compare equal are not told apart by their keys.
    KeptRowsSorted,
    /// The last of what only one of the parts that are carried out once asks is lost.
    RestOfPartLost,
    /// What the first who asks for common rows asks of them is asked within, whatever others ask.
    AskedByFirst,
    /// Of what those who ask for common rows ask the last is not asked within.
    AlternativeOfAskerLost,
    /// Values of common rows that the first who asks does not read are not there.
    UnreadByFirst,
    /// A comparison that leaves its bound out searches an index with it, and is not asked again.
    BoundSearchedFor,
    /// Two bounds that are the same leave nothing.
    SameBoundsContradict,
    /// A range of another source's value leaves out the bound that it has.
    BandLosesBound,
    /// The least value of a range is taken whatever else is asked of pairs.
    EndOfRangeUnasked,
    /// What an index's range is made of for a row says all that its predicate says, also where that has another bound.
    SpanTellsMore,
    /// What is asked of the pairs of an inner join beside the range of an index that belongs to its rows is lost.
    RestOfRangeUnasked,
    /// The end of an index's range is taken for a row whatever else is asked of pairs.
    SpanEndUnasked,
    /// An index of some records is used if something is asked of its condition's field, whatever that is.
    PartialIndexNotImplied,
    /// A plan that is kept keeps its second value.
    ValueKeptInPlan,
    /// A plan that is kept keeps how many rows are skipped.
    OffsetKeptInPlan,
    /// A plan in which two queries are carried out once because they are equal serves such as are not.
    SharedEqualOnce,
    /// A comparison with something absent holds.
    AbsentCompares,
    /// An absent value is not found in a list that has one.
    AbsentNotInList,
    /// Something without a result is forgotten if the other side of an `&` or an `|` has a result, whichever that is.
    FaultForgotten,
    /// Absent values come first in every order.
    AbsentFirst,
    /// Where one record is enough for a row, no other than the first is looked at.
    OnlyFirstLookedAt,
    /// A value that one group has is counted in no other.
    DistinctOverGroups,
    /// The last row of a frame is not in it.
    FrameEndsEarly,
    /// What lies at the far end of a frame told by distances is not in it.
    RangeEndsEarly,
    /// Of values that a frame has twice one that leaves it is no longer there.
    DistinctGone,
    /// What leaves a frame may be its least or greatest value for one row more.
    LeftFrameLate,
    /// Among the rows of one key, `except_all` takes out all or none.
    ExceptAllUncounted,
    /// An absent value that an index includes is the least one.
    AbsentIncludedIsLeast,
    /// A record that two alternatives hold for comes twice.
    UnionGivesTwice,
    /// Rows that come in no order are taken for ones that come group by group.
    RunsOfNoOrder,
    /// The least of a group is that of the first entry, which an absent value may have.
    LeastOfEachAbsent,
    /// A walk from value to value passes over what begins like the last one.
    JumpTooFar,
    /// The first few of each value are read of an index whatever order they are numbered in.
    FirstInAnyOrder,
    /// Where the first few of each value are wanted no more than the first is read.
    OnlyOneOfEach,
    /// Of the last few of each value those that compare equal come backwards.
    EqualOfEachBackwards,
    /// A skip scan does not search behind the last value.
    LastValueSkipped,
    /// Rows of a left join are taken for paired before their pairs have been filtered.
    PairedTooEarly,
    /// A bound that is left out is in the range of an index that a row has.
    SpanTakesBound,
    /// Entries that a join has found for rows are there again beside those that it finds next.
    EntriesOfBefore,
    /// What is read of the entries that a subquery finds is that of the first.
    EntryOfFirst,
    /// A row without a bound has the range without it.
    SpanOfAbsent,
    /// Rows that have the same of the first of what a subquery reads get one answer.
    SameByFirst,
    /// The rows of a range come in the order of their values, whatever is made of them.
    RangeLosesOrder,
    /// What is asked of rows before a join forgets a key that its table has.
    SieveForgetsKey,
    /// A zero is not asked for where a table has one of the other sign.
    ZerosSieved,
    /// Rows of an anti join without a partner go before.
    AntiJoinSieved,
    /// What is asked of a value of groups is asked of the rows that it is made of.
    GroupsSieved,
    /// What is asked of several values together is not what an absent one of them is there.
    AbsentOfSeveralSieved,
    /// The last record that others may point at is not marked.
    MarkForgotten,
    /// A round of a recursion begins without the last batch that the one before found.
    RoundForgetsRows,
    /// A join of sides in order leaves out the inner rows with the last of the keys that are asked for.
    MergeEndsEarly,
    /// A function has a result though an argument behind the first is absent.
    SecondAbsentForgotten,
    /// A remainder has no sign.
    RemainderUnsigned,
    /// A run of a pattern is of one character at least.
    RunOfNoneForgotten,
    /// The greatest whole number that is not greater is the one nearer to zero.
    FloorTowardsZero,
    /// A day that a month does not have is one of the next.
    MonthGoesOn,
    /// A partition of what was put aside does not come back.
    PartitionLost,
    /// Numbers of rows that were put aside go on from one partition to the next.
    PartitionGoesOn,
    /// A group whose rows follow each other ends where a batch of rows does.
    RunEndsWithBatch,
    /// The last of the groups whose rows follow each other does not come.
    LastRunLost,
    /// Groups that were put aside come in the order of their last rows.
    LastForFirst,
    /// Rows that were answered partition by partition come in the order backwards that they came in.
    AnswersBackwards,
    /// What compares equal to the last of the first few rows by the first term does not come in.
    BarTakesNoEqual,
    /// Rows that come in the order of the first terms of a sort are not sorted by the others.
    EqualOnesUnsorted,
    /// The first of the parts that threads have sorted is not merged.
    SortedPartLost,
    /// Rows of parts that threads have sorted, and that compare equal, come in the order backwards of the parts.
    EqualPartsBackwards,
    /// The last run of sorted rows that were put aside does not come back.
    RunLost,
    /// An operation that goes on after another leaves out the next record.
    RecordLostInPause,
    /// The last of the parts that threads make of a walk is not made.
    PartLost,
    /// Of the first rows of an order that of each part is forgotten.
    FirstOfPartLost,
    /// What is behind the parts that threads have made begins a part too late.
    RestBeginsLate,
}

#[cfg(all(test, not(feature = "small")))]
pub(super) use switch::{Planted, is, is_any};

/// Whether the mistake is in: never, but in tests of a build with all parts.
#[cfg(not(all(test, not(feature = "small"))))]
#[inline]
pub(super) const fn is(_: Bug) -> bool {
    false
}

#[cfg(all(test, not(feature = "small")))]
mod switch {
    use super::Bug;
    use core::cell::Cell;

    std::thread_local! {
        static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
    }

    /// Has a mistake in while it lives, in this thread.
    pub(in crate::engine) struct Planted;

    impl Planted {
        pub(in crate::engine) fn new(bug: Bug) -> Planted {
            PLANTED.set(Some(bug));
            Planted
        }
    }

    impl Drop for Planted {
        fn drop(&mut self) {
            PLANTED.set(None);
        }
    }

    /// Whether the mistake is in.
    pub(in crate::engine) fn is(bug: Bug) -> bool {
        PLANTED.get() == Some(bug)
    }

    /// Whether any is in.
    pub(in crate::engine) fn is_any() -> bool {
        PLANTED.get().is_some()
    }
}
