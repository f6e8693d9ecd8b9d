"""
Make ci-guard's isolated environment from this checkout's lock, and run one program in it.

    python3 -I bootstrap.py [OPTION]… check …        any command of ci-guard, from this checkout
    python3 -I bootstrap.py [OPTION]… --tests …      this checkout's tests; the rest goes to pytest
    python3 -I bootstrap.py [OPTION]… --dev -m ruff  the development environment's Python, in this checkout
    python3 -I bootstrap.py [OPTION]… --release …    the release environment's Python, in this checkout

    --home DIR    where environments are kept, instead of `.bootstrap` beside this file
    --wheels DIR  take the packages from this folder, and ask no index

It needs Python 3.10 or newer with pip, and nothing else. It writes to its own folder alone. The program replaces this
one, so exit code and signals are the program's own; 4 also means that there is no environment.

An environment is a folder KIND-PYTHON-DIGEST that never changes once it stands. All of it is written here, because
`python -m venv` and `pip install` add files that no wheel vouches for, and `venv` is missing on some machines:

    pyvenv.cfg, bin/python      what makes a folder an environment (PEP 405)
    lib/python3.x/…, bin/…      the wheels' files
    wheels/                     the wheels themselves, by which all else is judged again

**Why a reused environment can be trusted.** The folder may lie on a shared disk or come out of a restored cache. So
before anything of it is imported, (1) each wheel's SHA-256 must be one that the lock allows, one wheel for each
locked package and none besides; (2) each file must have the SHA-256 that its wheel gives, none missing and none
besides; (3) `pyvenv.cfg` and `bin/python` must be what this interpreter would write; (4) byte code, for which no
wheel vouches, is removed. An environment that fails is thrown away and built again. The checkout itself, its byte code
included, is trusted as its sources are.

**What (4) costs.** ci-guard's imports take 0.35 s from source and 0.18 s from byte code. Nothing that is kept beside
the byte code could vouch for it, so ci-guard always pays; pointing `-X pycache_prefix` at an empty folder would cost
more (0.6 s), as it hides the interpreter's own byte code too. The tests give no verdict, and whoever can plant byte
code in a developer's checkout can change the tests as well: so they keep it (2.7 s or 0.8 s until the first test),
except in CI, where only the folder may come from a cache.

**Why pip needs no trust.** It only fetches wheels, and (1) judges what it fetched. It hears nothing of the caller's
environment and configuration but where an index is and how to reach it: that can make it fail, it cannot make it
wrong. Nor does a folder of wheels need any: of its files only those count whose SHA-256 the lock names, and it brings
no hashes of its own. Pip then picks the ones for this machine.

**What stays out of this process.** Started with `-S` as well, as the actions do, it runs no `.pth` file and no
`sitecustomize` of the interpreter's own packages, which an earlier step may have written to; nor does pip.
"""

import os
import sys

if sys.version_info < (3, 10):  # noqa: UP036 - the one place that speaks to a Python that is too old for the package
    sys.stderr.write(
        f"ci-guard bootstrap: This is Python {sys.version_info[0]}.{sys.version_info[1]} ({sys.executable}); ci-guard "
        "needs Python 3.10 or newer. Run the same command with a newer one, for example python3.12.\n"
    )
    sys.exit(4)

if __name__ == "__main__":
    if not sys.flags.isolated:
        # Before anything else is imported, since PYTHONPATH may have another answer to it.
        os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, *sys.argv[1:]])
    sys.dont_write_bytecode = True  # not even the standard library's: that would be outside the bootstrap's own folder

import ast
import base64
import csv
import hashlib
import io
import operator
import re
import shutil
import sysconfig
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import pairwise, repeat
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

ROOT: Final = Path(__file__).resolve().parent
BASE_PYTHON: Final = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
SITE: Final = sysconfig.get_path("purelib", "posix_prefix", {"base": ""}).lstrip("/")
PYVENV_CFG: Final = f"""\
home = {os.path.dirname(BASE_PYTHON)}
include-system-site-packages = false
version = {".".join(map(str, sys.version_info[:3]))}
"""
LAYOUT: Final = "1"
"""Part of every environment's name; a new number leaves the old environments alone."""
UNUSED_SECONDS: Final = 30 * 24 * 3600
"""After so long without use an environment is removed, where another one is built: a shared folder must not fill up."""

PIP_SETTINGS: Final = (
    *("index-url", "extra-index-url", "no-index", "find-links", "trusted-host", "cert", "client-cert"),
    *("proxy", "timeout", "default-timeout", "retries"),
)
PIP_ENVIRONMENT: Final = (
    *("HOME", "NETRC", "LANG", "LC_ALL"),
    "LD_LIBRARY_PATH",  # without it a Python that is a shared library may not start, such as actions/setup-python's
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)
NOT_INHERITED: Final = ("PYTHON", "__PYVENV_LAUNCHER__", "LD_PRELOAD", "LD_AUDIT", "DYLD_", "OPENSSL_", "GCONV_PATH")
"""How the names of variables begin that load code into the program or change how Python starts."""


class Fault(Exception):
    """There is no environment; the message says why and what to do."""


class Untrusted(Exception):
    """An environment is not what the lock makes; the message names the first difference."""


class Requirement(NamedTuple):
    """One locked package that this interpreter needs."""

    name: str
    text: str
    """The lock's own lines, which pip reads."""
    digests: frozenset[str]
    """SHA-256, in hexadecimal, of every file that may be this package."""


# --- the lock ---------------------------------------------------------------------------------------------------------


def read_lock(text: str, variables: Mapping[str, str]) -> list[Requirement]:
    """
    Return the packages of a hash lock that an interpreter with these marker variables needs.

    Raises: Fault for anything but comments and pinned packages with hashes, such as an option that names an index.
    """
    requirements = []
    for block in re.findall(r"^(?:.*\\\n)*.+$", text, re.MULTILINE):
        if block.lstrip().startswith("#"):
            continue
        pin, *hashes = re.split(r"\s*\\\n\s*--hash=", block.strip())
        match = re.fullmatch(r"([A-Za-z0-9][\w.-]*)==[\w.+!]+(?: ; (.+))?", pin)
        if match is None or not hashes or not all(re.fullmatch(r"sha256:[0-9a-f]{64}", value) for value in hashes):
            raise Fault(f"The lock has lines that are not a pinned package with its hashes: {printable(pin)}")
        if match[2] is None or marker_holds(match[2], variables):
            digests = frozenset(value.removeprefix("sha256:") for value in hashes)
            requirements.append(Requirement(match[1], block + "\n", digests))
    return requirements


def marker_variables() -> dict[str, str]:
    """Return this interpreter's values of the variables that markers use. Source: PyPA, "Dependency specifiers"."""
    implementation = sys.implementation.name
    return {
        "implementation_name": implementation,
        "platform_machine": os.uname().machine,
        "platform_python_implementation": {"cpython": "CPython", "pypy": "PyPy"}.get(implementation, implementation),
        "python_full_version": ".".join(map(str, sys.version_info[:3])),
        "python_version": ".".join(map(str, sys.version_info[:2])),
        "sys_platform": sys.platform,
    }


COMPARISONS: Final[Mapping[type[ast.cmpop], Callable[[Any, Any], bool]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def marker_holds(marker: str, variables: Mapping[str, str]) -> bool:
    """Evaluate an environment marker; markers are a part of Python's own syntax, so Python's parser reads them."""

    def holds(node: ast.expr) -> bool:
        if isinstance(node, ast.BoolOp):
            results = [holds(value) for value in node.values]
            return all(results) if isinstance(node.op, ast.And) else any(results)
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Name) and type(node.ops[0]) in COMPARISONS:
            name, literal = node.left.id, node.comparators[0]
            if name in variables and isinstance(literal, ast.Constant) and len(node.ops) == 1:
                order = version if name.endswith("_version") else str
                return COMPARISONS[type(node.ops[0])](order(variables[name]), order(str(literal.value)))
        raise Fault(f"The lock has a marker that the bootstrap does not understand: {printable(marker)}")

    def version(value: str) -> tuple[int, ...]:
        numbers = [int(number) for number in value.split(".")]
        return tuple(numbers + [0] * (3 - len(numbers)))

    return holds(ast.parse(marker, mode="eval").body)


# --- what an environment must be --------------------------------------------------------------------------------------


def verify(environment: Path, lock: list[Requirement], *, keep_byte_code: bool = False) -> None:
    """Raise Untrusted unless an environment is what this lock and interpreter make, once its byte code is removed."""
    if environment.is_symlink() or not environment.is_dir():
        raise Untrusted("it is not a folder")
    digests = {"pyvenv.cfg": hashlib.sha256(PYVENV_CFG.encode()).digest()}
    for path, content in locked_wheels(environment, lock):
        digests[path] = b""  # its content was judged just now, and is not read again below
        digests.update(wheel_digests(content))
    folders = {"bin", *(path[: slash.start()] for path in digests for slash in re.finditer("/", path))}
    missing = {"bin/python", *digests}
    buffer = memoryview(bytearray(1 << 18))
    for path, entry in walk(environment, keep_byte_code=keep_byte_code):
        if entry.is_symlink():
            if path != "bin/python" or os.readlink(entry) != BASE_PYTHON:
                raise Untrusted(f"{path} is a link that does not belong there")
        elif entry.is_dir():
            if path not in folders:
                raise Untrusted(f"{path} does not belong there")
            continue
        elif path not in digests or not entry.is_file():
            raise Untrusted(f"{path} does not belong there")
        elif digests[path] and digest_of(entry, buffer) != digests[path]:
            raise Untrusted(f"{path} was changed")
        missing.remove(path)
    if missing:
        raise Untrusted(f"{min(missing)} is missing")


def digest_of(file: os.PathLike[str], buffer: memoryview) -> bytes:
    """Return a file's SHA-256, read through a buffer: that takes half the time of reading each whole into a new one."""
    digest = hashlib.sha256()
    with open(file, "rb", buffering=0) as stream:
        while size := stream.readinto(buffer):
            digest.update(buffer[:size])
    return digest.digest()


def walk(folder: Path, prefix: str = "", *, keep_byte_code: bool) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield what is below a folder with its path, a folder before its content; pass over byte code or remove it."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name == "__pycache__" and entry.is_dir(follow_symlinks=False):
                if not keep_byte_code:
                    shutil.rmtree(entry)
                continue
            yield prefix + entry.name, entry
            if entry.is_dir(follow_symlinks=False):
                yield from walk(Path(entry), f"{prefix}{entry.name}/", keep_byte_code=keep_byte_code)


def locked_wheels(environment: Path, lock: list[Requirement]) -> Iterator[tuple[str, bytes]]:
    """Yield path and content of one wheel for each locked package, each with a hash that the lock allows."""
    wanted = {digest: requirement.name for requirement in lock for digest in requirement.digests}
    for wheel in sorted((environment / "wheels").glob("*")):
        content = wheel.read_bytes() if wheel.is_file() else b""
        name = wanted.get(hashlib.sha256(content).hexdigest())
        if name is None:
            raise Untrusted(f"wheels/{wheel.name} has no hash that the lock allows")
        if not zipfile.is_zipfile(io.BytesIO(content)):  # a source archive, whose hash the lock allows as well
            raise Untrusted(f"wheels/{wheel.name} is no wheel")
        wanted = {digest: other for digest, other in wanted.items() if other != name}
        yield f"wheels/{wheel.name}", content
    if wanted:
        raise Untrusted(f"the wheel of {min(wanted.values())} is missing")


def wheel_digests(content: bytes) -> dict[str, bytes]:
    """
    Return the SHA-256 of each file of a wheel by its path in the environment.

    Source: PyPA, "Recording installed projects".
    """
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        names = [name for name in wheel.namelist() if not name.endswith("/")]
        recorded = {}
        for record in (name for name in names if re.fullmatch(r"[^/]+\.dist-info/RECORD", name)):
            for name, digest, _size in csv.reader(io.StringIO(wheel.read(record).decode())):
                if digest.startswith("sha256="):
                    recorded[name] = base64.urlsafe_b64decode(digest.removeprefix("sha256=") + "=")
        # RECORD does not list itself, for one.
        return {place(name): recorded.get(name) or hashlib.sha256(wheel.read(name)).digest() for name in names}


def place(name: str) -> str:
    """Return where in an environment a wheel's file belongs. Source: PyPA, "Binary distribution format"."""
    data = re.fullmatch(r"[^/]+\.data/(purelib|platlib|scripts|data)/(.+)", name)
    if data is None:
        return f"{SITE}/{name}"
    return {"purelib": f"{SITE}/", "platlib": f"{SITE}/", "scripts": "bin/", "data": ""}[data[1]] + data[2]


# --- making one -------------------------------------------------------------------------------------------------------


def ready_environment(home: Path, kind: str, source: Path | None) -> Path:
    """
    Return a verified environment for the lock `requirements/KIND.txt`, built now if there is none to trust.

    The packages come from the folder `source`, or from an index where that is None.
    """
    if os.name != "posix":
        raise Fault("The bootstrap runs on Linux and macOS only.")
    text = (ROOT / "requirements" / f"{kind}.txt").read_text(encoding="utf-8")
    lock = read_lock(text, marker_variables())
    identity = (LAYOUT, text, BASE_PYTHON, sys.version, sys.platform, os.uname().machine)
    digest = hashlib.sha256(repr(identity).encode()).hexdigest()[:16]
    environment = home / f"{kind}-{sys.implementation.cache_tag}-{digest}"
    keep_byte_code = kind == "dev" and "CI" not in os.environ

    def difference() -> str:
        try:
            verify(environment, lock, keep_byte_code=keep_byte_code)
        except (Untrusted, OSError) as error:
            return printable(error)
        return ""

    if not difference():
        with suppress(OSError):  # a folder that only others may write to
            os.utime(environment)
        return environment
    home.mkdir(parents=True, exist_ok=True)
    with sole_builder(home):
        reason = difference()  # Whoever was the builder before may have built it.
        if reason and os.path.lexists(environment):
            say(f"The environment is not what the lock makes ({reason}). It is thrown away and built again.")
        if reason:
            clear_unused(home)
            build(environment, lock, source)
    return environment


def clear_unused(home: Path) -> None:
    """Remove the environments that nobody has used for long; each use moves its folder's time."""
    for folder in home.iterdir():
        ours = re.fullmatch(r"[a-z]+-[a-z]+-\d+-[0-9a-f]{16}", folder.name) and not folder.is_symlink()
        if ours and time.time() - folder.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def sole_builder(home: Path) -> Iterator[None]:
    """Hold the folder's lock, which ends with its holder, and clear away what a killed builder left."""
    import fcntl

    with open(home / "lock", "w", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another bootstrap is building here; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        for leftover in home.glob("unfinished-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def build(environment: Path, lock: list[Requirement], source: Path | None) -> None:
    """Build an environment beside its place, verify it, and put it there in one step."""
    import tempfile
    from concurrent.futures import ThreadPoolExecutor

    where = "" if source is None else f" from {printable(source)}"
    say(f"Fetching {len(lock)} locked packages{where} into {printable(environment)}.")
    with tempfile.TemporaryDirectory(prefix="unfinished-", dir=environment.parent) as scratch:
        new = Path(scratch, "new")
        for folder in ("bin", "wheels"):
            (new / folder).mkdir(parents=True)
        (new / "pyvenv.cfg").write_text(PYVENV_CFG, encoding="utf-8")
        (new / "bin/python").symlink_to(BASE_PYTHON)
        fetch(lock, Path(scratch), new / "wheels", source)
        try:
            contents = [content for _path, content in locked_wheels(new, lock)]
            with ThreadPoolExecutor() as pool:
                list(pool.map(unpack, contents, repeat(new)))
            verify(new, lock)
        except Untrusted as error:
            raise Fault(f"What pip fetched is not what the lock allows: {printable(error)}.") from None
        if os.path.lexists(environment):
            environment.rename(Path(scratch, "old"))
        new.rename(environment)


def unpack(content: bytes, environment: Path) -> None:
    """Write a wheel's files to their places."""
    with zipfile.ZipFile(io.BytesIO(content)) as wheel:
        for member in wheel.infolist():
            if not member.is_dir():
                target = environment / place(member.filename)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(wheel.read(member))
                if target.parent == environment / "bin" or member.external_attr >> 16 & 0o111:
                    target.chmod(0o755)


def fetch(lock: list[Requirement], scratch: Path, wheels: Path, source: Path | None) -> None:
    """
    Let pip download the wheel of each package, or pick it among those that a folder has.

    Several pips at once, as they spend their time in Python: one pip 23.2 took 2.9 s for 14 packages, two on 2 cores
    took 1.8 s.
    """
    import subprocess

    options = ("--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--progress-bar=off")
    locked = ("--require-hashes", "--no-deps", "--only-binary=:all:", f"--dest={wheels}")
    command = [*pip_command(), "download", *options, *locked]
    if source is None:
        environment = pip_environment(os.environ)
    else:
        command += ["--no-index", f"--find-links={allowed_wheels(source, lock, scratch / 'allowed')}"]
        environment = {name: os.environ[name] for name in ("HOME", "LD_LIBRARY_PATH") if name in os.environ}
        environment["PIP_CONFIG_FILE"] = os.devnull
    # With no programs to find, pip does not ask them for its statistics, as it does `rustc`, which writes to HOME.
    environment |= {"TMPDIR": str(scratch), "PATH": str(scratch)}
    pips = min(len(lock), os.cpu_count() or 1, 4)
    running: list[tuple[subprocess.Popen[bytes], Path]] = []
    try:
        for number in range(pips):
            part, log = scratch / f"part-{number}.txt", scratch / f"pip-{number}.log"
            part.write_text("".join(requirement.text for requirement in lock[number::pips]), encoding="utf-8")
            with log.open("wb") as output:
                arguments = [*command, f"--requirement={part}"]
                pip = subprocess.Popen(
                    arguments, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
                )
            running.append((pip, log))
        for pip, log in running:
            if pip.wait() != 0:
                raise Fault(pip_failure(log.read_text(encoding="utf-8", errors="replace"), source))
    finally:
        for pip, _log in running:
            pip.kill()
            pip.wait()


def allowed_wheels(source: Path, lock: list[Requirement], target: Path) -> Path:
    """
    Copy the wheels of a folder whose hash the lock names to another one and return that; all other files do not count.

    Raises: `Fault` that names each package of which there is none.
    """
    target.mkdir()
    found = set()
    for file in sorted(source.glob("*.whl")):
        content = file.read_bytes() if file.is_file() else b""
        digest = hashlib.sha256(content).hexdigest()
        if any(digest in requirement.digests for requirement in lock):
            (target / file.name).write_bytes(content)
            found.add(digest)
    missing = [requirement.text.split(" ")[0] for requirement in lock if found.isdisjoint(requirement.digests)]
    if missing:
        raise Fault(
            f"{printable(source)} has no wheel with a hash that the lock allows for {', '.join(missing)}. Fill the "
            "folder again from the lock of this very version of ci-guard."
        )
    return target


def pip_command() -> list[str]:
    """Return how to run pip: this interpreter's, its base's, or the one that its `ensurepip` carries."""
    import site
    import subprocess

    probe = "import site; print(*site.getsitepackages(), sep='\\n')"
    base = subprocess.run([BASE_PYTHON, "-I", "-S", "-B", "-c", probe], capture_output=True, check=False).stdout
    for packages in (*site.getsitepackages(), *os.fsdecode(base).splitlines()):
        # By its folder rather than with `-m`, which would need `site`, and that runs everybody's `.pth` files.
        if os.path.isfile(f"{packages}/pip/__main__.py"):
            return [BASE_PYTHON, "-I", "-S", "-B", f"{packages}/pip"]
    bundled = Path(sysconfig.get_path("stdlib"), "ensurepip/_bundled")
    for folder in (bundled, Path(sysconfig.get_config_var("WHEEL_PKG_DIR") or bundled)):  # a distribution's own place
        for wheel in folder.glob("pip-*.whl"):
            return [BASE_PYTHON, "-I", "-S", "-B", str(wheel / "pip")]
    raise Fault(
        f"{BASE_PYTHON} has no pip to fetch the packages with. Install it (on Debian and Ubuntu: the package "
        "python3-pip), or run the same command with a Python that has it."
    )


def pip_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """
    Return all that pip may hear of the caller's variables and of pip's configuration files.

    The files are read here, as `pip config list` takes 0.4 s. Pip itself reads none: most keys (`target`, `log`,
    `requirement` …) would change what it does or where it writes.
    Source: pip, "Configuration": the files' places; a later file overrides an earlier one, a variable overrides all.
    """
    import configparser

    config_home = environ.get("XDG_CONFIG_HOME") or "~/.config"
    files = [
        *(f"{folder}/pip/pip.conf" for folder in (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")),
        *("/Library/Application Support/pip/pip.conf", "/etc/pip.conf"),
        *("~/.pip/pip.conf", "~/Library/Application Support/pip/pip.conf", f"{config_home}/pip/pip.conf"),
        *(f"{sys.prefix}/pip.conf", environ.get("PIP_CONFIG_FILE", "")),
    ]
    if files[-1] == os.devnull:  # "no configuration files at all"
        files = []
    settings = {}
    for file in filter(os.path.isabs, map(os.path.expanduser, files)):
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise Fault(f"Pip's configuration file {printable(file)} cannot be read: {printable(error)}") from None
        for section in filter(parser.has_section, ("global", "install", "download")):
            settings.update({key.replace("_", "-"): value for key, value in parser.items(section)})
    result = {name: environ[name] for name in PIP_ENVIRONMENT if name in environ}
    for setting in PIP_SETTINGS:
        name = "PIP_" + setting.upper().replace("-", "_")
        value = environ.get(name) or settings.get(setting)
        if value:
            result[name] = value
    return result | {"PIP_CONFIG_FILE": os.devnull}


def pip_failure(output: str, source: Path | None = None) -> str:
    """Say in one paragraph why pip failed, and show the end of its own words so that none is a runner's command."""
    this = f"this Python ({sys.version.split()[0]}, {sys.platform}, {os.uname().machine})"
    if "DO NOT MATCH THE HASHES" in output:
        reason = (
            "A package is not the one that the lock names: its SHA-256 differs. Nothing of it was used. The index or a "
            "mirror serves another file, or somebody tampers with the download."
        )
    elif "No space left" in output:
        reason = "The disk is full. Make room, or choose another folder with --home DIR."
    elif re.search(r"connection|proxy|ssl|timed? ?out|HTTP error", output, re.IGNORECASE):
        reason = (
            "The package index cannot be reached. Check the network, or tell pip where a mirror or a proxy is, by its "
            "variables (PIP_INDEX_URL, PIP_PROXY, PIP_CERT …) or its configuration file."
        )
    elif source is not None and "No matching distribution" in output:
        reason = f"{printable(source)} has the wheel of a locked package for other machines, but none for {this}."
    elif "No matching distribution" in output:
        reason = (
            f"The index has no wheel of a locked package for {this}. The lock is made for CPython 3.10 to 3.13; a "
            "mirror may also lack the file."
        )
    else:
        reason = "Pip could not fetch the locked packages."
    lines = [re.sub(r"://[^/@\s]+@", "://****@", line) for line in output.splitlines() if line.strip()]
    return "\n".join((reason, *(f"  pip: {printable(line)}" for line in lines[-6:])))


# --- running ----------------------------------------------------------------------------------------------------------


def printable(value: object) -> str:
    """Return what others may have written as plain ASCII without control characters or a runner's `##[command]`."""
    return ascii(str(value))[1:-1].replace("##[", "## [")


def say(message: str) -> None:
    """Write to standard error: standard output belongs to the program."""
    print(f"ci-guard bootstrap: {message}", file=sys.stderr, flush=True)


class Asked(NamedTuple):
    """What the command line asks for."""

    home: Path
    """The folder for environments."""
    source: Path | None
    """The folder of wheels; None for an index."""
    kind: str
    """The lock's name."""
    arguments: list[str]
    """For the environment's interpreter."""


def asked(arguments: list[str]) -> Asked:
    """Return what the command line asks for; an option without a folder ends the program."""
    folders = {"--home": ROOT / ".bootstrap"}
    while arguments[:1] in (["--home"], ["--wheels"]):
        option = arguments[0]
        if not any(arguments[1:2]):
            say(f"{option} needs a folder.")
            sys.exit(2)
        folders[option], arguments = Path(arguments[1]).absolute(), arguments[2:]
    source = folders.get("--wheels")
    if source is not None and not source.is_dir():
        say(f"--wheels needs a folder, and {printable(source)} is none.")
        sys.exit(2)
    if arguments[:1] == ["--tests"]:
        kind, arguments = "dev", ["-m", "pytest", *arguments[1:]]
    elif arguments[:1] in (["--dev"], ["--release"]):
        kind, arguments = arguments[0].removeprefix("--"), arguments[1:]
    else:
        kind = lock_of(arguments, os.environ)
        arguments = [str(ROOT / "ci_guard/__main__.py"), *arguments]
    return Asked(folders["--home"], source, kind, arguments)


def lock_of(arguments: list[str], environ: Mapping[str, str]) -> str:
    """
    Return the name of the smallest lock with all that the program will load, so that no other job waits for the rest.

    Variables may choose here, as they do in ci-guard: every lock is hash-checked, and what one lacks is said to be
    missing. `sigstore` holds everything; to `runtime`, `signing` adds what verifies ID tokens and signs by a key, which
    `gitlab` has as well.
    """
    inputs = environ if "--inputs" in arguments else {}
    logs = [*values_of("--audit-log", arguments), *inputs.get("CI_GUARD_INPUT_AUDIT_LOG", "").split()]
    keys = [key for key in (log.partition(",")[2] for log in logs) if key]
    signed = [*values_of("--floor-signature", arguments), inputs.get("CI_GUARD_INPUT_FLOOR_SIGNATURE", "")]
    keyless = any(key.partition("=")[0] == "sigstore" for key in keys) or values_of("--identity", arguments)
    if keyless or any("sigstore" in each for each in signed):
        return "sigstore"
    if asks_gitlab(arguments, environ):
        return "gitlab"
    by_secret = bool(logs) and environ.get("CI_GUARD_AUDIT_KEY", "").strip().startswith("PRIVATE+KEY+")
    by_key = arguments[:2] == ["audit", "keygen"] or bool(values_of("--key", arguments))
    if keys or by_secret or by_key or asks_for_id_token(arguments, environ):
        return "signing"
    return "runtime"


def asks_gitlab(arguments: list[str], environ: Mapping[str, str]) -> bool:
    """Tell whether the program will ask GitLab."""
    if arguments[:1] not in (["check"], ["doctor"], ["facts"], ["audit"]):
        return False
    if platforms := values_of("--platform", arguments):
        return platforms[0] == "gitlab"
    return environ.get("GITLAB_CI") == "true" and "--platform" not in arguments and arguments[0] != "audit"


def asks_for_id_token(arguments: list[str], environ: Mapping[str, str]) -> bool:
    """Tell whether the program may ask GitHub's runner for an ID token: the job has `id-token: write`."""
    variables = ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN")
    return arguments[:1] in (["check"], ["doctor"], ["facts"]) and all(environ.get(name) for name in variables)


def values_of(option: str, arguments: list[str]) -> list[str]:
    """Return every value that a command line gives an option, in either spelling."""
    joined = [word.partition("=")[2] for word in arguments if word.startswith(f"{option}=")]
    return joined + [value for word, value in pairwise(arguments) if word == option]


def run(environment: Path, kind: str, arguments: list[str]) -> NoReturn:
    """Replace this process by the environment's interpreter, isolated unless it runs the checkout's own tools."""
    python = str(environment / "bin/python")
    variables = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    if kind not in ("dev", "release"):
        os.execve(python, [python, "-I", "-B", "-X", "utf8", *arguments], variables)
    os.chdir(ROOT)
    os.execve(python, [python, "-s", "-X", "utf8", *arguments], variables)


def main() -> NoReturn:
    """Make sure of the environment and run the program."""
    try:
        home, source, kind, arguments = asked(sys.argv[1:])
        run(ready_environment(home, kind, source), kind, arguments)
    except Fault as fault:
        say(str(fault))
    except OSError as error:
        say(f"{printable(error)}. If the folder cannot be written, choose another with --home DIR.")
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(4)


if __name__ == "__main__":
    main()
