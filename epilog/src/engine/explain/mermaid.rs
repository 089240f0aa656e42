//! A plan as a Mermaid flowchart: rows flow from the bottom to the top.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Plan, PlanNode};

/// Appends the plan.
pub(super) fn write(plan: &Plan, out: &mut String) -> fmt::Result {
    out.push_str("flowchart BT\n");
    write_node(&plan.root, &mut 0, out).map(|_| ())
}

/// Appends a node and those beneath it; returns its number. `next` is the number of the next one.
fn write_node(node: &PlanNode, next: &mut usize, out: &mut String) -> Result<usize, fmt::Error> {
    let number = *next;
    *next += 1;
    write!(out, "    n{number}[\"{}", node.operator)?;
    if !node.detail.is_empty() {
        out.push(' ');
        write_label(&node.detail, out)?;
    }
    write!(out, "<br/>about {} rows", node.rows)?;
    if let Some(actual) = &node.actual {
        write!(out, ", {} were, {:?}", actual.rows, actual.own)?;
    }
    out.push_str("\"]\n");
    for child in &node.children {
        let below = write_node(child, next, out)?;
        match &child.actual {
            Some(actual) => writeln!(out, "    n{below} -->|\"{}\"| n{number}", actual.rows)?,
            None => writeln!(out, "    n{below} --> n{number}")?,
        }
    }
    Ok(number)
}

/// Appends a text within a quoted label: whatever could mean something there is the code of its character.
fn write_label(text: &str, out: &mut String) -> fmt::Result {
    for char in text.chars() {
        if char.is_alphanumeric() || " .,:=+-*/_()?!".contains(char) {
            out.push(char);
        } else {
            write!(out, "#{};", u32::from(char))?;
        }
    }
    Ok(())
}
