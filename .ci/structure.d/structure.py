#!/usr/bin/env python3
"""Holds the source against the floors that ARCHITECTURE.md states.

  .ci/structure                    prints the floors of each crate; exits 1 and names the files on a fault
  .ci/structure --arrows CRATE     prints which file takes which names from which file
  .ci/structure --suggest CRATE    prints a block of floors that fits the code as it is
  .ci/structure --self-test        plants faults in temporary trees and expects each to be reported

A room is a top-level module of a crate, a file or a folder. A block in ARCHITECTURE.md that opens with three backticks and
`floors CRATE` lists the rooms of a crate from the top down, one floor a line, separated by commas; `#` starts a comment. The block
`floors workspace` lists the crates themselves. A room may import from rooms on lower floors only. The crate root
(lib.rs, main.rs) stands above all floors, so no room may import what the root itself defines.

A fault is: a circle of files (a `mod.rs` and its own child count as two files), an arrow that runs up or along a floor, a
room that the block does not name, a room that the block names and the crate does not have, a Rust file over 800 lines.

An arrow leads from a file to the file that defines the name it takes. `use` declarations and paths inside code count, in
macro bodies too. A re-export is followed to the definition and is no arrow itself, unless the file that re-exports a name
also uses it. `mod child;` is no arrow. Code under `#[cfg(test)]` or `#[test]`, and the folders tests, examples and benches, do not count.
Methods are not seen: a call `agent.step()` needs no import, so the file that defines `step` gets no arrow.
"""
import os, pathlib, re, sys, tempfile, time, tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LONGEST = 800

TOKEN = re.compile(
    r"""
    (?P<skip>\s+|//[^\n]*)
  | (?P<comment>/\*)
  | (?P<raw>(?:b|c)?r(?P<hashes>\#*)".*?"(?P=hashes))
  | (?P<string>(?:b|c)?"(?:\\.|[^"\\])*")
  | (?P<char>b?'(?:\\(?:x..|u\{[^}]*\}|.)|[^'\\])')
  | (?P<lifetime>'[A-Za-z_]\w*)
  | (?P<ident>\$crate\b|(?:r\#)?[A-Za-z_]\w*)
  | (?P<number>\d\w*)
  | (?P<mark>::|.)
    """,
    re.X | re.S,
)
OPEN, CLOSE = {"(", "[", "{"}, {")", "]", "}"}
DEFINES = {"struct", "enum", "union", "trait", "type", "fn", "const", "static"}
# A test item that begins with one of these ends at its semicolon; the others end at their block, too.
TO_SEMICOLON = {"use", "const", "static", "type", "let", "extern"}
TO_BLOCK = {"mod", "fn", "struct", "enum", "union", "trait", "impl", "macro_rules"}
IDENT = re.compile(r"\$crate$|[A-Za-z_]\w*$")


def tokens_of(text):
    """Identifiers, `::` and single marks; comments are left out, a literal is one token `""`."""
    found, at = [], 0
    while at < len(text):
        match = TOKEN.match(text, at)
        at = match.end()
        kind = match.lastgroup if match.lastgroup != "hashes" else "raw"
        if kind == "comment":
            depth = 1
            while depth and at < len(text):
                if text.startswith("/*", at):
                    depth, at = depth + 1, at + 2
                elif text.startswith("*/", at):
                    depth, at = depth - 1, at + 2
                else:
                    at += 1
        elif kind == "ident":
            found.append(match[0].removeprefix("r#"))
        elif kind == "mark":
            found.append(match[0])
        elif kind != "skip":
            found.append('""')
    return found


def closing(tokens, at):
    """The index behind the bracket that closes the one at `at`."""
    depth = 0
    while at < len(tokens):
        if tokens[at] in OPEN:
            depth += 1
        elif tokens[at] in CLOSE:
            depth -= 1
        at += 1
        if depth == 0:
            break
    return at


def is_test_only(attribute):
    """Whether the tokens between `#[` and `]` keep an item out of the library."""
    if attribute == ["test"]:
        return True
    if attribute[:2] != ["cfg", "("]:
        return False
    return attribute[2:4] == ["test", ")"] or (attribute[2:4] == ["all", "("] and "test" in attribute and "not" not in attribute)


def end_of_item(tokens, at):
    """The index behind the item, field or statement that begins at `at`."""
    while at < len(tokens) and tokens[at] == "#" and tokens[at + 1 : at + 2] == ["["]:
        at = closing(tokens, at + 1)
    kind = None
    while at < len(tokens):
        token = tokens[at]
        # `const fn` ends at its block, `const NAME` at its semicolon: the last keyword in front decides.
        if token in TO_SEMICOLON | TO_BLOCK and kind in (None, "const", "extern"):
            kind = token
        if token in OPEN:
            at = closing(tokens, at)
            if token == "{" and kind not in TO_SEMICOLON:
                return at + (kind is None and tokens[at : at + 1] == [","])
            continue
        if token in CLOSE:
            return at
        at += 1
        if token == ";" or (token == "," and kind is None):
            return at
    return at


def without_tests(tokens):
    kept, at = [], 0
    while at < len(tokens):
        if tokens[at] == "#" and tokens[at + 1 : at + 2] == ["["]:
            end = closing(tokens, at + 1)
            if is_test_only(tokens[at + 2 : end - 1]):
                while kept[-1:] == ["#path"]:
                    kept.pop()
                at = end_of_item(tokens, end)
                continue
            if tokens[at + 2] == "path":
                kept.append("#path")
            # What an attribute names (`#[serde(with = "..")]`, lints) is no import.
            at = end
            continue
        kept.append(tokens[at])
        at += 1
    return kept


class Module:
    def __init__(self, name, file, parent):
        self.name, self.file, self.parent = name, file, parent
        self.children = {}
        self.items = set()
        self.macros = set()
        self.imports = {}  # a name in scope -> the path it stands for
        self.globs = []
        self.uses = []  # (path, name in scope or None for a glob, whether it is re-exported)
        self.paths = []  # paths inside code
        self.plain = set()  # single names that the code uses
        self.called = set()  # macros that the code calls

    def root(self):
        return self if self.parent is None else self.parent.root()


class Crate:
    """The modules of one library or program, from its root file on."""

    def __init__(self, root_file):
        self.modules, self.faults = [], []
        self.root = self.read(None, "crate", root_file, root_file.parent)

    def read(self, parent, name, file, folder):
        module = Module(name, file, parent)
        self.modules.append(module)
        self.scan(module, without_tests(tokens_of(file.read_text())), folder)
        return module

    def scan(self, module, tokens, folder):
        at, depth = 0, 0
        while at < len(tokens):
            token = tokens[at]
            after = tokens[at + 1] if at + 1 < len(tokens) else ""
            before = tokens[at - 1] if at else ""
            if token in OPEN:
                depth += 1
            elif token in CLOSE:
                depth -= 1
            elif token == "#path":
                self.faults.append(f"{module.file}: a #[path] attribute, which this check does not follow")
            elif token == "mod" and IDENT.match(after) and tokens[at + 2] in (";", "{"):
                inner = folder / after
                if tokens[at + 2] == "{":
                    end = closing(tokens, at + 2)
                    child = Module(after, module.file, module)
                    self.modules.append(child)
                    self.scan(child, tokens[at + 3 : end - 1], inner)
                    module.children[after] = child
                    at = end
                    continue
                for file in (folder / f"{after}.rs", inner / "mod.rs"):
                    if file.exists():
                        module.children[after] = self.read(module, after, file, inner)
                at += 3
                continue
            elif token == "use" and after != "<":
                end = tokens.index(";", at)
                exported = before == "pub" or (before == ")" and is_restricted(tokens, at - 1))
                for path, alias in use_tree(tokens[at + 1 : end]):
                    module.uses.append((path, alias, exported))
                    if alias is None:
                        module.globs.append(path)
                    elif alias != "_":
                        module.imports[alias] = path
                at = end + 1
                continue
            elif token == "macro_rules" and after == "!":
                module.macros.add(tokens[at + 2])
                at += 3
                continue
            elif token in DEFINES and IDENT.match(after) and depth == 0:
                module.items.add(after)
            if IDENT.match(token) and before not in ("::", "."):
                in_visibility = tokens[max(at - 3, 0) : at] == ["pub", "(", "in"]
                path = [token]
                while tokens[at + 1 : at + 2] == ["::"] and at + 2 < len(tokens) and IDENT.match(tokens[at + 2]):
                    path.append(tokens[at + 2])
                    at += 2
                after = tokens[at + 1] if at + 1 < len(tokens) else ""
                if len(path) > 1:
                    if not in_visibility:
                        module.paths.append(path)
                    module.plain.add(path[0])
                elif after == "!":
                    module.called.add(token)
                    module.plain.add(token)
                elif before not in DEFINES and (token[0].isupper() or after == "("):
                    module.plain.add(token)
            at += 1

    def resolve(self, module, path, seen=frozenset()):
        """(the module that defines what a path names, the name there); the name is None if the path names the module itself.

        None if the path leads out of the crate.
        """
        if not path:
            return module, None
        first, rest = path[0], path[1:]
        if first in ("crate", "$crate"):
            return self.walk(self.root, rest, seen)
        if first == "self":
            return self.walk(module, rest, seen)
        if first == "super":
            while first == "super":
                module = module.parent or module
                if not rest or rest[0] != "super":
                    break
                first, rest = rest[0], rest[1:]
            return self.walk(module, rest, seen)
        if first in module.children or first in module.items or first in module.macros or first in module.imports:
            return self.walk(module, path, seen)
        for glob in module.globs:
            found = self.through(module, glob, path, seen)
            if found:
                return found
        return None

    def walk(self, module, path, seen):
        """As `resolve`, for a path that begins inside `module`; what is not found is taken to be made there by a macro."""
        if not path:
            return module, None
        first, rest = path[0], path[1:]
        # A function may have the name of a module: the path that ends there means the function.
        if first in module.children and (rest or first not in module.items):
            return self.walk(module.children[first], rest, seen)
        if first in module.items or first in module.macros:
            return module, first
        if first in module.imports:
            mark = (id(module), first)
            if mark in seen:
                return module, first
            aim = module.imports[first]
            if aim == [first]:  # `pub(crate) use name;` behind a macro's definition, or a foreign crate
                return None
            found = self.resolve(module, aim, seen | {mark})
            if found and found[1] is None:
                return self.walk(found[0], rest, seen | {mark})
            return found
        for glob in module.globs:
            found = self.through(module, glob, path, seen)
            if found:
                return found
        return module, first

    def all_of(self, module, path, seen=frozenset()):
        """As `resolve`, for the path in front of `::*`: it means the module where a function has the same name."""
        found = self.resolve(module, path[:-1], seen)
        if found and found[1] is None and path[-1] in found[0].children:
            return found[0].children[path[-1]], None
        return self.resolve(module, path, seen)

    def through(self, module, glob, path, seen):
        mark = (id(module), tuple(glob), path[0])
        if mark in seen or glob[0] == path[0]:
            return None
        found = self.all_of(module, glob, seen | {mark})
        if not found or found[1] is not None:
            return None
        aim = found[0]
        if path[0] in aim.children or path[0] in aim.items or path[0] in aim.imports or path[0] in aim.macros:
            return self.walk(aim, path, seen | {mark})
        return None

    def arrows(self):
        """(file, file) -> the names that the first takes from the second."""
        found = {}

        def add(source, aim, name):
            if aim.file != source.file:
                found.setdefault((source.file, aim.file), set()).add(name)

        for module in self.modules:
            inner = [one for one in self.modules if one.file == module.file]
            used = set().union(*(one.plain for one in inner))
            for path, alias, exported in module.uses:
                aim = self.resolve(module, path) if alias is not None else self.all_of(module, path)
                if not aim or (exported and (alias is None or alias not in used)):
                    continue
                if aim[1] is None and alias is not None and any(one.paths and any(p[0] == alias for p in one.paths) for one in inner):
                    continue  # a module: the paths that go on from its name are the arrows
                add(module, aim[0], (aim[1] or path[-1]) + ("::*" if alias is None else ""))
            for path in module.paths:
                aim = self.resolve(module, path)
                if aim:
                    add(module, aim[0], aim[1] or path[-1])
            for name in module.called - module.macros - set(module.imports):
                above = module.parent
                while above and name not in above.macros:
                    above = above.parent
                if above:
                    add(module, above, f"{name}!")
        return found


def is_restricted(tokens, at):
    """Whether the parenthesis that closes at `at` is that of `pub(crate)` and the like."""
    while at and tokens[at] != "(":
        at -= 1
    return at > 0 and tokens[at - 1] == "pub"


def use_tree(tokens):
    """The (path, name in scope) of each leaf; the name is None for a glob. Paths that begin with `::` are foreign."""
    if tokens[:1] == ["::"]:
        return []
    prefix, at = [], 0
    while at < len(tokens):
        token = tokens[at]
        if token == "{":
            end = closing(tokens, at)
            leaves, start, depth = [], at + 1, 0
            for here in range(at + 1, end):
                if here == end - 1 or (tokens[here] == "," and depth == 0):
                    if here > start:
                        leaves += use_tree(tokens[start:here])
                    start = here + 1
                elif tokens[here] in OPEN:
                    depth += 1
                elif tokens[here] in CLOSE:
                    depth -= 1
            inner = []
            for path, alias in leaves:
                if path == ["self"]:
                    path, alias = [], prefix[-1] if alias == "self" else alias
                inner.append((prefix + path, alias))
            return inner
        if token == "*":
            return [(prefix, None)]
        if token == "as":
            return [(prefix, tokens[at + 1])]
        if token != "::":
            prefix.append(token)
        at += 1
    return [(prefix, prefix[-1])] if prefix else []


def circles(nodes, arrows):
    """The sets of two and more nodes that reach each other (Tarjan)."""
    out = {node: [] for node in nodes}
    for source, aim in arrows:
        out[source].append(aim)
    index, low, stack, on, found = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on.add(node)
        for aim in out[node]:
            if aim not in index:
                visit(aim)
                low[node] = min(low[node], low[aim])
            elif aim in on:
                low[node] = min(low[node], index[aim])
        if low[node] == index[node]:
            group = []
            while True:
                one = stack.pop()
                on.discard(one)
                group.append(one)
                if one == node:
                    break
            if len(group) > 1:
                found.append(sorted(group))

    sys.setrecursionlimit(10_000)
    for node in sorted(nodes):
        if node not in index:
            visit(node)
    return sorted(found)


def blocks(root):
    """The floors that ARCHITECTURE.md states: crate -> a list of floors, each a list of rooms."""
    found, name = {}, None
    for line in (root / "ARCHITECTURE.md").read_text().splitlines():
        if name is None:
            if match := re.match(r"```floors ([\w-]+)\s*$", line):
                name = match[1]
                found[name] = []
        elif line.startswith("```"):
            name = None
        elif rooms := [room.strip() for room in line.split("#")[0].split(",") if room.strip()]:
            found[name].append(rooms)
    return found


def members(root):
    """The crates of the workspace: name -> (folder, the members that it depends on)."""
    workspace = tomllib.loads((root / "Cargo.toml").read_text())["workspace"]["members"]
    manifests = {path: tomllib.loads((root / path / "Cargo.toml").read_text()) for path in workspace}
    # A package may have another name in the registry than its library, by which the others name it.
    def name_of(manifest):
        return manifest.get("lib", {}).get("name", manifest["package"]["name"]).replace("_", "-")

    names = {name_of(manifest) for manifest in manifests.values()}
    found = {}
    for path, manifest in manifests.items():
        tables = [manifest, *manifest.get("target", {}).values()]
        needs = {name for table in tables for name in table.get("dependencies", {})}
        found[name_of(manifest)] = (root / path, needs & names)
    return found


def crates_of(folder):
    source = folder / "src"
    files = [source / "lib.rs", source / "main.rs", *sorted((source / "bin").glob("*.rs"))]
    return [Crate(file) for file in files if file.exists()]


def room_of(file, folder):
    """The room that a file belongs to; the empty name for the root of a library or program."""
    parts = file.relative_to(folder / "src").parts
    if parts[0] == "bin" or parts in (("lib.rs",), ("main.rs",)):
        return ""
    return parts[0].removesuffix(".rs")


def lines_of(file):
    return file.read_text().count("\n")


def rust_files(root):
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(one for one in folders if one != "target" and not one.startswith("."))
        yield from (pathlib.Path(folder) / file for file in sorted(files) if file.endswith(".rs"))


def listed(names):
    names = sorted(names)
    return ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def floors_of(order):
    return {room: number for number, floor in enumerate(order) for room in floor}


def check(root):
    """(lines to print, faults) of the tree at `root`."""
    stated, shown, faults = blocks(root), [], []
    crates = members(root)

    def place(file):
        return str(file.relative_to(root))

    order = floors_of(stated.get("workspace", []))
    for name, (_, needs) in crates.items():
        for one in sorted(needs):
            if name in order and one in order and order[name] >= order[one]:
                faults.append(f"crates: {name} depends on {one}, which is not on a lower floor")
    for name in sorted(set(crates) ^ set(order)):
        what = "is not in the block `floors workspace`" if name in crates else "is in the block `floors workspace`, but no member"
        faults.append(f"crates: {name} {what}")

    for name, (folder, _) in crates.items():
        roots = crates_of(folder)
        arrows, rooms, sizes = {}, set(), {}
        for crate in roots:
            faults += crate.faults
            files = {module.file for module in crate.modules}
            own = crate.arrows()
            for group in circles(files, own):
                faults.append(f"{name}: a circle of {len(group)} files: " + ", ".join(place(file) for file in group))
                faults += [
                    f"    {place(source)} -> {place(aim)}: {listed(taken)}"
                    for (source, aim), taken in sorted(own.items())
                    if source in group and aim in group
                ]
            arrows |= own
            for file in files:
                room = room_of(file, folder)
                sizes[room] = sizes.get(room, 0) + lines_of(file)
        rooms = set(sizes) - {""}
        if name not in stated:
            if rooms:
                faults.append(f"{name}: ARCHITECTURE.md has no block `floors {name}`")
            continue
        order = floors_of(stated[name])
        for room in sorted(rooms - set(order)):
            faults.append(f"{name}: the room {room} stands on no floor in ARCHITECTURE.md")
        for room in sorted(set(order) - rooms):
            faults.append(f"{name}: the room {room} of ARCHITECTURE.md does not exist")
        order[""] = -1
        for (source, aim), taken in sorted(arrows.items()):
            high, low = room_of(source, folder), room_of(aim, folder)
            if high == low or high not in order or low not in order:
                continue
            if order[high] >= order[low]:
                how = "up" if order[high] > order[low] else "along a floor"
                faults.append(f"{name}: an arrow runs {how}: {place(source)} -> {place(aim)}: {listed(taken)}")
        shown.append(f"{name}, {sum(sizes.values())} lines")
        for number, floor in enumerate(stated[name]):
            shown.append(f"  {len(stated[name]) - number:2}  " + ", ".join(f"{room} {sizes.get(room, '?')}" for room in floor))

    for file in rust_files(root):
        if lines_of(file) > LONGEST:
            faults.append(f"{place(file)}: {lines_of(file)} lines, more than {LONGEST}")
    return shown, faults


def print_arrows(name):
    folder, _ = members(ROOT)[name]
    for crate in crates_of(folder):
        for (source, aim), taken in sorted(crate.arrows().items()):
            print(f"{source.relative_to(folder)} -> {aim.relative_to(folder)}: {', '.join(sorted(taken))}")


def suggest(name):
    """Floors from the code: each room stands one above the highest room that it needs; rooms of a circle stay together."""
    folder, _ = members(ROOT)[name]
    rooms, needs = set(), {}
    for crate in crates_of(folder):
        rooms |= {room_of(module.file, folder) for module in crate.modules}
        for source, aim in crate.arrows():
            high, low = room_of(source, folder), room_of(aim, folder)
            if high != low:
                needs.setdefault(high, set()).add(low)
    rooms.discard("")
    knots = circles(rooms, [(a, b) for a in needs for b in needs[a] if a in rooms and b in rooms])
    together = {room: set(knot) for knot in knots for room in knot}
    height = {}

    def rise(room):
        if room not in height:
            group = together.get(room, {room})
            below = {low for one in group for low in needs.get(one, ()) if low and low not in group}
            tall = 1 + max((rise(low) for low in below), default=0)
            height.update((one, tall) for one in group)
        return height[room]

    for room in rooms:
        rise(room)
    print(f"```floors {name}")
    for tall in range(max(height.values(), default=0), 0, -1):
        print(", ".join(sorted(room for room in rooms if height[room] == tall)))
    print("```")
    for knot in knots:
        print(f"a circle of rooms: {', '.join(knot)}")


# A tree without faults, in which each kind of arrow that the check must follow or must leave out occurs.
CLEAN = {
    "ARCHITECTURE.md": "# A\n\n```floors workspace\ntop\nlow\n```\n\n```floors low\nupper   # a comment\nmiddle, beside\nground\n```\n",
    "Cargo.toml": '[workspace]\nmembers = ["low", "top"]\n',
    "low/Cargo.toml": '[package]\nname = "low"\n[dev-dependencies]\ntop = { path = "../top" }\n',
    "top/Cargo.toml": '[package]\nname = "top"\n[dependencies]\nlow = { path = "../low" }\n',
    "top/src/lib.rs": "pub use low::Upper;\n",
    "low/src/lib.rs": "//! [`crate::upper`]\nmod beside;\nmod ground;\nmod middle;\nmod upper;\npub use upper::{Upper, Tall};\n",
    "low/src/beside.rs": "use crate::ground::{Ground, self};\npub struct Beside(Ground, ground::Ground);\n",
    "low/src/ground.rs": """
        // use crate::upper::Upper;
        /* nested /* use crate::upper::Upper; */ still a comment */
        pub(in crate::upper) struct Ground;
        pub const TEXT: &str = "crate::upper::Upper";
        pub const RAW: &str = r#"crate::upper::"Upper""#;
        pub fn tick<'a>(mark: &'a u8) -> bool { *mark == b'"' || *mark as char == '\\'' }
        macro_rules! made { () => { pub struct Made; } }
        pub(crate) use made;
        #[cfg(test)]
        mod tests { use super::*; use crate::upper::Upper; fn f() { crate::upper::tall(); } }
        #[cfg(test)]
        use crate::middle::{Middle, Part};
        #[cfg(all(test, feature = "large"))]
        fn large() { crate::upper::tall() }
        #[test]
        fn single() { crate::upper::tall() }
    """,
    # A folder whose mod.rs only declares and re-exports: its children may take names from each other through it.
    "low/src/middle/mod.rs": "mod above;\nmod part;\n#[path = \"../odd.rs\"]\n#[cfg(test)]\nmod tests;\npub use above::Middle;\npub(crate) use self::part::{Part as Piece, Part};\n",
    "low/src/middle/above.rs": "use super::Piece;\npub struct Middle(Piece);\n",
    "low/src/middle/part.rs": "pub struct Part(crate::ground::Ground);\n",
    "low/src/middle/tests.rs": "use super::above::Middle;\nuse crate::upper::Upper;\n",
    "low/src/upper/mod.rs": """
        //! See [`Tall`] of `self::tall`.
        mod tall;
        pub use tall::Tall;
        pub struct Upper(crate::middle::Middle);
        pub fn tall() {}
    """,
    "low/src/upper/tall.rs": "use crate::middle;\nuse super::Upper;\npub struct Tall(Upper, middle::Piece);\ncrate::ground::made!();\n",
    "low/tests/all.rs": "use low::Upper;\n",
}
# What is planted (file -> text put in its place, or at its end behind a +), and a part of each fault that must be reported.
PLANTED = [
    ("a circle by use", {"low/src/middle/part.rs": "use crate::middle::above::Middle;\npub struct Part(Middle);\n"},
     ["a circle of 2 files: low/src/middle/above.rs, low/src/middle/part.rs"]),
    ("a circle by a re-export", {"low/src/middle/part.rs": "use super::Middle;\npub struct Part(Middle);\n"},
     ["a circle of 2 files: low/src/middle/above.rs, low/src/middle/part.rs", "part.rs -> low/src/middle/above.rs: Middle"]),
    ("a circle by a renamed re-export in nested braces",
     {"low/src/middle/mod.rs": "mod above;\nmod part;\npub use {above::{Middle as M}, self::part::{Part as Piece, Part}};\n",
      "low/src/upper/mod.rs": "mod tall;\npub use tall::Tall;\npub struct Upper(crate::middle::M);\npub fn tall() {}\n",
      "low/src/middle/part.rs": "pub struct Part(Box<super::M>);\n"},
     ["part.rs -> low/src/middle/above.rs: Middle"]),
    ("a circle by an inline path", {"low/src/middle/part.rs": "pub struct Part;\nfn f() { crate::middle::above::f::<u8>(1) }\n"},
     ["a circle of 2 files: low/src/middle/above.rs, low/src/middle/part.rs"]),
    ("a circle by super::", {"low/src/middle/part.rs": "pub struct Part;\nimpl Part { fn f(&self) -> Option<super::above::Middle> { None } }\n"},
     ["a circle of 2 files: low/src/middle/above.rs, low/src/middle/part.rs"]),
    ("a parent that uses its child", {"low/src/upper/mod.rs": "+\nfn f() { self::tall::raise() }\n"},
     ["a circle of 2 files: low/src/upper/mod.rs, low/src/upper/tall.rs", "mod.rs -> low/src/upper/tall.rs: raise"]),
    ("a parent that uses its child by the bare name", {"low/src/upper/mod.rs": "+\nfn f() { tall::raise() }\n"},
     ["a circle of 2 files: low/src/upper/mod.rs, low/src/upper/tall.rs"]),
    ("a parent that uses what it re-exports", {"low/src/upper/mod.rs": "+\npub struct Both(Option<Tall>);\n"},
     ["a circle of 2 files: low/src/upper/mod.rs, low/src/upper/tall.rs", "mod.rs -> low/src/upper/tall.rs: Tall"]),
    ("a circle through super::super::", {"low/src/beside.rs": "pub struct Beside;\npub mod inner { fn f() { super::super::ground::f() } }\n",
                                         "low/src/ground.rs": "+\nuse crate::beside::Beside;\n"},
     ["a circle of 2 files: low/src/beside.rs, low/src/ground.rs", "an arrow runs up: low/src/ground.rs -> low/src/beside.rs: Beside"]),
    ("a circle through a glob", {"low/src/upper/mod.rs": "+\nuse self::tall::*;\n"},
     ["a circle of 2 files: low/src/upper/mod.rs, low/src/upper/tall.rs", "mod.rs -> low/src/upper/tall.rs: tall::*"]),
    ("a circle through a macro of the parent", {"low/src/upper/mod.rs": "macro_rules! both { () => {} }\nmod tall;\npub use tall::Tall;\npub fn f() -> Tall { todo() }\n",
                                                "low/src/upper/tall.rs": "pub struct Tall;\nboth!();\n"},
     ["a circle of 2 files: low/src/upper/mod.rs, low/src/upper/tall.rs", "tall.rs -> low/src/upper/mod.rs: both!"]),
    ("an arrow up by use", {"low/src/ground.rs": "+\nuse crate::{middle::{Part}};\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/middle/part.rs: Part"]),
    ("an arrow up by a module's name", {"low/src/ground.rs": "+\nuse crate::upper;\nfn f() { upper::tall() }\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/upper/mod.rs: tall"]),
    ("an arrow up by a name of the root", {"low/src/ground.rs": "+\nfn f(tall: &crate::Tall) {}\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/upper/tall.rs: Tall"]),
    ("an arrow up to the root itself", {"low/src/lib.rs": "+\npub struct Root;\n", "low/src/ground.rs": "+\nuse crate::Root;\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/lib.rs: Root"]),
    ("an arrow up in the body of a macro", {"low/src/ground.rs": "+\nmacro_rules! m { ($x:ty) => { $crate::upper::Upper::new::<$x>() } }\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/upper/mod.rs: Upper"]),
    ("an arrow up behind the in of a loop", {"low/src/ground.rs": "+\npub(in crate::upper) fn f() { for x in crate::middle::above::all() {} }\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/middle/above.rs: all"]),
    ("an arrow up behind a test", {"low/src/ground.rs": "+\n#[cfg(test)]\nconst A: [u8; 1] = { [1] };\nuse crate::middle::Middle;\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/middle/above.rs: Middle"]),
    ("an arrow up in what only tests do not see", {"low/src/ground.rs": "+\n#[cfg(not(test))]\nuse crate::middle::Middle;\n"},
     ["an arrow runs up: low/src/ground.rs -> low/src/middle/above.rs: Middle"]),
    ("an arrow along a floor", {"low/src/beside.rs": "+\nuse crate::middle::Middle;\n"},
     ["an arrow runs along a floor: low/src/beside.rs -> low/src/middle/above.rs: Middle"]),
    ("a room without a floor", {"low/src/lib.rs": "+\nmod fresh;\n", "low/src/fresh.rs": "pub struct Fresh;\n"},
     ["low: the room fresh stands on no floor"]),
    ("a floor without a room", {"ARCHITECTURE.md": "+\n```floors low\nupper, attic\nmiddle, beside\nground\n```\n"},
     ["low: the room attic of ARCHITECTURE.md does not exist"]),
    ("no block at all", {"ARCHITECTURE.md": "# A\n\n```floors workspace\ntop\nlow\n```\n"},
     ["low: ARCHITECTURE.md has no block `floors low`"]),
    ("crates upside down", {"low/Cargo.toml": '[package]\nname = "low"\n[dependencies]\ntop = { path = "../top" }\n'},
     ["crates: low depends on top"]),
    ("a crate without a floor", {"ARCHITECTURE.md": "# A\n\n```floors workspace\nlow\n```\n\n```floors low\nupper\nmiddle, beside\nground\n```\n"},
     ["crates: top is not in the block"]),
    ("a long file", {"low/tests/all.rs": "// a line\n" * (LONGEST + 1)},
     [f"low/tests/all.rs: {LONGEST + 1} lines"]),
    ("a #[path]", {"low/src/lib.rs": "+\n#[path = \"odd.rs\"]\nmod fresh;\n"}, ["a #[path] attribute"]),
]


def self_test():
    def faults_of(planted):
        with tempfile.TemporaryDirectory() as scratch:
            for path, text in CLEAN.items():
                text = text + planted[path][1:] if planted.get(path, "").startswith("+") else planted.get(path, text)
                (pathlib.Path(scratch) / path).parent.mkdir(parents=True, exist_ok=True)
                (pathlib.Path(scratch) / path).write_text(text)
            for path in planted.keys() - CLEAN.keys():
                (pathlib.Path(scratch) / path).write_text(planted[path])
            return check(pathlib.Path(scratch))

    wrong = 0
    shown, faults = faults_of({})
    if faults or not any("middle" in line and "beside" in line for line in shown):
        wrong += 1
        print("WRONG a clean tree:", *faults, *shown, sep="\n    ")
    for name, planted, expected in PLANTED:
        _, faults = faults_of(planted)
        missing = [part for part in expected if not any(part in fault for fault in faults)]
        if missing:
            wrong += 1
            print(f"WRONG {name}: missing", *missing, "reported", *faults, sep="\n    ")
    print(f"{len(PLANTED) + 1 - wrong} of {len(PLANTED) + 1} trees judged right")
    return wrong


def main():
    if sys.argv[1:] == ["--self-test"]:
        sys.exit(self_test() != 0)
    if len(sys.argv) == 3 and sys.argv[1] in ("--arrows", "--suggest"):
        if sys.argv[2] not in members(ROOT):
            sys.exit(f"{sys.argv[2]} is no member of the workspace")
        return print_arrows(sys.argv[2]) if sys.argv[1] == "--arrows" else suggest(sys.argv[2])
    if sys.argv[1:]:
        sys.exit(__doc__)
    started = time.monotonic()
    shown, faults = check(ROOT)
    print("\n".join(shown))
    for fault in faults:
        print(fault)
    count = sum(not fault.startswith(" ") for fault in faults)
    print(f"{count} faults, {time.monotonic() - started:.1f} s" if count else f"no circle, no arrow up, {time.monotonic() - started:.1f} s")
    sys.exit(count != 0)


main()
