//! What it costs to build a query, to find its plan and to run it, in memory, with allocations: `cargo bench -p epilog --bench
//! plans`.

// Small builds keep no plans.
#[cfg(feature = "small")]
fn main() {}

#[cfg(not(feature = "small"))]
fn main() {
    kept::main();
}

#[cfg(not(feature = "small"))]
mod kept {
    #![allow(missing_docs, reason = "a program, not a library")]

    use divan::{AllocProfiler, Bencher, black_box};
    use epilog::engine::{Control, plans};
    use epilog::prelude::*;
    use epilog::query::{Compiled, Query, Reads};

    #[global_allocator]
    static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

    pub(crate) fn main() {
        divan::main();
    }

    #[derive(Collection, Clone, Debug)]
    struct User {
        id: Id<User>,
        name: String,
        #[unique]
        email: String,
        #[index]
        age: u8,
        score: f64,
        active: bool,
    }

    epilog::schema!(App { User });

    const COUNT: u64 = 1_000;

    fn loaded(plans: usize) -> Database<App> {
        let db: Database<App> = Options::default().plan_cache(plans).in_memory().expect("a sound schema");
        let user = |n: u64| {
            let mixed = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
            User {
                id: Id::new(n),
                name: format!("user {n:011}"),
                email: format!("{mixed:016x}@mail.io"),
                age: (mixed >> 57) as u8,
                score: (mixed >> 11) as f64 / (1u64 << 53) as f64,
                active: mixed & 1 == 0,
            }
        };
        let users: Vec<User> = (1..=COUNT).map(user).collect();
        db.write(|tx| tx.insert_all(&users).map(|_| ())).expect("fresh records");
        db
    }

    fn point(email: &str) -> Query<User, User> {
        User::query().filter(|u| u.email.eq(email))
    }

    fn small(score: f64) -> Query<User, User> {
        User::query().filter(|u| u.score.ge(score) & u.active).order_by(|u| u.score.desc()).limit(10)
    }

    static SMALL: Compiled<(f64,), User> = Compiled::new(|(score,)| {
        User::query().filter(|u| u.score.ge(score) & u.active).order_by(|u| u.score.desc()).limit(10)
    });

    fn indexed(age: u8) -> Query<User, User> {
        User::query().filter(|u| u.age.eq(age)).limit(10)
    }

    fn by_key(id: u64) -> Query<User, User> {
        User::query().filter(|u| u.id.ge(Id::new(id))).limit(100)
    }

    #[divan::bench]
    fn build_point(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| drop(black_box(point(black_box("9e3779b97f4a7c15@mail.io")))));
    }

    #[divan::bench]
    fn build_point_by_key(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| drop(black_box(User::query().filter(|u| u.id.eq(Id::new(black_box(7)))))));
    }

    #[divan::bench]
    fn build_small(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| drop(black_box(small(black_box(0.5)))));
    }

    #[divan::bench]
    fn build_small_compiled(bencher: Bencher<'_, '_>) {
        bencher.bench_local(|| drop(black_box(SMALL.with((black_box(0.5),)))));
    }

    /// Builds a query and looks for its plan.
    fn find(bencher: Bencher<'_, '_>, make: impl Fn() -> Query<User, User>) {
        let db = loaded(256);
        let tx = db.read().expect("a snapshot");
        make().all(&tx).expect("rows");
        let control = Control::default();
        tx.with_view(|view| {
            bencher.bench_local(|| assert!(plans::is_kept(view, make().draft(), &control)));
            Ok(())
        })
        .expect("a view");
    }

    #[divan::bench]
    fn find_small(bencher: Bencher<'_, '_>) {
        find(bencher, || small(black_box(0.5)));
    }

    /// By two threads at a time.
    #[divan::bench(threads = 2)]
    fn find_small_by_two(bencher: Bencher<'_, '_>) {
        let db = loaded(256);
        small(0.5).all(&db).expect("rows");
        bencher.bench(|| {
            let tx = db.read().expect("a snapshot");
            let control = Control::default();
            let looked = tx.with_view(|view| {
                Ok((0..100).all(|_| plans::is_kept(view, small(black_box(0.5)).draft(), &control)))
            });
            assert!(looked.expect("a view"));
        });
    }

    #[divan::bench]
    fn find_small_compiled(bencher: Bencher<'_, '_>) {
        find(bencher, || SMALL.with((black_box(0.5),)));
    }

    #[divan::bench]
    fn find_indexed(bencher: Bencher<'_, '_>) {
        find(bencher, || indexed(black_box(5)));
    }

    #[divan::bench]
    fn find_by_key(bencher: Bencher<'_, '_>) {
        find(bencher, || by_key(black_box(500)));
    }

    fn run(bencher: Bencher<'_, '_>, plans: usize, make: impl Fn() -> Query<User, User>) {
        let db = loaded(plans);
        let tx = db.read().expect("a snapshot");
        bencher.bench_local(|| make().exists(&tx).expect("rows"));
    }

    #[divan::bench(args = [0, 256])]
    fn run_small(bencher: Bencher<'_, '_>, plans: usize) {
        run(bencher, plans, || small(black_box(0.5)));
    }

    #[divan::bench(args = [0, 256])]
    fn run_indexed(bencher: Bencher<'_, '_>, plans: usize) {
        run(bencher, plans, || indexed(black_box(5)));
    }

    #[divan::bench(args = [0, 256])]
    fn run_by_key(bencher: Bencher<'_, '_>, plans: usize) {
        run(bencher, plans, || by_key(black_box(500)));
    }
}
