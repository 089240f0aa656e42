#!/usr/bin/env bash
# What queries cost the compiler: CPU time of 200 distinct queries in one file, beside Diesel's.
#
#   tests/compile_cost.sh [ROUNDS, 5 if not said] [KIND.. of check, debug and release; all if not said]
#
# Makes four small crates below target/compile_cost: for either library, one with 1 query and one with 200, over the same
# structure: one to four conditions, an order, a limit. Compiles each again and again, dependencies once, and
# prints of each the median, and of each library what one of the other 199 costs: (the 200's - the 1's) / 199.
# Needs a C compiler, as Diesel's SQLite does.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rounds=${1:-5}
read -r -a kinds <<<"${*:2}"
((${#kinds[@]})) || kinds=(check debug release)
root=$PWD
work=$root/target/compile_cost
export CARGO_TARGET_DIR=$work/target

# Conditions by number: of Epilog, and of Diesel.
epilog_conditions=('u.age.ge(%d)' 'u.active.eq(true)' 'u.name.starts_with("n%d")' 'u.score.lt(%d.5)')
diesel_conditions=('users::age.ge(%d)' 'users::active.eq(true)' 'users::name.like("n%d%%%%")' 'users::score.lt(%d.5)')

# The queries of a library, so many: `queries LIBRARY COUNT`.
queries() {
    local i part chosen
    for ((i = 0; i < $2; i++)); do
        chosen=$((i % 15 + 1))
        if [[ $1 == epilog ]]; then
            printf 'pub fn q%d(db: &Database<Users>) -> Result<Vec<User>, epilog::Error> {\n    User::query()' "$i"
        else
            printf 'pub fn q%d(db: &mut SqliteConnection) -> QueryResult<Vec<User>> {\n    users::table' "$i"
        fi
        for part in 0 1 2 3; do
            ((chosen >> part & 1)) || continue
            # shellcheck disable=SC2059
            if [[ $1 == epilog ]]; then
                printf ".filter(|u| ${epilog_conditions[part]})" "$i"
            else
                printf ".filter(${diesel_conditions[part]})" "$i"
            fi
        done
        if [[ $1 == epilog ]]; then
            printf '.order_by(|u| u.score.desc()).limit(%d).all(db)\n}\n' $((i + 1))
        else
            printf '.order(users::score.desc()).limit(%d).select(User::as_select()).load(db)\n}\n' $((i + 1))
        fi
    done
}

model() {
    if [[ $1 == epilog ]]; then
        cat <<'RUST'
use epilog::prelude::*;

#[derive(Collection)]
pub struct User {
    pub id: Id<User>,
    pub name: String,
    pub email: String,
    #[index]
    pub age: i32,
    pub score: f64,
    pub active: bool,
    pub bio: Option<String>,
}

epilog::schema!(pub Users { User });

RUST
    else
        cat <<'RUST'
use diesel::prelude::*;

diesel::table! {
    users { id -> Integer, name -> Text, email -> Text, age -> Integer, score -> Double, active -> Bool, bio -> Nullable<Text>, }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub struct User {
    pub id: i32,
    pub name: String,
    pub email: String,
    pub age: i32,
    pub score: f64,
    pub active: bool,
    pub bio: Option<String>,
}

RUST
    fi
}

dependency() {
    if [[ $1 == epilog ]]; then
        echo "epilog = { path = \"$root/epilog\" }"
    else
        echo 'diesel = { version = "2", features = ["sqlite"] }'
        echo 'libsqlite3-sys = { version = "*", features = ["bundled"] }'
    fi
}

# CPU seconds of one compilation of a crate whose dependencies are there: `compile CRATE check|debug|release`.
compile() {
    local arguments
    case $2 in
        check) arguments=(check) ;;
        debug) arguments=(build) ;;
        release) arguments=(build --release) ;;
        *) echo "there is no kind $2" >&2 && exit 1 ;;
    esac
    touch "$work/$1/src/lib.rs"
    TIMEFORMAT='%U %S'
    { time CARGO_INCREMENTAL=0 cargo "${arguments[@]}" --quiet --manifest-path "$work/$1/Cargo.toml" >&2; } 2>&1 |
        awk 'END { printf "%.3f\n", $1 + $2 }'
}

median() {
    sort -n | awk '{ of[NR] = $1 } END { print of[int((NR + 1) / 2)] }'
}

for library in epilog diesel; do
    for count in 1 200; do
        crate=$library-$count
        mkdir -p "$work/$crate/src"
        {
            printf '[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n\n[workspace]\n\n[dependencies]\n' "$crate"
            dependency "$library"
        } >"$work/$crate/Cargo.toml"
        { model "$library" && queries "$library" "$count"; } >"$work/$crate/src/lib.rs"
    done
done

printf '%-8s %-8s %12s %12s %18s\n' '' library '1 query, s' '200, s' 'each of 199, ms'
for kind in "${kinds[@]}"; do
    # What they depend on, and a first time.
    for crate in epilog-1 epilog-200 diesel-1 diesel-200; do
        compile "$crate" "$kind" >/dev/null
        : >"$work/$crate.seconds"
    done
    for ((round = 0; round < rounds; round++)); do
        for crate in epilog-1 epilog-200 diesel-1 diesel-200; do
            compile "$crate" "$kind" >>"$work/$crate.seconds"
        done
    done
    for library in epilog diesel; do
        one=$(median <"$work/$library-1.seconds")
        many=$(median <"$work/$library-200.seconds")
        each=$(awk -v a="$one" -v b="$many" 'BEGIN { printf "%.2f", (b - a) / 199 * 1000 }')
        printf '%-8s %-8s %12s %12s %18s\n' "$kind" "$library" "$one" "$many" "$each"
    done
done
