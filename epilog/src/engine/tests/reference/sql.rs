//! Drafts in SQL, for SQLite to answer: written from the rows outwards, one derived table around the other for each clause,
//! and by nothing that our own planner does.
//!
//! SQLite has no lists: theirs are compared as the bytes that they are here, and what is asked of their elements is left to the
//! reference alone. What is not said in SQL with the same meaning (some [`functions`], frames that SQLite refuses, the first of peers) has no
//! translation. `NaN`, which SQLite does not store, is infinity there: that is greater than every number of the data, too, and
//! equal to itself.

pub(super) mod functions;

use alloc::string::{String, ToString};

use super::*;
use crate::value::decimal::DecimalParts;

/// A draft in SQL.
pub(super) struct Question {
    pub(super) sql: String,
    /// Whether the rows come in an order that is told.
    pub(super) ordered: bool,
    /// What the columns are.
    pub(super) columns: Vec<Columns>,
}

/// One or several columns of a result.
pub(super) enum Columns {
    Value,
    /// A record of so many fields, after its number, which is absent where the record is.
    Record(usize),
}

/// What an expression is translated in: how what it names is called.
#[derive(Clone, Default)]
struct Names<'q> {
    /// For each source its collection, and what comes before a field's ordinal.
    sources: Vec<(usize, String)>,
    /// What comes before the number of a window, a key, an aggregate.
    windows: String,
    keys: String,
    aggregates: (String, Vec<&'q AggregateItem>),
}

/// Rows as they are after some clauses.
struct Rows<'q> {
    sql: String,
    /// The collections of the sources, unless they are groups.
    sources: Vec<usize>,
    /// How many keys a group has, where rows are groups.
    keys: Option<usize>,
    aggregates: Vec<&'q AggregateItem>,
    /// What the rows are ordered by: columns, and how. `None` if they come in any order.
    order: Option<Vec<String>>,
    /// Whether the keys of the sources, which orders end in, leave some rows in any order.
    tied: bool,
    windows: usize,
    selected: Option<&'q [SelectItem]>,
}

impl Rows<'_> {
    /// What the rows are ordered by, if that leaves none in any order.
    fn told(&self) -> Option<&[String]> {
        self.order.as_deref().filter(|_| !self.tied)
    }
}

/// The translation of a draft.
pub(super) struct Writer<'d> {
    collections: &'d [Collection],
    /// How many names have been given.
    names: usize,
    /// What the rounds of recursions begin with, and how many values that has, the innermost last.
    previous: Vec<(String, usize)>,
}

impl<'d> Writer<'d> {
    pub(super) fn new(collections: &'d [Collection]) -> Writer<'d> {
        Writer { collections, names: 0, previous: Vec::new() }
    }

    /// The draft in SQL, if it can be said.
    pub(super) fn question(&mut self, draft: &Draft) -> Option<Question> {
        let rows = self.rows(draft)?;
        let (names, at) = self.names_of(&rows);
        let mut columns = Vec::new();
        let mut items = Vec::new();
        let mut record = |(collection, before): &(usize, String), number: String, items: &mut Vec<String>| {
            let count = (self.collections[*collection].0)().fields.len();
            items.push(number);
            items.extend((0..count).map(|ordinal| format!("{before}{ordinal}")));
            columns.push(Columns::Record(count));
        };
        match (rows.selected, rows.keys) {
            (None, None) => {
                for (source, of) in names.sources.iter().enumerate() {
                    record(of, format!("{at}.s{source}_k"), &mut items);
                }
            }
            (None, Some(count)) => {
                items.extend((0..count).map(|key| format!("{at}.g{key}")));
                columns.extend(items.iter().map(|_| Columns::Value));
            }
            (Some(selected), _) => {
                for item in selected {
                    let SelectItem::Value(value) = item else { return None };
                    items.push(self.expression(value, &names)?);
                    columns.push(Columns::Value);
                }
            }
        }
        // One group without a value is a row without a column.
        if items.is_empty() {
            return None;
        }
        let order = rows.order.as_ref().map(|order| format!(" ORDER BY {}", order.join(", ")));
        let sql = format!(
            "SELECT {} FROM ({}) AS {at}{}",
            items.join(", "),
            rows.sql,
            order.as_deref().unwrap_or("")
        );
        Some(Question { sql, ordered: rows.told().is_some(), columns })
    }

    fn name(&mut self, letter: char) -> String {
        self.names += 1;
        format!("{letter}{}", self.names)
    }

    /// What expressions over these rows call things, and the name of the rows themselves.
    fn names_of<'q>(&mut self, rows: &Rows<'q>) -> (Names<'q>, String) {
        let at = self.name('t');
        let sources = rows.sources.iter().enumerate();
        let names = Names {
            sources: sources.map(|(source, of)| (*of, format!("{at}.s{source}_"))).collect(),
            windows: format!("{at}.w"),
            keys: format!("{at}.g"),
            aggregates: (format!("{at}.a"), rows.aggregates.clone()),
        };
        (names, at)
    }

    fn collection(&self, schema: &'static CollectionSchema) -> usize {
        let found = self.collections.iter().position(|(of, _)| core::ptr::eq(of(), schema));
        found.expect("a collection of the schema")
    }

    /// The columns of a collection's records as those of source number `source`, from a table called `of`.
    fn source(&self, collection: usize, source: usize, of: &str) -> String {
        let count = (self.collections[collection].0)().fields.len();
        let fields = (0..count).map(|ordinal| format!("{of}.f{ordinal} AS s{source}_{ordinal}"));
        let columns: Vec<String> = core::iter::once(format!("{of}.k AS s{source}_k")).chain(fields).collect();
        columns.join(", ")
    }

    fn table(&self, collection: usize) -> &'static str {
        (self.collections[collection].0)().name
    }

    fn rows<'q>(&mut self, draft: &'q Draft) -> Option<Rows<'q>> {
        let root = self.collection((draft.root)());
        let mut rows = Rows {
            sql: format!("SELECT {} FROM {} AS r", self.source(root, 0, "r"), self.table(root)),
            sources: Vec::from([root]),
            keys: None,
            aggregates: Vec::new(),
            order: Some(Vec::from(["s0_k".to_string()])),
            tied: false,
            windows: 0,
            selected: None,
        };
        for (place, clause) in draft.clauses.iter().enumerate() {
            if let Clause::Select(items) = clause {
                rows.selected = Some(items);
                continue;
            }
            let (names, at) = self.names_of(&rows);
            let sql = &rows.sql;
            match clause {
                Clause::Filter(predicate) => {
                    let predicate = self.expression(predicate, &names)?;
                    rows.sql = format!("SELECT {at}.* FROM ({sql}) AS {at} WHERE ({predicate}) IS 1");
                }
                Clause::Order(terms) => {
                    let mut columns = Vec::new();
                    let mut order = Vec::new();
                    for term in terms {
                        let column = self.name('o');
                        columns
                            .push(format!(", ({}) AS {column}", self.expression(&term.expression, &names)?));
                        order.push(format!("{column}{}", direction(term)));
                    }
                    rows.sql = format!("SELECT {at}.*{} FROM ({sql}) AS {at}", columns.concat());
                    order.extend(rows.order.take().unwrap_or_default());
                    rows.order = Some(order);
                }
                Clause::Limit(count) => rows.sql = ordered(&rows, &at, &format!("LIMIT {count}"))?,
                Clause::Offset(count) => rows.sql = ordered(&rows, &at, &format!("LIMIT -1 OFFSET {count}"))?,
                Clause::Join { collection, on, kind } => {
                    let inner = self.collection(collection());
                    let number = rows.sources.len();
                    let of = self.name('j');
                    let mut names = names;
                    names.sources.push((inner, format!("{of}.f")));
                    let on = self.expression(on, &names)?;
                    let kind = if *kind == JoinKind::Left { "LEFT JOIN" } else { "JOIN" };
                    rows.sql = format!(
                        "SELECT {at}.*, {} FROM ({sql}) AS {at} {kind} {} AS {of} ON ({on}) IS 1",
                        self.source(inner, number, &of),
                        self.table(inner),
                    );
                    rows.sources.push(inner);
                    rows.order = rows.order.map(|mut order| {
                        order.push(format!("s{number}_k"));
                        order
                    });
                    rows.selected = None;
                }
                Clause::Grouping(keys) => {
                    let asked = aggregates(&draft.clauses[place + 1..]);
                    rows.sql = self.grouped(sql, &at, keys, &asked, &names)?;
                    rows.keys = Some(keys.len());
                    rows.aggregates = asked;
                    (rows.sources, rows.order, rows.windows, rows.selected) = (Vec::new(), None, 0, None);
                    rows.tied = false;
                }
                Clause::Distinct => {
                    let (values, count) = self.values(&rows)?;
                    rows = of_values(format!("SELECT DISTINCT * FROM ({values})"), count);
                }
                Clause::Set(other, kind, _) => {
                    let (left, count) = self.values(&rows)?;
                    let other = self.rows(other)?;
                    let (right, _) = self.values(&other)?;
                    rows = of_values(put(&left, &right, *kind, count), count);
                }
                Clause::Window(items, _) => {
                    let mut columns = Vec::new();
                    for item in items.iter() {
                        let value = self.window(item, &names, &rows)?;
                        columns.push(format!(", {value} AS w{}", rows.windows));
                        rows.windows += 1;
                    }
                    rows.sql = format!("SELECT {at}.*{} FROM ({sql}) AS {at}", columns.concat());
                }
                Clause::LimitPer(keys, count, _) => {
                    let mut by = Vec::new();
                    for key in keys.iter() {
                        by.push(format!("({})", self.expression(key, &names)?));
                    }
                    let by = if by.is_empty() { "NULL".to_string() } else { by.join(", ") };
                    let order = rows.told()?.join(", ");
                    let (number, around) = (self.name('n'), self.name('t'));
                    rows.sql = format!(
                        "SELECT {around}.* FROM (SELECT {at}.*, row_number() OVER (PARTITION BY {by} ORDER BY {order}) \
                         AS {number} FROM ({sql}) AS {at}) AS {around} WHERE {number} <= {count}"
                    );
                }
                Clause::Common(_) => {
                    let (values, count) = self.values(&rows)?;
                    rows = of_values(values, count);
                }
                Clause::JoinQuery(other, kind, _) => {
                    let other_rows = self.rows(&other.0)?;
                    let (right, count) = self.values(&other_rows)?;
                    let of = self.name('j');
                    let first = rows.windows;
                    let columns: Vec<String> =
                        (0..count).map(|number| format!("g{number} AS w{}", first + number)).collect();
                    // Values of windows are called the same on neither side.
                    let names = Names { windows: "w".to_string(), ..names };
                    let on = self.expression(&other.1, &names)?;
                    let kind = if *kind == JoinKind::Left { "LEFT JOIN" } else { "JOIN" };
                    rows.sql = format!(
                        "SELECT {at}.*, {of}.* FROM ({sql}) AS {at} {kind} (SELECT {} FROM ({right})) AS {of} ON ({on}) IS 1",
                        columns.join(", "),
                    );
                    rows.windows += count;
                    (rows.order, rows.tied) = (None, true);
                }
                Clause::Recursive(recursion, _) => {
                    // A table of a recursion is not to be named in a subquery there, so that its rounds are written out. Each begins with
                    // all that the one before gave, new or not.
                    let (begin, count) = self.values(&rows)?;
                    let mut rounds = Vec::from([format!("SELECT * FROM ({begin})")]);
                    for round in 0..recursion.rounds? as usize {
                        self.previous.push((rounds[round].clone(), count));
                        let step = self.rows(&recursion.step).and_then(|step| self.values(&step));
                        self.previous.pop();
                        rounds.push(format!("SELECT * FROM ({})", step?.0));
                    }
                    // By itself the first would keep what is there twice.
                    rows = of_values(format!("SELECT DISTINCT * FROM ({})", rounds.join(" UNION ")), count);
                }
                Clause::Previous(_) => {
                    let (previous, count) = self.previous.last().cloned()?;
                    rows = of_values(previous, count);
                }
                _ => return None,
            }
        }
        Some(rows)
    }

    /// Rows of nothing but values, `g0` and so on, and how many.
    fn values(&mut self, rows: &Rows<'_>) -> Option<(String, usize)> {
        let (names, at) = self.names_of(rows);
        let mut items = Vec::new();
        match (rows.selected, rows.keys) {
            (Some(selected), _) => {
                for item in selected {
                    let SelectItem::Value(value) = item else { return None };
                    items.push(format!("({}) AS g{}", self.expression(value, &names)?, items.len()));
                }
            }
            (None, Some(count)) => items.extend((0..count).map(|key| format!("{at}.g{key} AS g{key}"))),
            (None, None) => return None,
        }
        let count = items.len();
        Some((format!("SELECT {} FROM ({}) AS {at}", items.join(", "), rows.sql), count))
    }

    /// Groups: the keys as `g0`, the aggregates that are asked for as `a0`. What they are of is calculated before, so that no
    /// aggregate is taken for one of the rows around it.
    fn grouped(
        &mut self,
        sql: &str,
        at: &str,
        keys: &[Postfix],
        asked: &[&AggregateItem],
        names: &Names<'_>,
    ) -> Option<String> {
        let mut before = Vec::from(["1 AS one".to_string()]);
        let mut after = Vec::new();
        for (number, key) in keys.iter().enumerate() {
            before.push(format!("({}) AS g{number}", self.expression(key, names)?));
            after.push(format!("g{number}"));
        }
        let by = match keys.len() {
            0 => String::new(),
            _ => format!(" GROUP BY {}", after.join(", ")),
        };
        for (number, item) in asked.iter().enumerate() {
            let aggregate = self.aggregate(item, names, number, &mut before)?;
            after.push(format!("{aggregate} AS a{number}"));
        }
        if after.is_empty() {
            after.push("count(*) AS rows_of_it".to_string());
        }
        let (before, after) = (before.join(", "), after.join(", "));
        Some(format!("SELECT {after} FROM (SELECT {before} FROM ({sql}) AS {at}){by}"))
    }

    /// An aggregate over columns that are appended to `before`.
    fn aggregate(
        &mut self,
        item: &AggregateItem,
        names: &Names<'_>,
        number: usize,
        before: &mut Vec<String>,
    ) -> Option<String> {
        use AggregateFunction as F;
        let of = match &item.argument {
            None => "*".to_string(),
            Some(argument) => {
                before.push(format!("({}) AS p{number}", self.expression(argument, names)?));
                format!("p{number}")
            }
        };
        let only = match &item.filter {
            None => String::new(),
            Some(filter) => {
                before.push(format!("({}) AS q{number}", self.expression(filter, names)?));
                format!(" FILTER (WHERE q{number} IS 1)")
            }
        };
        Some(match item.function {
            F::Count => format!("count({of}){only}"),
            F::CountDistinct => format!("count(DISTINCT {of}){only}"),
            F::Sum => format!("coalesce(sum({of}){only}, 0)"),
            F::Avg => format!("avg({of}){only}"),
            F::Min => format!("min({of}){only}"),
            F::Max => format!("max({of}){only}"),
            F::Median => format!("median({of}){only}"),
            F::Variance => format!("variance({of}){only}"),
            F::StdDev => format!("deviation({of}){only}"),
            // They are in the order of rows, and these are groups.
            F::StringAgg { .. } | F::ArrayAgg => return None,
        })
    }

    fn window(&mut self, item: &WindowItem, names: &Names<'_>, rows: &Rows<'_>) -> Option<String> {
        use AggregateFunction as F;
        use WindowFunction as W;
        let argument = match &item.argument {
            Some(argument) => format!("({})", self.expression(argument, names)?),
            None => "*".to_string(),
        };
        let mut framed = false;
        let by_row = matches!(item.function, W::RowNumber | W::Ntile(_) | W::Lag(_) | W::Lead(_));
        let of_frame = matches!(item.function, W::First | W::Last | W::Nth(_) | W::Aggregate(_));
        let places =
            matches!(item.function, W::First | W::Last | W::Nth(_) | W::Aggregate(F::StringAgg { .. }));
        let function = match &item.function {
            W::RowNumber => "row_number()".to_string(),
            W::Rank => "rank()".to_string(),
            W::DenseRank => "dense_rank()".to_string(),
            W::PercentRank => "percent_rank()".to_string(),
            W::CumeDist => "cume_dist()".to_string(),
            W::Ntile(buckets) => format!("ntile({buckets})"),
            W::Lag(by) => format!("lag({argument}, {by})"),
            W::Lead(by) => format!("lead({argument}, {by})"),
            W::First => format!("first_value({argument})"),
            W::Last => format!("last_value({argument})"),
            W::Nth(number) => format!("nth_value({argument}, {number})"),
            W::Aggregate(F::Count) => format!("count({argument})"),
            W::Aggregate(F::Sum) => format!("sum({argument})"),
            W::Aggregate(F::Avg) => format!("avg({argument})"),
            W::Aggregate(F::Min) => format!("min({argument})"),
            W::Aggregate(F::Max) => format!("max({argument})"),
            // Of texts that leave a frame SQLite forgets an empty first one's separator.
            W::Aggregate(F::StringAgg { separator }) => {
                format!("group_concat(char(57344) || {argument}, '{separator}')")
            }
            W::Aggregate(F::CountDistinct) => format!("different({argument})"),
            W::Aggregate(F::Median) => format!("median({argument})"),
            W::Aggregate(F::Variance) => format!("variance({argument})"),
            W::Aggregate(F::StdDev) => format!("deviation({argument})"),
            W::Aggregate(F::ArrayAgg) => return None,
        };
        let mut over = Vec::new();
        if !item.partition.is_empty() {
            let mut by = Vec::new();
            for key in &item.partition {
                by.push(format!("({})", self.expression(key, names)?));
            }
            over.push(format!("PARTITION BY {}", by.join(", ")));
        }
        let mut order = Vec::new();
        for term in &item.order {
            order.push(format!("({}){}", self.expression(&term.expression, names)?, direction(term)));
        }
        let rows_of_frame = of_frame && item.frame.unit == FrameUnit::Rows;
        if by_row || rows_of_frame {
            // Peers stay in the order that they came in.
            if rows.tied {
                return None;
            }
            order.extend(rows.order.iter().flatten().cloned());
        } else if places {
            return None;
        }
        if order.is_empty() {
            order.push("NULL".to_string());
        }
        over.push(format!("ORDER BY {}", order.join(", ")));
        if of_frame {
            framed = true;
            let unit = match item.frame.unit {
                FrameUnit::Rows => "ROWS",
                FrameUnit::Groups => "GROUPS",
                FrameUnit::Range => "RANGE",
            };
            // The numbers of random drafts that stand for floats are far from those that stand for integers.
            let of_floats =
                |distance: &i64| item.frame.unit == FrameUnit::Range && distance.unsigned_abs() > 1 << 40;
            let sign = |distance: Option<i64>, open: i64| match distance {
                Some(distance) if of_floats(&distance) => {
                    let distance = f64::from_bits(distance as u64);
                    if distance < 0.0 { -1 } else { i64::from(distance > 0.0) }
                }
                distance => distance.unwrap_or(open),
            };
            let (start, end) = (sign(item.frame.start, i64::MIN), sign(item.frame.end, i64::MAX));
            // SQLite refuses frames that begin on one side of the row and end on the other before it.
            if start.signum() > end.signum() {
                return None;
            }
            // Beyond 64 bits it calculates in floats, by which the least and greatest integers are any short distance from themselves.
            let may_be_far = || match item.order.first().map(|term| term.expression.ops.as_slice()) {
                Some([Op::Field(path)]) => {
                    self.type_of(*path, names).and_then(Type::width).is_none_or(|width| width > 4)
                }
                _ => true,
            };
            let is_integer = ![item.frame.start, item.frame.end].iter().flatten().any(of_floats);
            let is_beside = start.signum() * end.signum() > 0;
            if item.frame.unit == FrameUnit::Range && is_integer && is_beside && may_be_far() {
                return None;
            }
            let bound = |distance: Option<i64>, open: &str| match distance {
                None => open.to_string(),
                Some(0) => "CURRENT ROW".to_string(),
                Some(distance) if of_floats(&distance) => {
                    let distance = f64::from_bits(distance as u64);
                    let side = if distance < 0.0 { "PRECEDING" } else { "FOLLOWING" };
                    format!("{} {side}", distance.abs())
                }
                Some(distance) => {
                    let side = if distance < 0 { "PRECEDING" } else { "FOLLOWING" };
                    format!("{} {side}", distance.unsigned_abs().min(1_000_000))
                }
            };
            over.push(format!(
                "{unit} BETWEEN {} AND {}",
                bound(item.frame.start, "UNBOUNDED PRECEDING"),
                bound(item.frame.end, "UNBOUNDED FOLLOWING")
            ));
        }
        let value = format!("{function} OVER ({})", over.join(" "));
        Some(match item.function {
            W::Aggregate(F::Sum) if framed => format!("coalesce({value}, 0)"),
            W::Aggregate(F::StringAgg { .. }) => format!("replace({value}, char(57344), '')"),
            _ => value,
        })
    }

    /// A field at the end of a path.
    fn field(&self, path: FieldPath, names: &Names<'_>) -> String {
        let (source, before) = &names.sources[usize::from(path.row.position())];
        let mut collection = *source;
        let ordinals: Vec<u16> = path.row.hops().chain([path.ordinal]).collect();
        let mut value = format!("{before}{}", ordinals[0]);
        for pair in ordinals.windows(2) {
            let reference = (self.collections[collection].0)().fields[usize::from(pair[0])].reference;
            collection = self.collection((reference.expect("a relation").target)());
            value = format!("(SELECT f{} FROM {} WHERE f0 = {value})", pair[1], self.table(collection));
        }
        value
    }

    /// The type of a field at the end of a path, if it is one of a record.
    fn type_of(&self, path: FieldPath, names: &Names<'_>) -> Option<Type> {
        let (source, _) = names.sources.get(usize::from(path.row.position()))?;
        let end = path.row.hops().fold(*source, |collection, hop| {
            let reference = (self.collections[collection].0)().fields[usize::from(hop)].reference;
            self.collection((reference.expect("a relation").target)())
        });
        (self.collections[end].0)().fields.get(usize::from(path.ordinal)).map(|field| field.ty)
    }

    fn expression(&mut self, expression: &Postfix, names: &Names<'_>) -> Option<String> {
        use BinaryOp as B;
        use UnaryOp as U;
        let mut stack: Vec<String> = Vec::new();
        let mut types = typed::Types::default();
        for op in &expression.ops {
            let operands =
                types.step(op, &|path| match path.row == RowPath::WINDOWS || is_element(path.row) {
                    true => None,
                    false => self.type_of(path, names),
                });
            let sql = match op {
                Op::Field(path) if path.row == RowPath::WINDOWS => {
                    format!("{}{}", names.windows, path.ordinal)
                }
                Op::Field(path) => self.field(*path, names),
                // SQLite's texts end where that is.
                Op::Literal(Scalar::Int(0), Type::Char) => return None,
                Op::Literal(value, _) => literal(value)?,
                Op::Unary(op) => {
                    let of = stack.pop()?;
                    match op {
                        U::Not => format!("NOT ({of})"),
                        U::IsNone => format!("({of}) IS NULL"),
                        U::IsSome => format!("({of}) IS NOT NULL"),
                        _ => functions::unary(*op, operands[0], &of)?,
                    }
                }
                Op::Binary(op) => {
                    let (right, left) = (stack.pop()?, stack.pop()?);
                    match op {
                        B::And => format!("(({left}) IS 1 AND ({right}) IS 1)"),
                        B::Or => format!("(({left}) IS 1 OR ({right}) IS 1)"),
                        B::Eq => format!("(({left}) IS ({right}))"),
                        B::Ne => format!("(({left}) IS NOT ({right}))"),
                        B::Lt => format!("coalesce(({left}) < ({right}), 0)"),
                        B::Le => format!("coalesce(({left}) <= ({right}), 0)"),
                        B::Gt => format!("coalesce(({left}) > ({right}), 0)"),
                        B::Ge => format!("coalesce(({left}) >= ({right}), 0)"),
                        B::StartsWith => {
                            // A part of no bytes is no bytes of its own.
                            format!(
                                "coalesce(CASE WHEN length({right}) = 0 THEN ({left}) IS NOT NULL ELSE \
                                 substr({left}, 1, length({right})) = ({right}) END, 0)"
                            )
                        }
                        B::EndsWith => format!(
                            "coalesce(CASE WHEN length({right}) = 0 THEN ({left}) IS NOT NULL WHEN length({left}) < \
                             length({right}) THEN 0 ELSE substr({left}, -length({right})) = ({right}) END, 0)"
                        ),
                        B::Contains => format!("coalesce(instr({left}, {right}) > 0, 0)"),
                        B::OrElse => format!("coalesce({left}, {right})"),
                        _ => functions::binary(*op, operands[0], &left, &right)?,
                    }
                }
                Op::Between => {
                    let (high, low, of) = (stack.pop()?, stack.pop()?, stack.pop()?);
                    format!("(coalesce(({of}) >= ({low}), 0) AND coalesce(({of}) <= ({high}), 0))")
                }
                Op::In(count) => {
                    let candidates = stack.split_off(stack.len() - *count as usize);
                    let of = stack.pop()?;
                    let tests = candidates.iter().map(|candidate| format!(" OR ({of}) IS ({candidate})"));
                    format!("(0{})", tests.collect::<String>())
                }
                Op::If => {
                    let (otherwise, then, condition) = (stack.pop()?, stack.pop()?, stack.pop()?);
                    format!("(CASE WHEN ({condition}) IS 1 THEN {then} ELSE {otherwise} END)")
                }
                Op::Key(number) => format!("{}{number}", names.keys),
                Op::Aggregate(item) => {
                    let place = names.aggregates.1.iter().position(|known| *known == &**item)?;
                    format!("{}{place}", names.aggregates.0)
                }
                Op::Subquery(subquery) => self.subquery(subquery, names)?,
                Op::Scalar(draft, _) => {
                    let rows = self.rows(draft)?;
                    let (values, count) = self.values(&rows)?;
                    assert_eq!(count, 1, "a scalar query has one value");
                    format!("({values})")
                }
                Op::InQuery(draft, _) => {
                    let of = stack.pop()?;
                    let rows = self.rows(draft)?;
                    let (values, _) = self.values(&rows)?;
                    let at = self.name('i');
                    format!("(EXISTS (SELECT 1 FROM ({values}) AS {at} WHERE {at}.g0 IS ({of})))")
                }
                Op::Call(function, count) => {
                    let arguments = stack.split_off(stack.len() - usize::from(*count));
                    let of = operands.first().copied().flatten();
                    let types = operands.into_iter().collect::<Option<Vec<Type>>>();
                    let known = types.and_then(|types| functions::call(*function, &types, &arguments));
                    known.or_else(|| call(*function, of, &arguments))?
                }
                _ => return None,
            };
            stack.push(sql);
        }
        stack.pop()
    }

    fn subquery(&mut self, subquery: &Subquery, names: &Names<'_>) -> Option<String> {
        let inner = self.collection((subquery.collection)());
        let at = self.name('x');
        let mut inside = Names::default();
        let mut conditions = Vec::new();
        match subquery.link {
            Link::Reverse { row, ordinal } => {
                let key = self.field(FieldPath { row, ordinal: 0 }, names);
                conditions.push(format!("{at}.f{ordinal} = {key}"));
            }
            Link::Correlated { .. } => inside = names.clone(),
        }
        inside.sources.push((inner, format!("{at}.f")));
        let mut holds = Vec::new();
        if let Some(predicate) = &subquery.predicate {
            holds.push(format!("({}) IS 1", self.expression(predicate, &inside)?));
        }
        if let Some((value, of_row)) = subquery.equal.as_deref() {
            let (value, of_row) = (self.expression(value, &inside)?, self.expression(of_row, names)?);
            holds.push(format!("({value}) IS ({of_row})"));
        }
        let holds = if holds.is_empty() { "1".to_string() } else { holds.join(" AND ") };
        if let Quantifier::All = subquery.quantifier {
            conditions.push(format!("NOT ({holds})"));
        } else {
            conditions.push(holds);
        }
        let from = format!("FROM {} AS {at} WHERE {}", self.table(inner), conditions.join(" AND "));
        Some(match &subquery.quantifier {
            Quantifier::Any => format!("(EXISTS (SELECT 1 {from}))"),
            Quantifier::All => format!("(NOT EXISTS (SELECT 1 {from}))"),
            Quantifier::Count => format!("(SELECT count(*) FROM (SELECT 1 {from}))"),
            Quantifier::Aggregate(item, _) => {
                let mut before = Vec::from(["1 AS one".to_string()]);
                let aggregate = self.aggregate(item, &inside, 0, &mut before)?;
                format!("(SELECT {aggregate} FROM (SELECT {} {from}))", before.join(", "))
            }
        })
    }
}

/// Rows of nothing but values.
fn of_values<'q>(sql: String, count: usize) -> Rows<'q> {
    Rows {
        sql,
        sources: Vec::new(),
        keys: Some(count),
        aggregates: Vec::new(),
        order: None,
        tied: false,
        windows: 0,
        selected: None,
    }
}

/// The rows in their order, and what is asked of that.
fn ordered(rows: &Rows<'_>, at: &str, what: &str) -> Option<String> {
    let order = rows.told()?.join(", ");
    Some(format!("SELECT {at}.* FROM ({}) AS {at} ORDER BY {order} {what}", rows.sql))
}

/// How the values of a term are ordered; `NULL` is the least of SQLite, too.
fn direction(term: &OrderTerm) -> &'static str {
    match (term.descending, term.nulls_first) {
        (false, None | Some(true)) => " ASC NULLS FIRST",
        (false, Some(false)) => " ASC NULLS LAST",
        (true, None | Some(false)) => " DESC NULLS LAST",
        (true, Some(true)) => " DESC NULLS FIRST",
    }
}

fn put(left: &str, right: &str, kind: SetKind, count: usize) -> String {
    let columns: Vec<String> = (0..count).map(|column| format!("g{column}")).collect();
    let columns = columns.join(", ");
    // How often a row is there makes it another row.
    let numbered = |of: &str| {
        format!("SELECT {columns}, row_number() OVER (PARTITION BY {columns}) AS often FROM ({of})")
    };
    let both = |left: &str, word: &str, right: &str| {
        format!("SELECT * FROM ({left}) {word} SELECT * FROM ({right})")
    };
    match kind {
        SetKind::Union => both(left, "UNION", right),
        SetKind::UnionAll => both(left, "UNION ALL", right),
        SetKind::Intersect => both(left, "INTERSECT", right),
        SetKind::Except => both(left, "EXCEPT", right),
        SetKind::IntersectAll | SetKind::ExceptAll => {
            let word = if kind == SetKind::ExceptAll { "EXCEPT" } else { "INTERSECT" };
            format!("SELECT {columns} FROM ({})", both(&numbered(left), word, &numbered(right)))
        }
    }
}

/// What later clauses ask of groups, each once.
fn aggregates(clauses: &[Clause]) -> Vec<&AggregateItem> {
    let mut found: Vec<&AggregateItem> = Vec::new();
    for clause in clauses {
        let expressions: Vec<&Postfix> = match clause {
            Clause::Filter(predicate) => Vec::from([predicate]),
            Clause::Order(terms) => terms.iter().map(|term| &term.expression).collect(),
            Clause::Select(items) => items
                .iter()
                .filter_map(|item| if let SelectItem::Value(value) = item { Some(value) } else { None })
                .collect(),
            Clause::Window(items, _) => items
                .iter()
                .flat_map(|item| {
                    let order = item.order.iter().map(|term| &term.expression);
                    item.argument.iter().chain(&item.partition).chain(order)
                })
                .collect(),
            Clause::LimitPer(keys, ..) => keys.iter().collect(),
            Clause::Grouping(keys) => keys.iter().collect(),
            _ => Vec::new(),
        };
        for op in expressions.iter().flat_map(|expression| &expression.ops) {
            if let Op::Aggregate(item) = op
                && !found.contains(&&**item)
            {
                found.push(item);
            }
        }
        if let Clause::Grouping(_)
        | Clause::Distinct
        | Clause::Set(..)
        | Clause::Common(_)
        | Clause::Recursive(..) = clause
        {
            break;
        }
    }
    found
}

/// A value in SQL.
pub(super) fn literal(value: &Scalar) -> Option<String> {
    Some(match value {
        Scalar::Null => "NULL".to_string(),
        Scalar::Bool(value) => i32::from(*value).to_string(),
        Scalar::Int(value) => i64::try_from(*value).ok()?.to_string(),
        Scalar::Float(value) if value.is_nan() => "9e999".to_string(),
        Scalar::Float(value) => format!("{value:?}"),
        Scalar::String(text) => format!("'{}'", text.replace('\'', "''")),
        Scalar::Uint(value) => i64::try_from(*value).ok()?.to_string(),
        Scalar::Decimal(value) => thousandths(*value)?.to_string(),
        Scalar::Uuid(bytes) => return literal(&Scalar::Bytes(bytes.to_vec())),
        // Bytes, or a list. SQLite has none, but its bytes compare as the list does.
        Scalar::Bytes(bytes) => {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("X'{}'", digits.concat())
        }
        _ => return None,
    })
}

/// A decimal as SQLite has it, which has none: those that there are here have three digits after the point at most.
pub(super) fn thousandths(value: DecimalParts) -> Option<i128> {
    Some(value.mantissa * 10i128.pow(3u32.checked_sub(value.scale)?))
}

fn call(function: Function, ty: Option<Type>, arguments: &[String]) -> Option<String> {
    use Function as F;
    let is_decimal = ty == Some(Type::Decimal);
    Some(match (function, arguments) {
        (F::Least, [a, b]) => format!("min({a}, {b})"),
        (F::Greatest, [a, b]) => format!("max({a}, {b})"),
        // As many digits as variances are asked for; of others SQLite tells ties by another text.
        (F::Round, [of, digits]) if matches!(digits.as_str(), "0" | "6") && !is_decimal => {
            format!("round({of}, {digits})")
        }
        (F::Concat, [a, b]) => format!("({a} || {b})"),
        // SQLite does not look at what to put in where there is nothing to look for.
        (F::Replace, [of, from, to]) => format!("iif({to} IS NULL, NULL, replace({of}, {from}, {to}))"),
        (F::PositionOf, [of, part]) => format!("(nullif(instr({of}, {part}), 0) - 1)"),
        _ => return None,
    })
}
