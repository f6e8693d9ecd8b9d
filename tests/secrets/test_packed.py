"""The helper that reads packs finds what a look at every content as a whole finds, and trusts nothing in a pack."""

from __future__ import annotations

import base64
import os
import random
import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ci_guard.git import Repository
from ci_guard.git import helper as helper_of
from ci_guard.git import packs as packs_of
from ci_guard.git.history import commits, heads
from ci_guard.model.scan import GapKind
from ci_guard.secrets import deltas, history, packed
from ci_guard.secrets.content import BEGINNINGS
from ci_guard.secrets.keyfiles import MARK
from ci_guard.secrets.matcher import Matcher
from ci_guard.secrets.reading import Reading
from ci_guard.secrets.rule import load
from ci_guard.secrets.search import search
from ci_guard.secrets.signs import groups
from tests.secrets import packs, test_history
from tests.secrets.made_up import github_token, password, private_key, rules, text_for
from tests.secrets.packs import Item
from tests.secrets.repositories import Repo
from tests.secrets.test_native_archives import tarred, zipped

pytestmark = pytest.mark.slow

Secrets = frozenset[tuple[str, bytes]]


@pytest.fixture(scope="module")
def reading() -> Reading:
    if packs.native() is None:
        pytest.skip("there is no C compiler")
    return Reading(Matcher(load()), "sha1")


@pytest.fixture(autouse=True)
def helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packs_of, "native", packs.native())


def looked_at(reading: Reading, items: list[Item], *, sha256: bool = False) -> dict[bytes, Secrets]:
    """Return what the helper finds in each blob of a pack, by id."""
    matcher = reading.ready()
    found = {}
    with ExitStack() as files:
        store = packs.store(*packs.pack(items, sha256=sha256), files, sha256=sha256)
        store.contents(deltas.widths(matcher.triggers), BEGINNINGS, groups(), MARK)
        visitor = deltas.Visitor(reading, lambda data: matcher.look(data).met)
        store.start(visitor, False, 0, 1)
        while (step := store.step(1 << 20)) is not None:
            for oid, _, spans in step[1]:
                found[oid] = visitor.secrets(spans)
    return found


def whole(reading: Reading, content: bytes) -> Secrets:
    return frozenset((match.rule.id, match.identity) for match in search(reading.ready(), content))


def pieces(chance: random.Random) -> list[bytes]:
    """Return parts of files: secrets of all kinds, plain and encoded, what surrounds them, what tears them apart."""
    rule = chance.choice(list(rules().values()))
    text = text_for(rule, chance.randrange(3))
    other = text_for(chance.choice(list(rules().values())), chance.randrange(3))
    key = private_key(seed=chance.randrange(3))
    encoded = base64.b64encode(f"kind: x\n{other}\n{key}\n".encode()).decode()
    lines = "\n    ".join(encoded[start : start + 76] for start in range(0, len(encoded), 76))
    texts = [
        text,
        f'\nvalue = "{text}"\n',
        f'\npassword = "{password(chance)}"\n',
        f"\nname: DB_PASSWORD\n  value: {password(chance)}\n",
        "password = ",
        'token: "',
        key,
        key.replace("\n", "\\n"),
        f"\ndata: {encoded}\n",
        f"\ndata: |\n    {lines}\n",
        f"?t={quote(text, safe='')}&u={''.join(f'%{ord(sign):02x}' for sign in other)}",
        '"' + "".join(f"\\x{ord(sign):02x}" for sign in text) + '"',
        base64.b64encode(base64.b64encode(other.encode())).decode(),
        f"https://user:{password(chance)}@db.corp.io/x",
        "\n",
        " ",
        '"',
        "x",
        "=",
        "\n" + "# a comment of no meaning\n" * chance.randrange(40),
        "".join(f"line {number}: some code, some words\n" for number in range(chance.randrange(60))),
        '"service_account"',
    ]
    return [each.encode() for each in texts]


def versions(chance: random.Random, count: int) -> list[Item]:
    items: list[Item] = []
    for number in range(count):
        parts = pieces(chance)
        if not items or chance.random() < 0.1:
            items.append(Item(b"".join(chance.choices(parts, k=12))))
            continue
        base = chance.randrange(len(items)) if chance.random() < 0.3 else number - 1
        content, delta = packs.edited(chance, items[base].content, parts)
        if all(content != item.content for item in items):
            items.append(Item(content, base, delta, by_id=chance.random() < 0.2))
        else:
            items.append(Item(content + b"\n%d" % number))
    return items


@settings(  # the same histories every time, because thousands take minutes
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 1 << 40))
@example(seed=520330113687)  # a line of base64 that begins a text, because the line above is gone
@example(seed=741340787073)  # the same, by blanks that were a line's indentation
@example(seed=790318655226)  # half of a key in one encoded word, half in another
@example(seed=117783833697)
@example(seed=42801439490)  # a change takes away the name of what stood in the place of a key
def test_nothing_is_lost_by_looking_at_changes_alone(reading: Reading, seed: int) -> None:
    """What is found beside the true ones is no loss: everything is read again as a whole before it is reported."""
    items = versions(random.Random(seed), 12)
    found = looked_at(reading, items)
    for number, item in enumerate(items):
        assert whole(reading, item.content) <= found.get(packs.oid_of(item.content), frozenset()), number


def test_what_a_change_leaves_alone_is_not_searched_again(reading: Reading) -> None:
    text = "".join(f"line {number}\n" for number in range(9000)).encode()
    first = text_for(rules()["github-pat"]).encode() + b"\n" + text
    delta = packs.delta_of(len(first), [(0, len(first) - 5), b"x = 1\n"])
    searched: list[int] = []

    def look(data: bytes) -> list[tuple[int, int]]:
        searched.append(len(data))
        return reading.ready().look(data).met

    visitor = deltas.Visitor(reading, look)
    with ExitStack() as files:
        store = packs.store(*packs.pack([Item(first), Item(first[:-5] + b"x = 1\n", 0, delta)]), files)
        store.contents(deltas.widths(reading.ready().triggers), BEGINNINGS, groups(), MARK)
        store.start(visitor, False, 0, 1)
        _, found = store.step(1 << 30)
    assert len({oid for oid, _, _ in found}) == 2
    assert len({spans for _, _, spans in found}) == 1
    assert searched[0] > len(first)
    assert searched[1] < 1000


def test_an_object_that_is_not_what_its_id_says_is_told(reading: Reading) -> None:
    contents = (b"one, and more", b"two, and less")
    data, index = packs.pack([Item(content) for content in contents])
    at = 8 + 1024 + 2 * 24  # the offsets
    turned = index[:at] + index[at + 4 : at + 8] + index[at : at + 4] + index[at + 8 :]
    with ExitStack() as files, pytest.raises(packs.native().Damaged) as raised:
        visit(packs.store(data, turned, files), reading)
    assert raised.value.args[0] in map(packs.oid_of, contents)


def visit(store: Any, reading: Reading) -> None:
    """Go through all contents and all trees."""
    matcher = reading.ready()
    store.contents(deltas.widths(matcher.triggers), BEGINNINGS, groups(), MARK)
    visitor = deltas.Visitor(reading, lambda data: matcher.look(data).met)
    store.want(b"")
    parts = []
    for trees in (False, True):
        store.start(visitor, trees, 0, 1)
        while store.step(1 << 20) is not None:
            pass
        rows = store.rows()
        _, _, commits, names, lost = store.told()
        parts.append((commits, rows, names, lost) if trees else (commits, b"", b"", b""))
    commits = store.ids(packs_of.COMMIT)
    store.order([part[0] for part in parts], commits)
    store.walk(parts, commits)


def tree_of(*entries: tuple[str, bytes, bytes]) -> bytes:
    return b"".join(f"{mode} ".encode() + name + b"\0" + oid for mode, name, oid in entries)


def small_history() -> list[Item]:
    blob = b"some words\n" * 30
    other = blob + b"more\n"
    delta = packs.delta_of(len(blob), [(0, len(blob)), b"more\n"])
    inner = tree_of(("100644", b"a.pem", packs.oid_of(blob)), ("100644", b"b", packs.oid_of(other)))
    outer = tree_of(("40000", b"deep", packs.oid_of(inner, "tree")), ("100644", b"lost", b"\1" * 20))
    commit = b"tree " + packs.oid_of(outer, "tree").hex().encode() + b"\nauthor a <a> 1 +0\n\nwords\n"
    return [
        Item(blob),
        Item(other, 0, delta),
        Item(other + b"x", 1, packs.delta_of(len(other), [(0, len(other)), b"x"]), by_id=True),
        Item(inner, kind="tree"),
        Item(outer, kind="tree"),
        Item(commit, kind="commit"),
    ]


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_nothing_in_a_pack_or_its_index_is_trusted(reading: Reading, data: st.DataObject) -> None:
    """Any change is told, or makes no difference. `native/build.py --sanitize` shows that no wrong byte is touched."""
    both = [bytearray(content) for content in packs.pack(small_history())]
    for _ in range(data.draw(st.integers(1, 4))):
        content = both[data.draw(st.integers(0, 1))]
        at = data.draw(st.integers(0, len(content) - 1))
        what = data.draw(st.sampled_from(("set", "bit", "cut", "add")))
        if what == "set":
            content[at] = data.draw(st.sampled_from((0, 1, 0x7F, 0x80, 0xFF)))
        elif what == "bit":
            content[at] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "cut":
            del content[max(at, 40) :]
        else:
            content[at:at] = b"\xff" * data.draw(st.integers(1, 40))
    with ExitStack() as files, suppress(packs.native().Odd, packs.native().Damaged):
        visit(packs.store(bytes(both[0]), bytes(both[1]), files), reading)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(delta=st.binary(max_size=60), tail=st.binary(max_size=8))
def test_no_delta_reaches_out_of_its_base(reading: Reading, delta: bytes, tail: bytes) -> None:
    base = b"0123456789" * 10
    body = packs.delta_of(len(base), [(0, 90), b"abc"])
    with ExitStack() as files, suppress(packs.native().Odd, packs.native().Damaged):
        items = [Item(base), Item(b"a", 0, delta), Item(b"b", 0, body[: len(body) // 2] + delta + tail)]
        visit(packs.store(*packs.pack(items), files), reading)


@pytest.mark.parametrize("number", [0, 1], ids=["pack", "index"])
def test_a_file_that_is_cut_short_while_it_is_read_ends_no_process(reading: Reading, number: int) -> None:
    noise = random.Random(1)
    with ExitStack() as files:
        items = [Item(noise.randbytes(100 + each)) for each in range(2000)]
        descriptors: list[int] = []
        store = packs.store(*packs.pack(items), files, told=descriptors.append)
        os.ftruncate(descriptors[number], 4096)
        with pytest.raises(packs.native().Odd):
            visit(store, reading)
        del store
        visit(packs.store(*packs.pack(items), files), reading)


def test_deltas_without_an_end_are_refused() -> None:
    one, other = Item(b"one", 1, b"\1\1", by_id=True), Item(b"other", 0, b"\1\1", by_id=True)
    with ExitStack() as files, pytest.raises(packs.native().Odd):
        packs.store(*packs.pack([one, other]), files)


def test_a_helper_of_another_release_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packs.native().API == helper_of.API
    monkeypatch.setitem(sys.modules, "ci_guard_native", SimpleNamespace(API=helper_of.API + 1))
    assert helper_of.helper() is None
    monkeypatch.setitem(sys.modules, "ci_guard_native", SimpleNamespace(API=helper_of.API))
    assert helper_of.helper() is not None


@pytest.fixture
def without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """See that nothing is read by way of git in place of the helper."""
    monkeypatch.delattr(history, "survey")
    monkeypatch.delattr(history, "_brought")


repo = test_history.repo


@pytest.mark.usefixtures("without_git")
class TestWhereASecretCameFrom(test_history.TestWhereASecretCameFrom):
    """The same by way of the helper."""


@pytest.mark.usefixtures("without_git")
class TestWhereObjectsAre(test_history.TestWhereObjectsAre):
    """The same by way of the helper."""


class TestWhatIsMissing(test_history.TestWhatIsMissing):
    """The same, by way of the helper where it can."""

    def test_an_object_that_was_swapped_in_its_pack(self, repo: Repo) -> None:
        repo.commit({"a": "innocent\n", "b": "another\n"})
        repo.swap_in_pack(repo.git("rev-parse", "HEAD:a"), repo.git("rev-parse", "HEAD:b"))
        assert test_history.codes(test_history.history(repo))["objects-damaged"] is GapKind.FAILS


@pytest.mark.parametrize("seed", range(6))
def test_commits_come_in_the_order_of_git(tmp_path: Path, reading: Reading, seed: int) -> None:
    chance = random.Random(seed)
    lines = []
    for number in range(1, 80):
        # many are of one second, and some older than their parents
        lines += [f"commit refs/made/{number}", f"mark :{number}"]
        lines += [f"committer x <x@y> {1_700_000_000 + chance.randrange(number // 4 + 1)} +0000", "data 1", "m"]
        parents = chance.sample(range(1, number), k=min(number - 1, chance.choice((0, 1, 1, 1, 2, 2, 3))))
        lines += [f"{'merge' if place else 'from'} :{parent}" for place, parent in enumerate(parents)]
        if chance.random() < 0.1:
            lines += [f"tag {chance.randrange(1 << 30)}", f"from :{number}", "tagger x <x@y> 1 +0000", "data 1", "m"]
        lines += ["reset refs/heads/main", f"from :{number}"] if chance.random() < 0.1 else []
    repo = Repo.create(tmp_path)
    repo.git("fast-import", "--quiet", stdin="\n".join(lines) + "\n")
    for ref in chance.sample(repo.git("for-each-ref", "--format=%(refname)", "refs/made").split(), k=60):
        repo.git("update-ref", "-d", ref)  # what no ref leads to any more does not count
    repository = Repository.open(repo.path)
    with packs_of.opened(repository) as here:
        assert here
        work = packed.Packed(repository, here, reading, lambda _: None)
        work.survey()
        walk = work.walk(bytes.fromhex("".join(heads(repository))))
    assert walk.hex(" ", here.width).split() == commits(repository)
    assert 20 < len(walk) // here.width < 79


@pytest.mark.usefixtures("without_git")
def test_several_processes_see_what_one_sees(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(6):
        repo.commit({f"{number}/x": github_token(number), "same": "text " * number})
    alone = test_history.history(repo)
    monkeypatch.setattr(packed, "_FEW", 1)
    monkeypatch.setattr(packed, "processors", lambda: 3)
    assert test_history.history(repo) == alone
    assert len(alone.findings) == 6


@pytest.mark.usefixtures("without_git")
def test_a_large_content_is_left_to_git(repo: Repo) -> None:
    filler = random.Random(1).randbytes(33 << 20).hex().encode()
    brought = repo.commit({"large": filler + b"\n" + github_token().encode() + b"\n"})
    repo.git("repack", "-q", "-a", "-d")
    assert test_history.places(test_history.history(repo)) == [("large", 2, brought)]


@pytest.mark.parametrize("form", ["sha1", "sha256"])
@pytest.mark.parametrize("seed", range(4))
def test_a_history_is_the_same_without_the_helper(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, form: str
) -> None:
    """A history as git makes them: versions, branches, moves, archives; packed, loose and borrowed."""
    chance = random.Random(seed)
    repo = Repo.create(tmp_path / "repo", f"--object-format={form}")
    contents: dict[str, bytes] = {}
    for number in range(24):
        for _ in range(chance.randrange(1, 4)):
            name = f"{chance.choice('abc')}/{chance.choice(['x.py', 'y.yml', 'id_rsa', '.env', 'z.zip', 'z.tar'])}"
            parts = contents.get(name, b"").splitlines(keepends=True)
            at = chance.randrange(len(parts) + 1)
            parts[at : at + chance.randrange(3)] = chance.choices(pieces(chance), k=chance.randrange(1, 4))
            contents[name] = b"".join(parts)
        written: dict[str, str | bytes] = {
            name: zipped([content]) if "zip" in name else tarred([content]) if "tar" in name else content
            for name, content in contents.items()
        }
        repo.commit(written, f"change {chance.choice(pieces(chance)).decode()}")
        if chance.random() < 0.2:
            repo.git("repack", "-q", "-d", f"--depth={chance.randrange(1, 50)}", f"--window={chance.randrange(2, 20)}")
        if chance.random() < 0.2:
            repo.git("checkout", "-q", "-b", f"branch-{number}", f"HEAD~{chance.randrange(min(number, 3) + 1)}")
            contents = {}
    if form == "sha1":
        repo = repo.clone(tmp_path / "clone", "--shared")
        repo.commit({"a/new": github_token(9)})
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(history, "survey")  # see that the helper does it
        ours = test_history.history(repo)
    monkeypatch.setattr(packs_of, "native", None)
    assert ours == test_history.history(repo)
    assert ours.findings
