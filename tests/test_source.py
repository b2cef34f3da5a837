from pathlib import Path

import pytest

from baselines import registry
from benchmark import source
from benchmark.execution import hashed
from benchmark.scoring import scoring_hash
from benchmark.tasks import load_task


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of its own: method -> losses -> maths; engine -> a package; one file that nobody imports."""
    files = {
        "baselines/__init__.py": "",
        "baselines/methods/__init__.py": "",
        "baselines/methods/mine.py": "from baselines.losses import loss\nimport numpy\n",
        "baselines/losses.py": "from baselines import maths\n",
        "baselines/maths.py": "import json\n",
        "baselines/other.py": "x = 1\n",
        "benchmark/__init__.py": "",
        "benchmark/engine.py": "import generators\n\ndef late():\n    from benchmark.metrics import table\n",
        "benchmark/metrics/__init__.py": "",
        "benchmark/metrics/table.py": "",
        "generators/__init__.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(source, "ROOT", tmp_path)
    return tmp_path


def of(project):
    return source.source_hash(project / "baselines/methods/mine.py", project / "benchmark/engine.py")


@pytest.mark.parametrize(
    "name",
    [
        "baselines/methods/mine.py",
        "baselines/losses.py",
        "baselines/maths.py",
        "benchmark/engine.py",
        "benchmark/metrics/table.py",
        "benchmark/metrics/__init__.py",
        "generators/__init__.py",
        "baselines/__init__.py",
    ],
)
def test_it_changes_with_a_file_that_is_imported(project, name):
    before = of(project)
    (project / name).write_text((project / name).read_text() + "# changed\n")
    assert of(project) != before


def test_it_stays_with_a_file_that_is_not(project):
    before = of(project)
    (project / "baselines/other.py").write_text("x = 2\n")
    (project / "baselines/another.py").write_text("")
    assert of(project) == before


def test_it_is_a_sha_256_that_does_not_depend_on_the_folder_or_on_the_order(project, monkeypatch):
    before = of(project)
    assert len(before) == 64
    assert source.source_hash(project / "benchmark/engine.py", project / "baselines/methods/mine.py") == before
    moved = project.with_name("moved")
    project.rename(moved)
    monkeypatch.setattr(source, "ROOT", moved)
    assert of(moved) == before


def test_two_files_that_swap_their_text_change_it(project):
    before = of(project)
    one, two = project / "generators/__init__.py", project / "benchmark/metrics/__init__.py"
    one.write_text("# a\n")
    between = of(project)
    one.write_text("")
    two.write_text("# a\n")
    assert len({before, between, of(project)}) == 3


def test_a_plugin_counts_wherever_it_lies(project, tmp_path_factory):
    places = [tmp_path_factory.mktemp("a") / "losses.py", tmp_path_factory.mktemp("z") / "losses.py"]
    hashes = []
    for place in places:
        place.write_text("from baselines.losses import loss\n")
        hashes.append(source.source_hash(place))
    assert hashes[0] == hashes[1]
    (project / "baselines/maths.py").write_text("# changed\n")
    assert source.source_hash(places[0]) != hashes[0]


def test_the_hash_of_a_run_covers_sound_learning_and_judging(monkeypatch):
    """Every file that decides a score, those imported by name at run time among them."""
    read = []
    true_imports = source._imports
    monkeypatch.setattr(source, "_imports", lambda path: read.append(path) or true_imports(path))
    hashed(registry.path_of("combined"), load_task("phrases/timbre"))
    names = {path.relative_to(source.ROOT).as_posix() for path in read}
    assert names >= {
        "generators/phrases.py",
        "generators/synth.py",
        "generators/splits.py",
        "generators/pairs.py",
        "baselines/methods/combined.py",
        "baselines/losses.py",
        "baselines/networks.py",
        "baselines/frontend.py",
        "benchmark/train.py",
        "benchmark/features.py",
        "benchmark/metrics/reconstruction.py",
    }
    # What scores embeddings has a hash of its own: when it changes they are scored anew, not made anew.
    for judging in ("score.py", "details.py", "metrics/probes.py", "metrics/information.py", "results.py", "stages.py"):
        assert f"benchmark/{judging}" not in names, judging
    assert "baselines/methods/contrastive.py" not in names
    assert "benchmark/leaderboard.py" not in names
    assert not [name for name in names if Path(name).parts[0] == "tests"]


def test_the_hash_of_scoring_covers_every_metric_of_embeddings(monkeypatch):
    read = []
    true_imports = source._imports
    monkeypatch.setattr(source, "_imports", lambda path: read.append(path) or true_imports(path))
    scoring_hash()
    names = {path.relative_to(source.ROOT).as_posix() for path in read}
    metrics = {path.relative_to(source.ROOT).as_posix() for path in (source.ROOT / "benchmark/metrics").glob("*.py")}
    by_decoders = {"benchmark/metrics/swap.py", "benchmark/metrics/reconstruction.py"}
    assert metrics - by_decoders <= names
    assert names >= {"benchmark/score.py", "benchmark/details.py", "benchmark/scoring.py"}
    assert not [name for name in names if name.startswith("baselines/")]


def test_methods_have_hashes_of_their_own():
    task = load_task("phrases/timbre")
    assert len({hashed(registry.path_of(name), task) for name in registry.names()}) == len(registry.names())
