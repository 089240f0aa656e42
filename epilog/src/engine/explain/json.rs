//! A plan as JSON.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Plan, PlanNode};

/// Appends the plan.
pub(super) fn write(plan: &Plan, out: &mut String) -> fmt::Result {
    write_node(&plan.root, out)
}

fn write_node(node: &PlanNode, out: &mut String) -> fmt::Result {
    out.push_str("{\"operator\":");
    write_text(node.operator, out)?;
    out.push_str(",\"detail\":");
    write_text(&node.detail, out)?;
    write!(out, ",\"rows\":{}", node.rows)?;
    #[cfg(feature = "std")]
    if node.threads > 1 {
        write!(out, ",\"threads\":{}", node.threads)?;
    }
    if let Some(actual) = &node.actual {
        write!(out, ",\"actual\":{{\"rows\":{},\"batches\":{}", actual.rows, actual.batches)?;
        let (elapsed, own) = (actual.elapsed.as_nanos(), actual.own.as_nanos());
        write!(out, ",\"elapsed_ns\":{elapsed},\"own_ns\":{own}")?;
        write!(out, ",\"memory_bytes\":{},\"spilled_bytes\":{}}}", actual.memory, actual.spilled)?;
    }
    if !node.alternatives.is_empty() {
        write_list("alternatives", &node.alternatives, out, |of, out| {
            out.push_str("{\"way\":");
            write_text(&of.way, out)?;
            match of.cost_ns {
                Some(cost) => write!(out, ",\"cost_ns\":{cost}")?,
                None => out.push_str(",\"cost_ns\":null"),
            }
            write!(out, ",\"taken\":{},\"reason\":", of.taken)?;
            write_text(&of.reason, out)?;
            out.push('}');
            Ok(())
        })?;
    }
    if let Some(inner) = &node.inner {
        out.push_str(",\"inner\":");
        write_node(inner, out)?;
    }
    write_list("children", &node.children, out, write_node)?;
    out.push('}');
    Ok(())
}

/// Appends a member that is a list.
fn write_list<T>(
    name: &str,
    items: &[T],
    out: &mut String,
    write_item: impl Fn(&T, &mut String) -> fmt::Result,
) -> fmt::Result {
    write!(out, ",\"{name}\":[")?;
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            out.push(',');
        }
        write_item(item, out)?;
    }
    out.push(']');
    Ok(())
}

/// Appends a text (RFC 8259, section 7). What could end a script that it stands in is escaped as well.
fn write_text(text: &str, out: &mut String) -> fmt::Result {
    out.push('"');
    for char in text.chars() {
        match char {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => write!(out, "\\u{:04x}", u32::from(char))?,
            _ if u32::from(char) < 0x20 || char == '\u{7f}' => write!(out, "\\u{:04x}", u32::from(char))?,
            _ => out.push(char),
        }
    }
    out.push('"');
    Ok(())
}
