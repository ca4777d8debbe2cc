"""Checks every page (.md) of the repository, and prints one line for each fault.

- A relative link names a file or folder that exists, and its anchor a heading of that page.
- Every page of docs/ is a chapter in docs/SUMMARY.md.
- A Rust block is compiled: the page is included as documentation by a crate (`doc = include_str!`), or the block shows a file. No block is marked `ignore`,
  and none has a line that rustdoc alone hides.
- A block after `<!-- file: PATH -->` shows that file: both are equal. `--write` copies the file into the page.
- A path in code quotes that begins with a folder of the repository exists.
- The table between the marks in docs/rfcs.md has the counts of docs/requirements.md; `--write` writes it.

`--self-test` checks that planted faults are found.
"""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ {0,3}(```+|~~~+)\s*([^\n`]*)$")
LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|<(?:a|img)\s[^>]*(?:href|src)=\"([^\"]+)\"")
QUOTED_PATH = re.compile(r"`((?:sip-core|sip-parse|adapters|benches|fuzz|docs|\.ci)/[A-Za-z0-9_./-]+)`")
SHOWN = re.compile(r"^<!-- file: (\S+) -->$")
BEGIN, END = "<!-- begin rules -->", "<!-- end rules -->"


def files(pattern):
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", pattern],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split("\n")
    return sorted({name for name in listed if name and (ROOT / name).is_file()})


def blocks(text):
    """Yields (line number, language, code, the line before) of each fenced block; the prose is what is left."""
    prose, lines, number, before = [], text.split("\n"), 0, ""
    found = []
    while number < len(lines):
        opening = FENCE.match(lines[number])
        if not opening:
            prose.append(lines[number])
            before = lines[number].strip() or before
            number += 1
            continue
        start, mark, code = number, opening[1], []
        number += 1
        while number < len(lines) and not lines[number].strip().startswith(mark):
            code.append(lines[number])
            number += 1
        number += 1
        found.append((start + 1, opening[2].strip(), "".join(f"{line}\n" for line in code), before))
        before = ""
        prose.extend([""] * (number - start))
    return found, prose


def anchors(text):
    found, prose = set(), blocks(text)[1]
    for line in prose:
        heading = re.match(r"^ {0,3}#{1,6}\s+(.*?)\s*#*\s*$", line)
        if heading:
            title = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1])
            slug = re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            unique, count = slug, 0
            while unique in found:
                count += 1
                unique = f"{slug}-{count}"
            found.add(unique)
        found.update(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", line))
    return found


def check_links(page, text, read, exists):
    for number, line in enumerate(blocks(text)[1], 1):
        line = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", lambda code: "" if "](" in code[0] else code[0], line)
        for target in (first or second for first, second in LINK.findall(line)):
            if re.match(r"^[a-z][a-z0-9+.-]*:", target):
                continue
            name, _, anchor = target.partition("#")
            place = (pathlib.PurePosixPath(page).parent / name).as_posix() if name else page
            place = normal(place)
            if place is None or not exists(place):
                yield f"{page}:{number}: the link to {target} leads nowhere"
            elif anchor and place.endswith(".md") and anchor not in anchors(read(place)):
                yield f"{page}:{number}: {place} has no heading #{anchor}"


def normal(place):
    parts = []
    for part in place.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)


def check_blocks(page, text, included, read, exists):
    for number, language, code, before in blocks(text)[0]:
        words = re.split(r"[,\s]+", language)
        shown = SHOWN.match(before)
        if words[0] == "rust" or (words[0] in ("", "no_run", "should_panic") and page in included and language != ""):
            if any(word.startswith("ignore") for word in words):
                yield f"{page}:{number}: a Rust block is marked ignore"
            if re.search(r"^# |^#$", code, re.MULTILINE):
                yield f"{page}:{number}: a line that rustdoc hides shows wherever else the page is read"
            if page not in included and not shown:
                yield f"{page}:{number}: no crate includes this page, so its Rust block is not compiled"
        if shown:
            place = normal((pathlib.PurePosixPath(page).parent / shown[1]).as_posix())
            if place is None or not exists(place):
                yield f"{page}:{number}: the file that the block shows is not there: {shown[1]}"
            elif read(place) != code:
                yield f"{page}:{number}: the block differs from {place}"


def check_paths(page, text, exists):
    if page == "CHANGELOG.md":
        return  # It names what was there at the time.
    for number, line in enumerate(blocks(text)[1], 1):
        for path in QUOTED_PATH.findall(line):
            if "..." not in path and not exists(path.rstrip("/")) and not exists(f"{path}.rs"):
                yield f"{page}:{number}: {path} is not there"


def check_summary(pages, read):
    summary = read("docs/SUMMARY.md")
    listed = [normal("docs/" + target.partition("#")[0]) for target, _ in LINK.findall(summary)]
    for page in pages:
        if re.fullmatch(r"docs/[^/]+\.md", page) and page != "docs/SUMMARY.md" and page not in listed:
            yield f"docs/SUMMARY.md: {page} is not a chapter"
    for page in listed:
        if listed.count(page) > 1:
            yield f"docs/SUMMARY.md: {page} is a chapter twice"


def included_pages():
    found = set()
    for source in files("*.rs"):
        text = (ROOT / source).read_text()
        for target in re.findall(r"doc = include_str!\(\"([^\"]+\.md)\"\)", text):
            found.add(normal((pathlib.PurePosixPath(source).parent / target).as_posix()))
    return found


def rules_table(requirements):
    """Counts the rules of each RFC in docs/requirements.md."""
    counts = {}
    for line in requirements.split("\n"):
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) < 5 or not re.match(r"\d{4}", cells[1]):
            continue
        count = counts.setdefault(cells[1][:4], [0, 0, 0])
        count[0] += 1
        if cells[3].startswith("not claimed"):
            count[2] += 1
        elif "left out:" in cells[3]:
            count[1] += 1
    rows = ["| RFC | rules | tested whole | tested in part | not claimed |", "|---|---|---|---|---|"]
    for rfc, (all_, partly, none) in sorted(counts.items()):
        rows.append(f"| {rfc} | {all_} | {all_ - partly - none} | {partly or ''} | {none or ''} |")
    total = [sum(column) for column in zip(*counts.values())]
    rows.append(f"| all | {total[0]} | {total[0] - total[1] - total[2]} | {total[1]} | {total[2]} |")
    return "\n".join(rows)


def with_table(text, requirements):
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{rules_table(requirements)}\n\n{END}{tail}"


def with_files(page, text, read):
    """The page with the files that its blocks show."""
    lines = text.split("\n")
    for number, _, code, before in reversed(blocks(text)[0]):
        shown = SHOWN.match(before)
        if shown:
            file = read(normal((pathlib.PurePosixPath(page).parent / shown[1]).as_posix()))
            lines[number : number + len(code.split("\n")) - 1] = file.rstrip("\n").split("\n")
    return "\n".join(lines)


def check_all():
    read = lambda name: (ROOT / name).read_text()
    exists = lambda name: (ROOT / name).exists()
    pages, included = files("*.md"), included_pages()
    for page in pages:
        text = read(page)
        yield from check_links(page, text, read, exists)
        yield from check_blocks(page, text, included, read, exists)
        yield from check_paths(page, text, exists)
    yield from check_summary(pages, read)
    table = read("docs/rfcs.md")
    if with_table(table, read("docs/requirements.md")) != table:
        yield "docs/rfcs.md: the counts are not those of docs/requirements.md; .ci/pages --write writes them"


def self_test():
    read = {"a.md": "# A heading, with `code`\n## Twice\n## Twice\n", "x/file.rs": "fn main() {}\n", "docs/SUMMARY.md": "[a](a.md)\n[a](a.md)"}.__getitem__
    exists = {"a.md", "x", "x/file.rs", "x/b.md"}.__contains__
    links = lambda text: list(check_links("x/b.md", text, read, exists))
    assert not links("[a](../a.md#a-heading-with-code) [b](../a.md#twice-1) [c](file.rs) [d](https://example.com/x)\n```\n[e](none.md)\n```\n`[f](none)`")
    assert len(links("[a](none.md)")) == 1
    assert len(links("[a](../a.md#none)")) == 1
    assert len(links("[a](../../out.md)")) == 1
    assert len(links("<a href=\"none.md\">a</a> ![p](none.png)")) == 2
    rust = lambda text, included: list(check_blocks("x/b.md", text, included, read, exists))
    assert not rust("```rust,no_run\nfn main() {}\n```", {"x/b.md"})
    assert len(rust("```rust\nfn main() {}\n```", set())) == 1
    assert len(rust("```rust,ignore\nfn main() {}\n```", {"x/b.md"})) == 1
    assert len(rust("```rust\n# fn main() {}\n```", {"x/b.md"})) == 1
    assert not rust("<!-- file: file.rs -->\n\n```rust\nfn main() {}\n```", {"x/b.md"})
    assert len(rust("<!-- file: file.rs -->\n```rust\nfn main() { }\n```", {"x/b.md"})) == 1
    assert not rust("<!-- file: file.rs -->\n```rust\nfn main() {}\n```\n\n```sh\nls\n```", {"x/b.md"})
    empty = "<!-- file: file.rs -->\n```rust\n```\nend"
    assert with_files("x/b.md", empty, read) == "<!-- file: file.rs -->\n```rust\nfn main() {}\n```\nend"
    assert not rust(with_files("x/b.md", "<!-- file: file.rs -->\n```rust\nold\nlines\n```", read), set())
    assert len(rust("<!-- file: none.rs -->\n```toml\n```", {"x/b.md"})) == 1
    assert len(list(check_paths("x/b.md", "`sip-core/none.rs` `.ci/none`", exists))) == 2
    assert len(list(check_summary(["docs/a.md", "docs/b.md"], read))) == 3
    assert "| 3261 | 2 | 1 | 1 |  |" in rules_table("| 3261-1-A | r | `t` |\n| 3261-1-B | r | `t`; left out: x |\n")
    print("pages: the planted faults are found")


def main():
    if "--self-test" in sys.argv:
        return self_test()
    if "--write" in sys.argv:
        read = lambda name: (ROOT / name).read_text()
        for page in files("*.md"):
            text = with_files(page, read(page), read)
            if page == "docs/rfcs.md":
                text = with_table(text, read("docs/requirements.md"))
            (ROOT / page).write_text(text)
    faults = list(check_all())
    for fault in faults:
        print(fault)
    print(f"pages: {len(files('*.md'))} pages, {len(faults)} faults")
    return 1 if faults else 0


sys.exit(main())
