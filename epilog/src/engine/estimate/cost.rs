//! [`Costs`]: what work on one row costs, in nanoseconds.

/// What work costs, in nanoseconds on the machine that this was measured on: ratios count, not values.
///
/// The consequence that matters: reading a record through an index costs as much as scanning some sixty, so that an index
/// range loses to a scan when it holds more than one or two in a hundred of the records.
#[derive(Clone, Copy, Debug)]
pub struct Costs {
    /// A record of a full scan, its fixed fields only.
    pub scan_record: f64,
    /// A test on a fixed field.
    pub test_fixed: f64,
    /// A test on a string, or anything else that leaves the fixed row.
    pub test_variable: f64,
    /// Finding the place of a key in a tree.
    pub seek: f64,
    /// Reading an index entry that follows another.
    pub entry: f64,
    /// Fetching one of many records by rank.
    pub fetch: f64,
    /// Fetching one of many records by ascending rank, when they lie close together.
    pub fetch_near: f64,
    /// Sorting a row.
    pub sort: f64,
    /// Putting a rank among others into its order.
    pub sort_rank: f64,
    /// Offering a row to a top-N heap.
    pub top: f64,
    /// Putting a row into a hash table.
    pub build: f64,
    /// Looking for a row in a hash table.
    pub probe: f64,
    /// Making a pair of rows, and testing it.
    pub pair: f64,
    /// Plans are made as if a collection had at least so many records: a choice that only a nearly empty collection
    /// justifies would have to be made again soon.
    pub rows_min: f64,
}

impl Default for Costs {
    fn default() -> Costs {
        Costs {
            scan_record: 3.0,
            test_fixed: 1.0,
            test_variable: 10.0,
            seek: 400.0,
            entry: 2.0,
            fetch: 180.0,
            fetch_near: 60.0,
            sort: 60.0,
            sort_rank: 8.0,
            top: 10.0,
            build: 30.0,
            probe: 12.0,
            pair: 15.0,
            rows_min: 1000.0,
        }
    }
}
