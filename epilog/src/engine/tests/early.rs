//! What ends early, and gives what it would if it did not.

use alloc::vec::Vec;

use super::fixture::DraftBuilder;
use super::*;
use crate::engine::physical::PhysicalNode;
use crate::expr::{Clause, OrderTerm, Postfix};

/// Orders by these terms, descending where it is said.
pub(super) fn order(of: DraftBuilder, terms: &[(Postfix, bool)]) -> DraftBuilder {
    let term = |(expression, descending): &(Postfix, bool)| OrderTerm {
        expression: expression.clone(),
        descending: *descending,
        nulls_first: None,
    };
    of.clause(Clause::Order(terms.iter().map(term).collect()))
}

/// As it is by itself, with so little memory, and with four threads.
pub(super) fn controls(memory: usize) -> Vec<Control> {
    let mut controls = Vec::from([Control::default(), Control::default()]);
    controls[1].set_memory(memory);
    #[cfg(feature = "std")]
    {
        controls.push(Control::default());
        controls[2].set_threads(4);
    }
    controls
}

/// The rows of a draft in a thread of its own or in four, and with little memory, are those of its plan when `in_full` has made it read
/// everything, which it says of one operator; the plan as it was carried out.
pub(super) fn check(store: &Store, draft: &Draft, in_full: fn(&mut PhysicalNode) -> usize) -> Plan {
    let snapshot = store.snapshot();
    let operation = snapshot.operation();
    let view = operation.view();
    let mut whole = plan(view, draft, Purpose::Rows, RuleSet::ALL).expect("a plan");
    assert_eq!(in_full(&mut whole.root), 1, "{}", explain(view, draft).expect("a plan"));
    let expected = scalars(Rows::planned(view, whole, Run::default())).expect("rows");
    for control in controls(64 << 10) {
        let rows = controlled(&snapshot, draft, &control).expect("rows");
        assert!(rows == expected, "{rows:?}\n{expected:?}\n{}", explain(view, draft).expect("a plan"));
    }
    assert!(!expected.is_empty());
    analyze(&snapshot, draft, &Control::default()).expect("a plan")
}

/// How many rows the operator gave that is told so.
pub(super) fn read(plan: &Plan, access: &str) -> u64 {
    let operators = plan.operators();
    let found =
        operators.iter().find(|node| format!("{} {}", node.operator, node.detail).starts_with(access));
    found.unwrap_or_else(|| panic!("{access}:\n{plan}")).actual.expect("it was measured").rows
}
