"""The arrows of the house: who may import whom. Read from the source, so that nothing has to run."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("generators", "baselines", "benchmark")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def named(path):
    return path.relative_to(ROOT).as_posix()


def imports(path):
    """Names of modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{named(path)}, line {node.lineno}: name the module in full; the hash needs it"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def reached(module):
    """Modules of the project that a module needs, directly or through others."""
    waiting, seen = [module], set()
    while waiting:
        name = waiting.pop()
        path = ROOT.joinpath(*name.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if name not in seen and file.is_file():
                seen.add(name)
                waiting += [found for found in imports(file) if found.split(".")[0] in ROOMS]
    return seen


@pytest.mark.parametrize("path", FILES, ids=named)
def test_rooms_import_one_way(path):
    room = path.relative_to(ROOT).parts[0]
    foreign = {"generators": {"baselines", "benchmark"}, "baselines": {"generators", "benchmark"}, "benchmark": set()}
    wrong = sorted(name for name in imports(path) if name.split(".")[0] in foreign[room])
    assert not wrong, f"{named(path)} imports {wrong}: {room} must know nothing of them (CONTRIBUTING.md, three rooms)"


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_imports_the_tests(path):
    assert not {name for name in imports(path) if name.split(".")[0] in ("tests", "conftest", "pytest")}


@pytest.mark.parametrize(
    ("module", "above"),
    [
        ("benchmark.engines", ["run", "tune", "leaderboard"]),
        ("benchmark.pool", ["run", "engines", "ray_engine", "tune", "leaderboard"]),
        ("benchmark.work", ["run", "engines", "pool", "ray_engine", "tune", "leaderboard"]),
        ("benchmark.execution", ["run", "engines", "work", "plan", "results", "score", "scoring", "feature_store"]),
        ("benchmark.scoring", ["run", "engines", "work", "plan", "results", "train", "execution"]),
        ("benchmark.train", ["engines", "run", "score", "artefacts", "execution"]),
        ("benchmark.score", ["engines", "run", "train", "artefacts", "results"]),
        ("benchmark.results", ["engines", "run", "train", "score", "leaderboard"]),
        *(
            (f"benchmark.metrics.{path.stem}", ["score", "engines", "run", "train", "work"])
            for path in ROOT.glob("benchmark/metrics/*.py")
        ),
    ],
)
def test_the_benchmark_imports_downwards(module, above):
    """run, submit -> engines -> work -> execution, scoring -> train, score -> metrics."""
    wrong = reached(module) & {f"benchmark.{name}" for name in above}
    assert not wrong, f"{module} reaches {sorted(wrong)}, which stand above it"


@pytest.mark.parametrize(
    "module", ["benchmark.score", *(f"benchmark.metrics.{p.stem}" for p in ROOT.glob("benchmark/metrics/*.py"))]
)
def test_scores_know_arrays_alone(module):
    wrong = {name for name in reached(module) if name.split(".")[0] in ("generators", "baselines")}
    assert not wrong, f"{module} reaches {sorted(wrong)}: arrays in, numbers out"


def test_the_leaderboard_needs_no_torch(tmp_path):
    code = "import sys, benchmark.leaderboard; print([name for name in ('torch', 'torchaudio') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert told.stdout.strip() == "[]"
    wrong = {name for name in reached("benchmark.leaderboard") if name.split(".")[0] in ("generators", "baselines")}
    assert not wrong, f"benchmark.leaderboard reads results alone; it reaches {sorted(wrong)}"


def test_every_folder_with_python_files_is_a_listed_package():
    """Automatic discovery leaves out a package named `benchmark`, so the list in pyproject.toml is by hand."""
    folders = {named(path.parent).replace("/", ".") for path in FILES}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == folders
    assert all((ROOT.joinpath(*folder.split(".")) / "__init__.py").is_file() for folder in folders)


def test_every_package_that_is_imported_is_required():
    """What the code imports from outside is in `dependencies`: a fresh environment holds it."""
    wanted = {re.split(r"[<>=\[ ]", text)[0].lower() for text in PYPROJECT["project"]["dependencies"]}
    optional = PYPROJECT["project"]["optional-dependencies"]
    extras = {
        re.split(r"[<>=\[ ]", text)[0].lower()
        for name in ("data", "soundfont", "ray", "report", "tune")
        for text in optional[name]
    }
    known_as = {
        "sklearn": "scikit-learn",
        "fluidsynth": "pyfluidsynth",
        "yaml": "pyyaml",
        "upath": "universal-pathlib",
        "pynvml": "nvidia-ml-py",
    }
    tops = {name.split(".")[0] for path in FILES for name in imports(path)}
    outside = {known_as.get(top, top) for top in tops - set(ROOMS) - set(sys.stdlib_module_names)}
    assert outside <= wanted | extras
    by_others = {"nvidia-ml-py"}  # torch.cuda.utilization imports it
    assert wanted - by_others <= outside, "a dependency that nothing imports"


def test_the_change_log_begins_with_this_version():
    log = ROOT / "CHANGELOG.md"
    if log.is_file():
        headings = re.findall(r"^## +\[?v?([0-9][^\s\]]*)", log.read_text(encoding="utf-8"), re.MULTILINE)
        assert headings[0] == PYPROJECT["project"]["version"]
