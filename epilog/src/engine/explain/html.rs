//! A plan as a page of HTML that needs nothing else, and runs nothing.

use alloc::string::String;
use core::fmt::{self, Write};

use super::{Plan, PlanNode};

/// By so many times an estimate is off before that is marked.
const OFF_MIN: u64 = 10;

const HEAD: &str = r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Query plan</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em; color: #222; background: #fff }
ul { list-style: none; margin: 0; padding-left: 1.5em; border-left: 1px solid #ccc }
body > ul { padding: 0; border: 0 }
li { margin: .4em 0 }
code { background: #f3f3f3; padding: 0 .3em; white-space: pre-wrap; overflow-wrap: anywhere }
.rows, .kept { color: #666; margin-left: .6em }
.off { color: #b00020; font-weight: bold; margin-left: .6em }
.bar { height: .35em; width: 20em; background: #eee }
.bar i { display: block; height: 100%; background: #3b78c3 }
</style>
</head>
<body>
<h1>Query plan</h1>
"#;

/// Appends the plan.
pub(super) fn write(plan: &Plan, out: &mut String) -> fmt::Result {
    out.push_str(HEAD);
    let total = plan.root.actual.as_ref().map_or(0, |actual| actual.elapsed.as_nanos());
    if let Some(actual) = &plan.root.actual {
        writeln!(
            out,
            "<p>{} rows in {:?}. A bar is an operator's own part of the time.</p>",
            actual.rows, actual.elapsed
        )?;
    }
    out.push_str("<ul>\n");
    write_node(&plan.root, total, out)?;
    out.push_str("</ul>\n</body>\n</html>\n");
    Ok(())
}

fn write_node(node: &PlanNode, total: u128, out: &mut String) -> fmt::Result {
    out.push_str("<li><b>");
    write_text(node.operator, out);
    out.push_str("</b>");
    if !node.detail.is_empty() {
        out.push_str(" <code>");
        write_text(&node.detail, out);
        out.push_str("</code>");
    }
    write!(out, "<span class=\"rows\">about {} rows", node.rows)?;
    if let Some(actual) = &node.actual {
        let batch = if actual.batches == 1 { "batch" } else { "batches" };
        write!(out, ", {} were, in {} {batch}", actual.rows, actual.batches)?;
    }
    out.push_str("</span>");
    if let Some(actual) = &node.actual {
        match off_by(node.rows, actual.rows) {
            (times, true) if times >= OFF_MIN => {
                write!(out, "<span class=\"off\">{times} times more than expected</span>")?
            }
            (times, false) if times >= OFF_MIN => {
                write!(out, "<span class=\"off\">{times} times fewer than expected</span>")?
            }
            _ => {}
        }
        write!(out, "<span class=\"kept\">{:?}, {:?} of its own", actual.elapsed, actual.own)?;
        if actual.memory > 0 {
            write!(out, ", {} bytes kept", actual.memory)?;
        }
        if actual.spilled > 0 {
            write!(out, ", {} bytes put aside", actual.spilled)?;
        }
        let share = actual.own.as_nanos() as f64 * 100.0 / (total as f64).max(1.0);
        write!(out, "</span>\n<div class=\"bar\"><i style=\"width:{:.1}%\"></i></div>", share.min(100.0))?;
    }
    if !node.alternatives.is_empty() {
        out.push_str("\n<details><summary>Why this way</summary>\n<ul>\n");
        for of in &node.alternatives {
            out.push_str(if of.taken { "<li>taken: " } else { "<li>not " });
            write_text(&of.way, out);
            if let Some(cost) = of.cost_ns {
                write!(out, ", {} µs", cost.div_ceil(1000))?;
            }
            out.push_str(": ");
            write_text(&of.reason, out);
            out.push_str("</li>\n");
        }
        out.push_str("</ul></details>");
    }
    if !node.children.is_empty() {
        out.push_str("\n<ul>\n");
        for child in &node.children {
            write_node(child, total, out)?;
        }
        out.push_str("</ul>");
    }
    out.push_str("</li>\n");
    Ok(())
}

/// By how many times `actual` differs from what was estimated, and whether it is more. None counts as one.
fn off_by(estimated: u64, actual: u64) -> (u64, bool) {
    let (estimated, actual) = (estimated.max(1), actual.max(1));
    (actual.max(estimated) / actual.min(estimated), actual > estimated)
}

/// Appends a text, of which nothing is markup.
fn write_text(text: &str, out: &mut String) {
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(char),
        }
    }
}
