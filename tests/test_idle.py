"""The idle share: of a CPU by its clocks, of a GPU by a fake NVML, for there may be none at hand."""

import threading
import time

import pytest
import torch

from benchmark.idle import cpu_share, idle_share, joined_share

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


def test_the_share_of_a_cpu_by_hand():
    threads = torch.get_num_threads()
    assert cpu_share(2.0, 2.0 * threads) == 0
    assert cpu_share(2.0, 0.5 * threads) == pytest.approx(0.75)
    assert cpu_share(2.0, 3.0 * threads) == 0  # clocks tick at different times, and other threads compute too
    assert cpu_share(0.0, 0.0) is None


def test_a_cpu_that_sleeps_and_one_that_works():
    with idle_share(CPU) as share:
        time.sleep(0.2)
        assert share() > 0.8
    with idle_share(CPU) as share:
        until = time.process_time() + 0.2
        began = time.perf_counter()
        while time.process_time() < until:
            pass
        expected = 1 - 0.2 / ((time.perf_counter() - began) * torch.get_num_threads())
        assert share() == pytest.approx(expected, abs=0.1)


def test_a_gpu_is_asked_again_and_again_while_the_context_lasts(monkeypatch):
    monkeypatch.setattr("benchmark.idle.SAMPLED_EVERY_S", 0.001)
    threads, values, enough = threading.active_count(), iter([100, 40, 0, 20]), threading.Event()

    def utilisation():
        value = next(values, None)
        if value is None:
            enough.set()
            return 40.0  # the mean of those before
        return value

    with idle_share(CUDA, utilisation) as share:
        assert enough.wait(10)
        assert threading.active_count() == threads + 1
        assert share() == pytest.approx(0.6)
    assert threading.active_count() == threads


@pytest.mark.parametrize("error", [ModuleNotFoundError("no pynvml"), RuntimeError("NVML"), OSError("no driver")])
def test_where_nvml_cannot_be_had_the_share_is_unknown(error):
    asked = threading.Event()

    def utilisation():
        asked.set()
        raise error

    with idle_share(CUDA, utilisation) as share:
        assert asked.wait(10)
    assert share() is None


def test_without_a_gpu_torch_itself_is_asked_and_refuses(monkeypatch):
    def refuse(device):
        raise RuntimeError("no GPU")

    monkeypatch.setattr("torch.cuda.utilization", refuse)
    with idle_share(CUDA) as share:
        time.sleep(0.05)
    assert share() is None


def test_other_devices_are_unknown():
    with idle_share(torch.device("meta")) as share:
        assert share() is None


def test_an_exception_leaves_no_thread():
    threads = threading.active_count()
    with pytest.raises(KeyboardInterrupt), idle_share(CUDA, lambda: 50.0):
        raise KeyboardInterrupt
    assert threading.active_count() == threads


def test_stretches_are_joined_by_their_seconds():
    assert joined_share((0.5, 30.0), (0.1, 10.0)) == pytest.approx(0.4)
    assert joined_share((None, 0.0), (0.25, 10.0)) == 0.25
    assert joined_share((None, 5.0), (0.25, 10.0)) is None
    assert joined_share((None, 0.0), (None, 0.0)) is None
