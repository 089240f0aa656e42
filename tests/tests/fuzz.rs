//! The fuzz targets without a fuzzer: over the corpus that is kept, and over bytes at random.
//!
//! `EPILOG_FUZZ=10000` runs so many inputs of each target; with `cargo fuzz`, see `tests/fuzz`.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use epilog_tests::fuzz::TARGETS;
use epilog_tests::random::Random;

#[test]
fn no_input_of_the_corpus_is_a_finding() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for target in TARGETS {
        let directory = corpus.join(target.name);
        let inputs =
            fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
        let mut count = 0;
        for input in inputs {
            let path = input.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes)));
            assert!(outcome.is_ok(), "{} with {}", target.name, path.display());
            count += 1;
        }
        assert!(count > 0, "{} has no corpus", target.name);
    }
}

#[test]
fn no_random_input_is_a_finding() {
    let count = std::env::var("EPILOG_FUZZ").ok().and_then(|count| count.parse().ok()).unwrap_or(30);
    for target in TARGETS {
        for seed in 0..count {
            let mut random = Random::new(seed);
            let mut bytes = vec![0; random.below(400) as usize];
            random.fill(&mut bytes);
            let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(&bytes)));
            assert!(outcome.is_ok(), "{} with the random bytes of seed {seed}", target.name);
        }
    }
}
