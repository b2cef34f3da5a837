"""What goes wrong with checkpoints: it is told in one line, and training ends with the numbers of one undisturbed."""

import enum
import errno
import os
import random
import signal
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn
from trainings import KilledError, Plugin, Scripted, named, trained

from benchmark import storage
from benchmark.checkpoint.file import UnusableError, decoded, encoded

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def undisturbed():
    return trained(named("Queue"))


@pytest.fixture
def place(tmp_path):
    return tmp_path / "run" / "checkpoint.safetensors"


@pytest.fixture
def written(place):
    """A checkpoint of step 12, as a training left it that was killed two steps later."""
    with pytest.raises(KilledError):
        trained(named("Queue"), Scripted(place, (12,), 14))
    return place


def begun_anew(place, undisturbed, why, **options):
    checkpoints = Scripted(place, **options)
    trained(named("Queue"), checkpoints).same_as(undisturbed)
    assert len(checkpoints.lines) == 1
    assert "\n" not in checkpoints.lines[0]
    assert checkpoints.lines[0].startswith(f"checkpoint {place} is not used, training begins anew: ")
    assert why in checkpoints.lines[0]


@pytest.mark.parametrize("when", ["step", "fsync", "replace"])
def test_sigkill_at_a_step_and_in_the_middle_of_a_write(when, place, undisturbed):
    at, killed = sorted(random.Random(when).sample(range(1, 39), 2))
    line = [sys.executable, HERE / "trainings.py", "Queue", place, at, killed, when, torch.get_num_threads()]
    environment = os.environ | {"PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(
        list(map(str, line)), env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = [path.name for path in place.parent.iterdir() if path != place]
    assert len(left) == (0 if when == "step" else 1)  # what a killed process cannot tidy up
    checkpoints = Scripted(place)
    trained(named("Queue"), checkpoints).same_as(undisturbed)
    assert checkpoints.lines == [f"training goes on from step {at}, by the checkpoint {place}"]
    assert list(place.parent.iterdir()) == [place]


@pytest.mark.parametrize("keep", [0, 7, 100, 5_000, -1])
def test_a_truncated_file(keep, written, undisturbed):
    written.write_bytes(written.read_bytes()[:keep])
    begun_anew(written, undisturbed, "it is damaged")


def test_any_flipped_bit_is_found(written):
    content = written.read_bytes()
    length = int.from_bytes(content[:8], "little")
    draw = random.Random(0)
    places = [*range(8), *draw.sample(range(8, 8 + length), 300), *draw.sample(range(8 + length, len(content)), 100)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.randrange(8)
        try:
            state, tensors = decoded(bytes(flipped), "run")
        except UnusableError:
            continue
        whole, whole_tensors = decoded(content, "run")  # a flip in white space, or such
        assert state == whole
        assert all(torch.equal(tensors[name], whole_tensors[name]) for name in whole_tensors)


def test_a_flipped_bit_in_the_weights(written, undisturbed):
    content = bytearray(written.read_bytes())
    content[-1_000] ^= 4
    written.write_bytes(content)
    begun_anew(written, undisturbed, "it is damaged: its content has another SHA-256 than was written")


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04.", b"PK" * 500, struct.pack("<Q", 2**60), safetensors.torch.save({"a": torch.ones(3)})]
)
def test_something_else_of_that_name(content, place, undisturbed):
    place.parent.mkdir()
    place.write_bytes(content)
    begun_anew(place, undisturbed, "it is damaged, or no checkpoint")


def test_another_runs(written, undisturbed):
    begun_anew(written, undisturbed, "it is of the run 'run', not of 'another'", identity="another")


def test_another_format(written, undisturbed, monkeypatch):
    monkeypatch.setattr("benchmark.checkpoint.file.FORMAT", "dtones checkpoint 0")
    state, tensors = {"step": 3}, {"a": torch.ones(3)}
    written.write_bytes(encoded("run", state, tensors))
    monkeypatch.undo()
    begun_anew(written, undisturbed, "its format is 'dtones checkpoint 0'; this version reads 'dtones checkpoint 1'")


def test_another_methods(place, undisturbed):
    class Queue(Plugin):
        """Of the same name, with as many parameters, and another queue."""

        def __init__(self, trunk, blocks, settings):
            super().__init__(trunk, blocks, settings)
            self.queue = torch.zeros(49, 8)

        def weight(self, codes):
            self.queue[0] = codes[0]
            return 1.0

    with pytest.raises(KilledError):
        trained(Queue, Scripted(place, (12,), 14))
    begun_anew(
        place, undisturbed, "'queue' is ['torch.float32', [49, 8], [8, 1]] there, ['torch.float32', [50, 8], [8, 1]]"
    )


def test_an_optimiser_that_does_not_load_what_it_gave_leaves_nothing_half_restored(place):
    class Stubborn(torch.optim.SGD):
        def load_state_dict(self, state_dict):
            if state_dict["state"]:
                raise RuntimeError("it will not")
            super().load_state_dict(state_dict)

    class Two(Plugin):
        def __init__(self, trunk, blocks, settings):
            super().__init__(trunk, blocks, settings)
            self.steps = 0

        def optimisers(self):
            half = list(self.encoder.parameters())
            return [torch.optim.AdamW(half[:4]), Stubborn(half[4:], 0.01, momentum=0.9)]

        def after_step(self):
            self.steps += 1

    whole = trained(Two)
    with pytest.raises(KilledError):
        trained(Two, Scripted(place, (12,), 14))
    checkpoints = Scripted(place)
    trained(Two, checkpoints).same_as(whole)
    assert "training begins anew: Stubborn does not load it: it will not" in checkpoints.lines[0]


def test_a_file_that_cannot_be_read(place, undisturbed):
    place.mkdir(parents=True)
    checkpoints = Scripted(place)
    trained(named("Queue"), checkpoints).same_as(undisturbed)
    assert checkpoints.lines[0].startswith(f"checkpoint {place} cannot be read, training begins anew: ")
    assert checkpoints.lines[1].startswith(f"checkpoint {place} is not written, training goes on: ")


def test_a_full_disk_is_told_once_and_leaves_what_was_there(written, undisturbed, monkeypatch):
    content = written.read_bytes()

    def full(number):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.os, "fsync", full)
    checkpoints = Scripted(written, (15, 20, 25))
    trained(named("Queue"), checkpoints).same_as(undisturbed)
    assert checkpoints.lines[1:] == [
        f"checkpoint {written} is not written, training goes on: [Errno 28] No space left on device"
    ]
    assert list(written.parent.iterdir()) == [written]
    assert written.read_bytes() == content


def test_a_limit_to_the_size_of_files(place):
    """As a full disk, but real, in a process of its own."""
    script = f"""
import resource
from pathlib import Path
from trainings import Scripted, named, trained
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
checkpoints = Scripted(Path({str(place)!r}), (10, 20))
trained(named("Queue"), checkpoints)
print(*checkpoints.lines, sep="\\n")
"""
    environment = os.environ | {"PYTHONPATH": f"{HERE.parent}{os.pathsep}{HERE}"}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"checkpoint {place} is not written, training goes on: [Errno 27] File too large\n"
    assert list(place.parent.iterdir()) == []


def test_a_folder_that_cannot_be_made(tmp_path, undisturbed):
    (tmp_path / "file").write_text("in the way")
    checkpoints = Scripted(tmp_path / "file" / "run" / "checkpoint.safetensors", (3, 4))
    trained(named("Queue"), checkpoints).same_as(undisturbed)
    assert len(checkpoints.lines) <= 2
    assert "is not written, training goes on: [Errno 20] Not a directory" in checkpoints.lines[-1]


def test_an_end_from_outside_in_the_middle_of_a_write_passes_through(written, undisturbed, monkeypatch):
    threads = threading.active_count()

    def ended(number):
        raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(storage.os, "fsync", ended)
        with pytest.raises(KilledError):
            trained(named("Queue"), Scripted(written, (20,)))
    assert threading.active_count() == threads
    assert list(written.parent.iterdir()) == [written]
    trained(named("Queue"), Scripted(written)).same_as(undisturbed)


class Phase(enum.Enum):
    EARLY = 1
    LATE = 2


class Helper:
    def __init__(self):
        self.steps = 0


def keeping(first, change):
    """A method with an attribute `odd`, changed at the 15th step."""

    class Odd(Plugin):
        def __init__(self, trunk, blocks, settings):
            super().__init__(trunk, blocks, settings)
            self.odd, self.step = first(), 0

        def prepare(self, features):
            self.unchanged = [Phase.EARLY, {1, 2}, Helper(), lambda x: x, self.settings, torch.float16, features]

        def weight(self, codes):
            self.step += 1
            if self.step == 15:
                change(self)
            return 1.0

    return Odd


@pytest.mark.parametrize(
    ("first", "change", "kind"),
    [
        (Helper, lambda method: setattr(method.odd, "steps", 1), "odd (a Helper), an attribute of Odd,"),
        (Helper, lambda method: setattr(method, "odd", [Helper()]), "odd[0] (a Helper), an attribute of Odd,"),
        (lambda: Phase.EARLY, lambda method: setattr(method, "odd", Phase.LATE), "odd (a Phase), an attribute of Odd,"),
        (set, lambda method: method.odd.add(1), "odd (a set), an attribute of Odd,"),
        (list, lambda method: method.odd.append(b"bytes"), "odd[0] (a bytes), an attribute of Odd,"),
        (list, lambda method: method.odd.append(torch.ones(2).to_sparse()), "odd[0] (a Tensor, torch.sparse_coo, cpu)"),
        (dict, lambda method: method.odd.update(a=nn.Linear(1, 1)), "odd['a'] (a Linear), an attribute of Odd,"),
        (lambda: nn.Linear(1, 1), lambda method: setattr(method, "odd", nn.Linear(1, 1)), "odd (new, gone or another"),
        (list, lambda method: method.encoder.register_buffer("b", torch.ones(1)), "encoder.b (new, gone or another"),
    ],
)
def test_state_that_cannot_be_kept_is_told_of_once_and_the_last_checkpoint_stays(first, change, kind, place):
    odd = keeping(first, change)
    checkpoints = Scripted(place, (10, 20, 30))
    whole = trained(odd, checkpoints)
    assert len(checkpoints.lines) == 1
    assert checkpoints.lines[0].startswith(f"no checkpoints of this training: Odd holds {kind}")
    assert "register_buffer" in checkpoints.lines[0]
    checkpoints = Scripted(place)
    trained(odd, checkpoints).same_as(whole)
    assert checkpoints.lines[0] == f"training goes on from step 10, by the checkpoint {place}"


def test_what_cannot_be_compared_counts_as_changed(place):
    checkpoints = Scripted(place, (10, 20))
    trained(keeping(threading.Lock, lambda method: None), checkpoints)
    assert len(checkpoints.lines) == 1
    assert "Odd holds odd (a lock), an attribute of Odd, that changed" in checkpoints.lines[0]
    assert not place.exists()
