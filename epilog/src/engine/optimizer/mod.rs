//! The optimizer: logical plan to logical plan, the same answer with less work.
//!
//! Each rule is a file. The rules run once each, in the order of [`RULES`], which matters: conjuncts are split before they
//! are moved, moved before limits are, and what nobody reads any more is removed last. In debug builds the plan is verified
//! after each rule. Rules know the plan and nothing else: access paths and methods are chosen in `physical`, where
//! statistics are.
//!
//! With the feature `small` there are those rules only without which a query finds no index, or keeps more than it gives.

#[cfg(not(feature = "small"))]
mod became;
#[cfg(not(feature = "small"))]
mod common_parts;
mod decorrelate;
mod drop_distinct;
#[cfg(not(feature = "small"))]
mod drop_joins;
mod drop_sorts;
#[cfg(not(feature = "small"))]
mod early_groups;
mod factor_alternatives;
mod fold_constants;
mod index_ends;
#[cfg(not(feature = "small"))]
mod join_distinct;
mod join_filters;
#[cfg(not(feature = "small"))]
mod join_nested;
#[cfg(not(feature = "small"))]
mod join_order;
mod key_through_relation;
mod kinds;
#[cfg(not(feature = "small"))]
mod lift_conditions;
mod merge_alternatives;
#[cfg(not(feature = "small"))]
mod merge_ranges;
#[cfg(not(feature = "small"))]
mod propagate_constants;
mod prune_unused;
#[cfg(not(feature = "small"))]
mod push_common_filters;
mod push_filters;
mod push_group_filters;
mod push_limits;
mod push_negations;
#[cfg(not(feature = "small"))]
mod push_set_filters;
mod push_window_filters;
mod reduce_group_keys;
#[cfg(not(feature = "small"))]
mod row_groups;
mod split_conjuncts;
mod strengthen_joins;

use super::estimate::Statistics;
use super::logical::{LogicalPlan, check};
use crate::parts;
use kinds::Kinds;

pub(super) use push_window_filters::is_sure_below;

/// A rewrite.
pub struct Rule {
    /// Its name, as the file's.
    pub name: &'static str,
    /// It changes nothing in a plan that has no node of these.
    of: Kinds,
    /// Rewrites a plan.
    apply: Apply,
}

/// How a rule rewrites a plan.
enum Apply {
    /// By the plan alone.
    Alone(fn(LogicalPlan) -> LogicalPlan),
    /// With what is known of the data.
    #[cfg(not(feature = "small"))]
    Knowing(fn(LogicalPlan, &dyn Statistics) -> LogicalPlan),
}

impl Rule {
    #[cfg_attr(
        feature = "small",
        expect(unused_variables, reason = "no rule of a small build asks for them")
    )]
    fn run(&self, plan: LogicalPlan, statistics: &dyn Statistics) -> LogicalPlan {
        match self.apply {
            Apply::Alone(apply) => apply(plan),
            #[cfg(not(feature = "small"))]
            Apply::Knowing(apply) => apply(plan, statistics),
        }
    }
}

/// All rules, in the order they run.
pub const RULES: &[Rule] = if parts::REWRITES {
    &[
        fold_constants::RULE,
        push_negations::RULE,
        split_conjuncts::RULE,
        factor_alternatives::RULE,
        merge_alternatives::RULE,
        #[cfg(not(feature = "small"))]
        merge_ranges::RULE,
        key_through_relation::RULE,
        drop_distinct::RULE,
        strengthen_joins::RULE,
        join_filters::RULE,
        #[cfg(not(feature = "small"))]
        lift_conditions::RULE,
        decorrelate::RULE,
        #[cfg(not(feature = "small"))]
        push_common_filters::RULE,
        push_group_filters::RULE,
        push_window_filters::RULE,
        push_filters::RULE,
        #[cfg(not(feature = "small"))]
        join_nested::RULE,
        #[cfg(not(feature = "small"))]
        push_set_filters::RULE,
        #[cfg(not(feature = "small"))]
        drop_joins::RULE,
        #[cfg(not(feature = "small"))]
        propagate_constants::RULE,
        reduce_group_keys::RULE,
        drop_sorts::RULE,
        #[cfg(not(feature = "small"))]
        join_distinct::RULE,
        #[cfg(not(feature = "small"))]
        join_order::RULE,
        #[cfg(not(feature = "small"))]
        early_groups::RULE,
        #[cfg(not(feature = "small"))]
        row_groups::RULE,
        index_ends::RULE,
        push_limits::RULE,
        prune_unused::RULE,
        #[cfg(not(feature = "small"))]
        common_parts::RULE,
    ]
} else {
    &[split_conjuncts::RULE, push_limits::RULE]
};

/// A set of rules, by their positions in [`RULES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleSet(u32);

impl RuleSet {
    /// Every rule.
    pub const ALL: RuleSet = RuleSet((1 << RULES.len()) - 1);
    /// No rule: the plan as lowered.
    pub const NONE: RuleSet = RuleSet(0);

    /// The same set without the rule called `name`.
    ///
    /// # Panics
    ///
    /// When there is no such rule.
    #[must_use]
    pub fn without(self, name: &str) -> RuleSet {
        let position = RULES.iter().position(|rule| rule.name == name).expect("the name of a rule");
        RuleSet(self.0 & !(1 << position))
    }

    /// Whether the rule at `position` is in the set.
    pub fn contains(self, position: usize) -> bool {
        self.0 & (1 << position) != 0
    }
}

/// Runs the rules of `rules` over a plan of data about which `statistics` knows.
pub fn optimize(mut plan: LogicalPlan, rules: RuleSet, statistics: &dyn Statistics) -> LogicalPlan {
    let mut kinds = Kinds::of(&plan.root);
    for (position, rule) in RULES.iter().enumerate() {
        if !rules.contains(position) {
            continue;
        }
        if !rule.of.meet(kinds) {
            continue;
        }
        plan = rule.run(plan, statistics);
        kinds = Kinds::of(&plan.root);
        debug_assert_eq!(check(&plan), Ok(()), "after rule {}:\n{plan}", rule.name);
    }
    plan
}

#[cfg(test)]
pub(crate) mod tests {
    use alloc::string::{String, ToString};
    use alloc::vec::Vec;

    use super::*;
    use crate::engine::fixture::{self, Made};
    use crate::engine::logical::{Node, Purpose, lower};
    use crate::expr::Draft;
    use crate::schema::Catalog;

    /// The plan of a draft before and after one rule, preceded by the rules that it builds on.
    pub(crate) fn before_and_after(draft: &Draft, rule: &str, after: &[&str]) -> (String, String) {
        let catalog = fixture::catalog();
        let mut plan = lower(&catalog, draft, Purpose::Rows).expect("a draft that can be planned");
        for name in after {
            plan = find(name).run(plan, &Made);
        }
        let before = plan.to_string();
        let once = find(rule).run(plan, &Made);
        check(&once).expect("a sound plan");
        let text = once.to_string();
        assert_eq!(find(rule).run(once, &Made).to_string(), text, "{rule} is idempotent");
        (before, text)
    }

    /// The rules that change the plan of a draft.
    pub(crate) fn fired(catalog: &Catalog, draft: &Draft, statistics: &dyn Statistics) -> Vec<&'static str> {
        let mut plan = lower(catalog, draft, Purpose::Rows).expect("a draft that can be planned");
        let mut fired = Vec::new();
        for rule in RULES {
            let before = plan.root.clone();
            plan = rule.run(plan, statistics);
            if plan.root != before {
                // Filters come together by others as well.
                let together = |root: Node| {
                    push_filters::RULE.run(LogicalPlan { root, ..plan.clone() }, statistics).root
                };
                let is_for = rule.of.meet(Kinds::of(&before));
                assert!(
                    is_for || together(before) == together(plan.root.clone()),
                    "{} would be skipped",
                    rule.name
                );
                fired.push(rule.name);
            }
        }
        fired
    }

    fn find(name: &str) -> &'static Rule {
        RULES.iter().find(|rule| rule.name == name).expect("the name of a rule")
    }

    #[test]
    fn a_set_leaves_out_what_it_is_told_to() {
        let without = RuleSet::ALL.without("push_limits");
        let position = RULES.iter().position(|rule| rule.name == "push_limits").expect("a rule");
        assert!(!without.contains(position) && without.contains(0));
        assert!((0..RULES.len()).all(|position| !RuleSet::NONE.contains(position)));
    }
}
