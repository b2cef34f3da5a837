"""The report without a browser: the same numbers as the leaderboard, and nothing in a result is trusted."""

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from reported import HOSTILE, board, data_of, keep, result, scores, write

from benchmark.board import rows_of
from benchmark.report import kept
from benchmark.report.build import build
from benchmark.report.contents import tables_of
from benchmark.report.names import page_name
from benchmark.report.page import as_json
from benchmark.report.troubles import troubles
from benchmark.statistics import mean_interval
from benchmark.version import BENCHMARK_VERSION

ROOT = Path(__file__).resolve().parent.parent


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and its text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.text = [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


def written(tmp_path, results, **options):
    out = tmp_path / "report"
    build(results, tmp_path / "artefacts", out, version=BENCHMARK_VERSION, **{"sound": False, **options})
    return {file.name: file.read_text("utf-8") for file in out.glob("*.html")}


@pytest.mark.parametrize("name", [*HOSTILE, "", ".", "con", "é" * 300, "a/b\\c\0d"])
def test_a_page_has_a_name_that_cannot_leave_the_folder(name):
    file = page_name("method", name, "phrases/timbre")
    assert re.fullmatch(r"method-[a-z0-9-]+\.html", file)
    assert len(file) < 100


def test_names_that_read_alike_have_pages_of_their_own():
    assert len({page_name("method", *parts) for parts in (["a", "b"], ["a-b"], ["A", "b"], ["ab", ""], ["a|b"])}) == 5


def test_data_cannot_end_its_script():
    text = as_json({"</script><script>": "<!-- & -->"})
    assert not set("<>&") & set(text)
    assert data_of(f'<script type="application/json" id="data">{text}</script>') == {"</script><script>": "<!-- & -->"}
    with pytest.raises(ValueError, match="Out of range"):
        as_json(float("nan"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_a_result_says_is_shown_and_never_obeyed(tmp_path, hostile):
    blocks = {"shared": [hostile], "private": ["pitch"]}
    told = [one.model_copy(update={"block": None, "factor": None}) for one in scores(0.5)[:3]]
    strange = [
        result(hostile, 0.5, seed, family=hostile, settings={hostile: hostile}, blocks=blocks, scores=told)
        for seed in range(2)
    ]
    pages = written(tmp_path, strange)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report"]
    known = {"assets/plotly.min.js", "assets/plots.js", "assets/board.js", "assets/method.js", "assets/theme.js", None}
    for page in pages.values():
        tags = Tags(page)
        assert {attributes.get("src") for tag, attributes in tags.tags if tag == "script"} <= known
        assert not {"img", "b"} & {tag for tag, _ in tags.tags}
        assert not [name for _, attributes in tags.tags for name in attributes if name.startswith("on")]
        assert all(
            re.fullmatch(r"[a-z0-9/.-]+|#main|data:,", attributes["href"])
            for _, attributes in tags.tags
            if "href" in attributes
        )
        assert hostile in "".join(tags.text)
        assert data_of(page)


def test_numbers_and_ranks_are_those_of_the_leaderboard(tmp_path):
    pages = written(tmp_path, board())
    runs = [run for run in board() if run.task == "phrases/timbre"]
    tables = data_of(pages["index.html"])["tables"]
    assert [len(table) for table in tables] == [5, 1]
    rows = rows_of(runs)
    assert [(point["name"], point["rank"]) for point in tables[0]] == [(row.name, row.rank) for row in rows]
    for point, row in zip(tables[0], rows, strict=True):
        mean, half = mean_interval(row.values("balance"))
        assert point["values"]["balance"] == [round(mean, 4), None if half is None else round(half, 4)]
    assert "0.800 ± 0.020" in pages["index.html"]


def test_what_is_missing_shows_as_missing(tmp_path):
    pages = written(tmp_path, board())
    index = pages["index.html"]
    assert "2 (missing: 1, 3, 4)" in index
    assert "Missing here, though there are results of other tasks: hasty, middling, untrained, weak." in index
    (hasty,) = [page for name, page in pages.items() if name.startswith("method-hasty")]
    assert "Missing: seed 1, 3, 4" in hasty
    assert "Missing: no losses of these runs are kept" in hasty
    assert "Missing: no embeddings of these runs are kept" in hasty
    assert "Missing: this report was written without sound" in hasty
    (middling,) = [page for name, page in pages.items() if name.startswith("method-middling")]
    assert "has no decoder" in middling


def test_what_went_wrong_is_said_in_words_the_worst_first():
    (row,) = rows_of([result("best", 0.5, seed) for seed in range(3)])
    blocks = {"shared": ["timbre"], "private": ["pitch", "loudness", "rhythm"]}
    texts = [one.text for one in troubles(row, blocks)]
    assert texts[0] == "Leaked: 25.0 % of timbre can be read from private; it belongs in shared."
    assert "Misplaced: 15.0 % of pitch is in the code, but not in private, where it belongs." in texts
    assert "Lost: 10.0 % of pitch is found nowhere in the code." in texts
    sizes = [one.size for one in troubles(row, blocks)]
    assert sizes == sorted(sizes, reverse=True)
    uneven = [result("best", 0.5, seed) for seed in range(3)] + [result("best", 0.1, 3)]
    assert troubles(rows_of(uneven)[0], blocks)[-1].text == "Uneven: seed 3 has B = 0.100, 0.400 below the other seeds."


def test_a_code_of_one_block_has_the_line_of_all_alone(tmp_path):
    whole = [one for one in scores(0.5) if one.block in (None, "all") and one.metric in ("preservation", "information")]
    pages = written(tmp_path, [result("ae", 0.5, 0, scores=whole)])
    (page,) = [page for name, page in pages.items() if name.startswith("method-")]
    heat = page.split('<table class="heat"')[1].split("</table>")[0]
    assert re.findall(r'<th scope="row">(\w+)</th>', heat) == ["all"]


def test_where_losses_begin_and_end_is_a_table_too(tmp_path):
    runs = [run for run in board() if (run.method, run.task) == ("best", "phrases/timbre")]
    for run in runs:
        if run.seed in (0, 2):
            keep(tmp_path / "artefacts", run, decoded=False)
    (page,) = [page for name, page in written(tmp_path, runs).items() if name.startswith("method-best")]
    table = page.split("Where they begin and end")[1].split("</table>")[0]
    assert re.findall(r'<th scope="col"[^>]*>([^<]+)', table) == ["term", "seed 0", "seed 2"]
    assert re.findall(r'<th scope="row">(\w+)', table) == ["loss", "rate"]
    # 300 steps of 1 / (1 + step) in means of three: (1 + 1/2 + 1/3) / 3 at first; `rate` is .5 at every other step.
    assert re.findall(r'<td class="number">([^<]+)', table) == ["0.611 to 0.00334"] * 2 + ["0.5 to 0.5"] * 2


def test_losses_are_thinned_and_damage_is_nothing():
    csv = "step,loss\n" + "".join(f"{step},{step}\n" for step in range(1200))
    curve = kept.losses(csv.encode())["loss"]
    assert len(curve) == kept.CURVE_POINTS
    assert curve[0] == [4.5, 4.5]
    assert kept.losses(b"\xff\xfe") == {}
    assert kept.losses(b"step,loss\n1,nan\n2,inf\n3,x\n4\n") == {}


def test_embeddings_are_their_principal_components(tmp_path):
    rng = np.random.default_rng(0)
    codes = (rng.normal(size=(300, 2)) * [3, 1]) @ np.linalg.qr(rng.normal(size=(6, 6)))[0][:2]
    file = tmp_path / "test.npz"
    levels = np.zeros((300, 4), int)
    np.savez(file, levels=levels, shared=codes.astype(np.float32), still=np.ones((300, 2), np.float32))
    found = kept.embedding(file.read_bytes())
    assert found.explained["shared"] == pytest.approx(1)
    assert found.explained["still"] == 0
    variances = found.points["shared"].var(axis=0)
    assert np.sqrt(variances[0] / variances[1]) == pytest.approx(3, rel=0.15)
    assert kept.embedding(file.read_bytes()[:500]) is None
    np.savez(file, levels=levels, shared=np.array([{}], object))
    assert kept.embedding(file.read_bytes()) is None


def test_damaged_artefacts_are_missing_ones(tmp_path):
    run = board()[0]
    place = keep(tmp_path / "artefacts", run, decoded=False)
    for file in place.iterdir():
        file.write_bytes(b"PK\x03\x04 nothing")
    pages = written(tmp_path, [run])
    (page,) = [page for name, page in pages.items() if name.startswith("method-")]
    assert "Missing: no embeddings" in page


def test_the_same_results_give_the_same_bytes(tmp_path):
    keep(tmp_path / "artefacts", board()[0])
    found = []
    for name in ("a", "b"):
        build(
            board()[::-1] if name == "b" else board(),
            tmp_path / "artefacts",
            tmp_path / name,
            version=BENCHMARK_VERSION,
        )
        files = (path for path in (tmp_path / name).rglob("*") if path.is_file())
        found.append({path.relative_to(tmp_path / name).as_posix(): path.read_bytes() for path in files})
    assert found[0] == found[1]
    assert sum(name.endswith(".flac") for name in found[0]) > 46  # each level of each factor, and the swaps
    assert sum(map(len, found[0].values())) < 8e6


def test_pages_name_no_address_outside(tmp_path):
    for page in written(tmp_path, board()).values():
        assert "http" not in page
        assert "//" not in re.sub(r"<script type.*?</script>", "", page)


def test_thirty_methods_fit_in_twenty_megabytes(tmp_path):
    many = [result(f"method{n}", 0.5, seed) for n in range(30) for seed in range(5)]
    for run in many:
        if run.seed == 0:
            keep(tmp_path / "artefacts", run, decoded=run.method == "method0")
    out = tmp_path / "report"
    build(many, tmp_path / "artefacts", out, version=BENCHMARK_VERSION, sound=False)
    size = sum(path.stat().st_size for path in out.rglob("*") if path.is_file())
    # Of sound, 30 methods have six decoded clips of up to 64 kB raw each, half of that as FLAC; spaces have 1 MB.
    assert size + 30 * 6 * 32e3 + 2e6 < 20e6


def test_the_command_writes_and_replaces_a_report(tmp_path, command):
    write(tmp_path)
    done = command("report", "--no-sound", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"wrote report/index.html: 7 pages, 4\.\d MB; open it in a browser\n", done.stdout)
    (tmp_path / "report" / "left.html").write_text("of an older report")
    assert command("report", "--no-sound", cwd=tmp_path).returncode == 0
    assert not (tmp_path / "report" / "left.html").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "results"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--results", "none"], "none is not a folder; give the one that holds the results: --results DIR"),
        (["--artefacts", "none"], "none is not a folder; give the one that holds what runs left: --artefacts DIR"),
        (["--out", "."], ". holds something else than a report; choose another folder: --out DIR"),
        (["--out", "s3://x/y"], "the report is written to a folder of this machine, not to s3://x/y: --out DIR"),
        (["--benchmark-version", "7"], f"no results of version '7'. There are: {BENCHMARK_VERSION}"),
        (["--outt", "x"], "no option '--outt'; did you mean '--out'? --help shows the options"),
    ],
)
def test_mistakes_are_one_line_and_status_2(tmp_path, command, arguments, message):
    write(tmp_path)
    done = command("report", *arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error: {message}\n")


def test_a_damaged_result_is_named_and_the_others_are_used(tmp_path, command):
    file = next(write(tmp_path).rglob("seed0.json"))
    file.write_text("{")
    done = command("report", "--no-sound", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {file.relative_to(tmp_path)}: the whole file: ")
    assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "report" / "index.html").is_file()


def test_no_results_yet(tmp_path):
    assert "There are no results yet." in written(tmp_path, [])["index.html"]


def test_help_imports_nothing_heavy_and_no_sound_no_torch(tmp_path):
    write(tmp_path)
    code = (
        "import sys; from benchmark.report.__main__ import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "print([name for name in ('torch', 'pandas', 'plotly', 'jinja2') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for arguments, loaded in ((["--help"], "[]"), (["--no-sound"], "['plotly', 'jinja2']")):
        line = [sys.executable, "-c", code, *arguments]
        told = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True, env=environment)
        assert told.stdout.splitlines()[-1] == loaded


def test_tables_do_not_mix(tmp_path):
    mixed = [result("a", 0.5, 0), result("a", 0.5, 0, preset="standard"), result("a", 0.5, 0, task_version="2")]
    tables = tables_of(mixed)
    assert [table.title for table in tables] == ["quick: phrases/timbre"] * 2 + ["standard: phrases/timbre"]
    assert len({table.page(table.rows[0]) for table in tables}) == 3


def test_results_of_a_version_that_there_is_not_yet_are_told_of(tmp_path, command):
    write(tmp_path)
    shutil.copytree(tmp_path / "results" / BENCHMARK_VERSION, tmp_path / "results" / "99.0")
    done = command("report", "--no-sound", cwd=tmp_path)
    told = f"this is {BENCHMARK_VERSION}: update dTones, or remove the folder"
    assert done.returncode == 1
    assert done.stderr == f"error: results/99.0: there is no benchmark version 99.0; {told}\n"
    assert "99.0" not in (tmp_path / "report" / "index.html").read_text("utf-8")
