"""Many runs of which some go wrong, in every way: the others finish, and what was wrong is told."""

import re
from pathlib import Path

import pytest
import yaml
from faults import LEARNER, PLUGIN, TWO, assert_as, assert_clean, counted, run, undisturbed
from plugins import files_in

LIMIT_S, LIMIT_GIB = 15, 3
ENDED = "its process ended by itself, with exit status"
TOO_LONG = rf"it took longer than its {LIMIT_S} s \(--time-limit\)"
# What a method does in its first step, until it is cured; the reason that is told; what is in its log.
FAULTS = {
    "raises": ("raise RuntimeError('by design')", r"\S*raises.py, line 7: RuntimeError: by design", "in training_step"),
    "quiet": (  # whatever it catches
        "while True:\n                try: __import__('time').sleep(1)\n                except Exception: pass",
        rf"\S*quiet.py, line \d+: {TOO_LONG}",
        "LimitError: it took longer",
    ),
    "stuck": (  # in a library, where no handler of Python's can run
        "__import__('hashlib').pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)",
        f"{TOO_LONG}, and did not stop when it was told to",
        "and did not stop when it was told to",
    ),
    "leaks": (
        "held = [bytearray(b'x' * 2**26) for _ in range(400)]",
        rf"\S*leaks.py, line 7: it took \d\.\d GiB of memory, more than its {LIMIT_GIB}.0 \(--memory-limit\)",
        "LimitError: it took",
    ),
    "nan": (
        "return {'loss': self.encoder.weight.sum() * float('nan')}",
        r"step 0: the term 'loss' is nan; nothing was stored",
        "DivergedError: step 0",
    ),
    "exits": ("raise SystemExit(0)", r"\S*exits.py, line 7: it ended its process, with exit status 0", "SystemExit: 0"),
    "interrupts": ("raise KeyboardInterrupt", r"\S*interrupts.py, line 7: KeyboardInterrupt:.*", "KeyboardInterrupt"),
    "leaves": ("print('bye', flush=True); __import__('os')._exit(3)", f"{ENDED} 3", "bye"),
    "vanishes": ("print('bye', flush=True); __import__('os')._exit(0)", f"{ENDED} 0", "bye"),
    "killed": ("kill()", r"its process was killed by SIGKILL; was there too little memory\?", ""),
}
CHATTY = "print('much ' * 20_000)"


def plugins(folder):
    """A plugin a fault, one that prints a lot, two that do nothing wrong; and the file that asks for all of them."""
    folder.mkdir()
    for name, (body, _, _) in FAULTS.items():
        text = PLUGIN.format(name=name.title(), body=f"if not cured():\n            {body}")
        (folder / f"{name}.py").write_text(text)
    (folder / "chatty.py").write_text(PLUGIN.format(name="Chatty", body=CHATTY))
    (folder / "learner.py").write_text(LEARNER)
    wanted = [{"method": name, "plugin": f"{name}.py", "preset": "tiny"} for name in ("learner", *FAULTS, "chatty")]
    wanted[0]["seeds"] = [0, 1]
    (folder / "faults.yaml").write_text(yaml.safe_dump(wanted))
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """The same command before and after the causes were cured."""
    folder = plugins(tmp_path_factory.mktemp("many") / "runs")
    cured, count = folder.parent / "cured", folder.parent / "count"
    command = ("--runs", "faults.yaml", *TWO, "--time-limit", str(LIMIT_S), "--memory-limit", str(LIMIT_GIB))
    settings = {"CURED": str(cured), "COUNT": str(count), "GRACE": "1"}
    before = run(folder, *command, **settings)
    stored = {name: (folder / name).read_bytes() for name in files_in(folder) if is_result(name)}
    logs = {name: Path(log).read_text() for name, log in logs_of(before.said)}
    cured.touch()
    count.unlink()
    after = run(folder, *command, **settings)
    return folder, before, stored, logs, after, counted(count)


def is_result(name):
    return name.startswith("results/") and name.endswith(".json")


def logs_of(said):
    return re.findall(r"^  (\w+) on phrases/timbre, seed 0: .*\n    log: (.*)$", said, re.MULTILINE)


def test_the_others_finish_and_each_failure_is_told_with_its_log(many):
    _, before, stored, logs, _, _ = many
    assert (before.status, before.told) == (1, ""), before.all
    assert f"{len(FAULTS)} failed; the same command tries them again" in before.said
    for name, (_, reason, line) in FAULTS.items():
        run_line = rf"^\[.*\] {name} on phrases/timbre, seed 0: FAILED, {reason}(; about .* left)?$"
        for pattern in (run_line, f"^  {name} on phrases/timbre, seed 0: {reason}$"):
            assert len(re.findall(pattern, before.said, re.MULTILINE)) == 1, (pattern, before.all)
        assert line in logs[name], (name, logs[name])
    assert "much much" not in before.all
    names = [("chatty", "seed0.json"), ("learner", "seed0.json"), ("learner", "seed1.json")]
    assert sorted(tuple(name.split("/")[-2:]) for name in stored) == names


def test_the_same_command_completes_the_rest_alone_when_the_causes_are_cured(many, tmp_path_factory):
    folder, _, stored, _, after, trained = many
    assert (after.status, after.told) == (0, ""), after.all
    assert trained == sorted(f"dtones_plugin_{name} 0" for name in FAULTS)
    assert {name: (folder / name).read_bytes() for name in stored} == stored
    names = [name for name in files_in(folder) if is_result(name)]
    assert len(names) == len(stored) + len(FAULTS)
    assert_clean(folder)
    expected = undisturbed(tmp_path_factory.getbasetemp())
    for seed in (0, 1):
        assert_as(expected, folder, seed)
    for name in (*FAULTS, "chatty"):  # all of them learn what the first does, with its seed
        assert_as(expected, folder, 0, name)
