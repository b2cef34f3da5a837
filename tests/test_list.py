import re
import subprocess
import sys
from importlib.metadata import EntryPoint

from baselines import plugins, registry
from benchmark import learners, oracles
from benchmark import list as listing
from benchmark.tasks import BOARD, EXTRA, PRESETS, load_task


def test_it_shows_every_method_task_and_preset_a_line_each(command, tmp_path):
    shown = command("list", cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    shown_names = [*registry.names(), *oracles.summaries(), *learners.names(), *BOARD, *EXTRA, *PRESETS]
    for name in shown_names:
        own = [line for line in lines if re.match(rf"\s*{re.escape(name)}\s", line)]
        assert len(own) == 1, name
        assert len(own[0].split()) > 3, f"{name} is shown without a word about it"
    assert len([line for line in lines if line.strip()]) == 6 + len(shown_names)


def test_the_first_line_of_a_methods_file_is_shown_whole(capsys):
    assert listing.main([]) == 0
    shown = capsys.readouterr().out
    for name in registry.names():
        assert registry.summary(registry.path_of(name)) in shown


def test_square_brackets_are_shown_as_they_are(capsys, monkeypatch):
    monkeypatch.setattr(registry, "summary", lambda path: "Codes [n, d], in [bold] and [/].")
    listing.main([])
    count = capsys.readouterr().out.count("Codes [n, d], in [bold] and [/].")
    assert count == len(registry.names()) + len(learners.names())


def test_the_line_of_a_task_names_what_it_shares(capsys):
    listing.main([])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  phrases/")}
    for name in BOARD:
        (shared,) = load_task(name).blocks["shared"]
        assert f"share {shared} and nothing else" in lines[name]


def test_the_line_of_another_task_says_what_is_different(capsys):
    listing.main([])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if line.startswith("  phrases")}
    held = lines["phrases@heldout(pitch,timbre,0.2)/timbre"]
    assert "made by the space phrases, share timbre and nothing else; " in held
    assert held.rstrip().endswith("independent: heldout(pitch,timbre,0.2)")
    assert "share timbre and nothing else or share rhythm and nothing else" in lines["phrases/timbre,rhythm"]
    assert "are two augmentations of one clip: preservation alone, no rank" in lines["phrases/augment"]


def test_no_method_is_imported_to_list_them(tmp_path):
    code = "import sys; from benchmark import list; list.main([]); print('torch' in sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert shown.stdout.splitlines()[-1] == "False"


def test_the_table_of_methods_has_a_row_for_each_and_says_what_it_declines(capsys):
    assert listing.main(["--methods"]) == 0
    rows = {line.split(" | ")[0].strip("| `"): line for line in capsys.readouterr().out.splitlines()[2:]}
    assert set(rows) == set(registry.names())
    assert "`phrases/timbre,rhythm`: it takes 2 blocks and 2 views, not 3 and 2" in rows["combined"]
    assert rows["combined_factors"].endswith("| — |")
    assert "| combined | by task |" in rows["combined"]


def test_what_installed_packages_offer_is_listed(monkeypatch, capsys):
    offered = [EntryPoint("theirs", "their_package:Encoder", plugins.GROUP)]
    monkeypatch.setattr(plugins, "entry_points", lambda group: offered)
    assert listing.main([]) == 0
    assert re.search(r"theirs +their_package:Encoder", capsys.readouterr().out)
    offered[0] = EntryPoint("combined", "their_package:Encoder", plugins.GROUP)
    assert listing.main([]) == 2
    assert "offers their_package:Encoder as 'combined', which is another's name" in capsys.readouterr().err
