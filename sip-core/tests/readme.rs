//! The loop in the README is the one that the crate's documentation compiles and runs.

#[test]
fn the_loop_of_the_readme_is_the_compiled_one() {
    let readme = include_str!("../../README.md");
    let compiled: Vec<&str> = include_str!("../src/lib.rs")
        .lines()
        .filter_map(|line| line.trim_start().strip_prefix("//!"))
        .map(str::trim)
        .collect();
    let block = readme
        .split("```rust\n")
        .nth(1)
        .expect("a block")
        .split("```")
        .next()
        .expect("its end");
    let lines: Vec<&str> = block
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert!(
        lines.len() >= 15 && lines.iter().any(|line| line.contains("poll_action")),
        "the loop is gone"
    );
    assert!(lines.len() <= 25, "the loop fits into 25 lines");
    for line in lines {
        assert!(
            compiled.contains(&line),
            "not in the crate's documentation: {line}"
        );
    }
}
