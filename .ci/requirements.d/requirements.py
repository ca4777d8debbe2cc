#!/usr/bin/env python3
"""Requirements and the tests that name them.

  .ci/requirements --table     writes docs/requirements.md
  .ci/requirements --check     fails if docs/requirements.md differs from what --table would write, or if a rule of
                               mutations.toml does not find its text exactly once in its file
  .ci/requirements [ID...]     breaks one rule at a time in a copy of the tree and expects exactly its tests to fail

The doc comment of a test names its requirement, or `.ci/requirements.d/coverage.tsv` names the test (`*` at the
end of a name stands for any rest). `.ci/requirements.d/unclaimed.tsv` gives the reason for a requirement without a test.
"""
import fnmatch, os, pathlib, re, shutil, subprocess, sys, tempfile, time, tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
DATA = ROOT / ".ci/requirements.d"
PAGE = ROOT / "docs/requirements.md"
# The test targets of sip-core that run for a rule without `tests`.
SUITES = ["lib", "transactions", "dialogs"]


def rows(name):
    lines = (DATA / name).read_text().splitlines()
    return [line.split("\t") for line in lines if line and not line.startswith("#")]


def tracked():
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return listed.stdout.splitlines()


def tests():
    """Every test function with its file and the comment above it."""
    found = []
    for path in tracked():
        if not path.endswith(".rs") or not (ROOT / path).exists():
            continue
        comment, is_test = [], False
        in_proptest = False
        for line in (ROOT / path).read_text().splitlines():
            text = line.strip()
            in_proptest |= text.startswith("proptest!")
            if text.startswith("///"):
                comment.append(text[3:])
            elif text.startswith("#["):
                is_test |= "test" in text.split("(")[0]
            elif match := re.match(r"(?:pub )?(?:async )?fn (\w+)", text):
                if is_test:
                    found.append((match[1], path, " ".join(comment)))
                comment, is_test = [], False
            elif text:
                comment, is_test = [], False
    return found


def broken_rules():
    """The rows of mutations.toml."""
    return tomllib.loads((DATA / "mutations.toml").read_text())["rule"]


def stale(rule, tree):
    """Why a rule cannot be broken in a tree, or None: its text must stand exactly once in its file."""
    file = tree / rule["file"]
    if not file.is_file():
        return f"there is no {rule['file']}"
    count = file.read_text().count(rule["old"])
    return None if count == 1 else f"its text occurs {count} times in {rule['file']}"


def table():
    known = rows("list.tsv")
    found = tests()
    named = {identifier: [] for _, identifier, _ in known}
    faults = []
    for name, path, comment in found:
        for identifier in re.findall(r"[A-Z0-9]+-[A-Za-z0-9.]+(?:-[A-Z]+)?", comment):
            if identifier in named:
                named[identifier].append((name, path))
    for identifier, patterns in rows("coverage.tsv"):
        if identifier not in named:
            faults.append(f"coverage.tsv: no requirement {identifier}")
            continue
        for pattern in patterns.split():
            hits = [(name, path) for name, path, _ in found if fnmatch.fnmatchcase(name, pattern)]
            if not hits:
                faults.append(f"coverage.tsv: {identifier}: no test {pattern}")
            named[identifier] += hits
    partial = dict(rows("partial.tsv"))
    broken = {rule["id"] for rule in broken_rules()}
    faults += [f"{name}: no requirement {one}" for name, listed in
               (("partial.tsv", partial), ("mutations.toml", broken)) for one in listed if one not in named]
    reasons = {}
    for identifier, reason in rows("unclaimed.tsv"):
        for one in named:
            if fnmatch.fnmatchcase(one, identifier) and one not in reasons:
                reasons[one] = reason
    lines = [
        "# Requirements and their tests",
        "",
        "`.ci/requirements --table` writes this page and CI compares it; do not edit it by hand. Each row names the tests that",
        "exercise the requirement and the part that they leave out, or gives the reason why there is none yet. **Broken**:",
        "`.ci/requirements` breaks the rule in a copy of the tree and expects exactly the tests of the rule to fail.",
        "",
    ]
    claimed, parts = 0, 0
    body = []
    section = None
    for heading, identifier, rule in known:
        if heading != section:
            section = heading
            body += ["", f"## {heading}", "", "| requirement | rule | tests |", "|---|---|---|"]
        tests_of = sorted(set(named[identifier]))
        if tests_of:
            claimed += 1
            shown = ", ".join(f"`{name}`" for name in sorted({name for name, _ in tests_of})[:6])
            if len({name for name, _ in tests_of}) > 6:
                shown += f" and {len({name for name, _ in tests_of}) - 6} more"
            if identifier in broken:
                shown = "**Broken**: " + shown
            if identifier in partial:
                parts += 1
                shown += f"; left out: {partial[identifier]}"
        elif identifier in reasons:
            shown = f"not claimed: {reasons[identifier]}"
        else:
            shown = "?"
            faults.append(f"{identifier} has neither a test nor a reason")
        body.append(f"| {identifier} | {rule} | {shown} |")
    lines.append(
        f"{claimed} of {len(known)} requirements have tests, {parts} of these in part; "
        f"{len(broken)} have been broken on purpose."
    )
    for fault in faults:
        print(fault, file=sys.stderr)
    return "\n".join(lines + body) + "\n", faults


def failures(tree, target, suites):
    """The names of the tests that fail, or None if the tree does not build; and the output."""
    chosen = [flag for suite in suites for flag in (["--lib"] if suite == "lib" else ["--test", suite])]
    environment = dict(os.environ, CARGO_TARGET_DIR=str(target), RUST_BACKTRACE="0")
    command = ["cargo", "test", "--quiet", "-p", "sip-ua-core", "--no-fail-fast", *chosen, "--", "--skip", "exploration"]
    run = subprocess.run(command, cwd=tree, env=environment, capture_output=True, text=True, timeout=600)
    if "could not compile" in run.stderr:
        return None, run.stderr
    failed = re.findall(r"^    ([\w:]+)$", run.stdout, re.M)
    return sorted({name.split("::")[-1] for name in failed}), run.stdout


def break_rules(only):
    rules = [rule for rule in broken_rules() if not only or rule["id"] in only]
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "requirements"
    wrong = 0
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        tree = pathlib.Path(scratch)
        for path in tracked():
            if (ROOT / path).is_file():
                (tree / path).parent.mkdir(parents=True, exist_ok=True)
                # A copy has a new modification time, because cargo would otherwise reuse what the last run built from a broken rule.
                shutil.copy(ROOT / path, tree / path)
        every = sorted({suite for rule in rules for suite in rule.get("tests", SUITES)})
        failed, output = failures(tree, target, every)
        if failed != []:
            print(output)
            sys.exit("the tests are not green as they are")
        for rule in rules:
            if why := stale(rule, tree):
                print(f"WRONG {rule['id']} ({rule['what']}): {why}", flush=True)
                wrong += 1
                continue
            file = tree / rule["file"]
            sound = file.read_text()
            file.write_text(sound.replace(rule["old"], rule["new"]))
            failed, output = failures(tree, target, rule.get("tests", SUITES))
            file.write_text(sound)
            if failed == sorted(rule["killed_by"]):
                print(f"ok    {rule['id']}: {len(failed)} failed", flush=True)
            else:
                wrong += 1
                print(f"WRONG {rule['id']} ({rule['what']}): killed by {failed}, expected {sorted(rule['killed_by'])}", flush=True)
                if failed is None:
                    print(output)
    print(f"{len(rules) - wrong} of {len(rules)} broken rules caught by their tests, {time.monotonic() - started:.0f} s")
    sys.exit(wrong != 0)


def main():
    if "--table" in sys.argv:
        text, faults = table()
        PAGE.write_text(text)
        sys.exit(bool(faults))
    if "--check" in sys.argv:
        text, faults = table()
        for rule in broken_rules():
            if why := stale(rule, ROOT):
                faults.append(f"mutations.toml: {rule['id']} ({rule['what']}): {why}")
                print(faults[-1], file=sys.stderr)
        if not PAGE.exists() or PAGE.read_text() != text:
            sys.exit("docs/requirements.md is not up to date: run .ci/requirements --table")
        sys.exit(bool(faults))
    break_rules(sys.argv[1:])


main()
