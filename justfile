# Optional: each recipe is one command that works without just.

# Structure, format, lints and core tests, under two minutes on a built tree.
quick:
    .ci/quick

# Every check, under 25 minutes.
all:
    .ci/run

# Every check with the large bounds, hours.
long:
    .ci/run --long

# Circles of files and arrows that run up.
structure:
    .ci/structure

# Links, blocks and shown files of the pages.
pages:
    .ci/pages

# A server and two user agents in one process.
demo:
    cargo run --release -- demo

# All tests of the workspace.
test:
    cargo test --workspace

# All tests, ten times beside four busy loops.
busy:
    .ci/busy

# Times of messages, transactions, calls, registrations and growth.
bench:
    cargo bench -p sip-benches

# Instructions and allocations against the record.
instructions:
    .ci/instructions --check

# Writes docs/requirements.md.
requirements:
    .ci/requirements --table

# Builds and runs every fuzz target: `just fuzz 30`.
fuzz seconds="30":
    .ci/fuzz {{seconds}}

# Licences, banned crates and sources of dependencies.
deny:
    cargo deny --all-features check --hide-inclusion-graph licenses bans sources
