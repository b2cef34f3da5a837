"""Tables of two dependent factors, and rows drawn to them: small ones, worked out by hand."""

import numpy as np
import pytest

from generators.coupling import Pool, arranged, coupling, dependent, lend


@pytest.mark.parametrize(("n_first", "n_second"), [(24, 8), (8, 24), (24, 24), (8, 6), (2, 9), (3, 3)])
def test_the_coupling_by_its_sums(n_first, n_second):
    table = coupling(n_first, n_second)
    assert (table.sum(1) == n_second).all()
    assert (table.sum(0) == n_first).all()
    assert (table > 0).sum() <= n_first + n_second - 1  # a staircase: as few pairs as can be
    assert (coupling(n_second, n_first) == table.T).all()


def test_the_coupling_by_hand():
    assert coupling(2, 3).tolist() == [[2, 1, 0], [0, 1, 2]]
    assert coupling(4, 2).tolist() == [[2, 0], [2, 0], [0, 2], [0, 2]]


def test_a_table_is_rearranged_as_little_as_can_be():
    table, possible = coupling(4, 2), np.ones((4, 2), bool)
    assert (arranged(table, possible) == table).all()
    possible[1, 0] = False  # level 1 must go with 1, so its neighbour 2 goes with 0
    assert arranged(table, possible).tolist() == [[2, 0], [0, 2], [2, 0], [0, 2]]
    assert (arranged(table.T, possible.T) == arranged(table, possible).T).all()
    possible[2, 0] = possible[3, 0] = False
    with pytest.raises(ValueError, match="some levels have too few combinations left to depend on each other"):
        arranged(table, possible)


def test_rows_drawn_to_a_table_by_hand():
    pool = Pool(np.array([5, 3, 9, 1]), np.array([0, 0, 0, 1]))
    assert dependent(pool, np.array([1, 1]), 0.0, 4).tolist() == [1, 3, 5, 9]
    assert dependent(pool, np.array([1, 1]), 1.0, 4).tolist() == [1, 1, 3, 5]  # 5 and 3 are preferred to 9
    assert dependent(pool, np.array([0, 1]), 1.0, 3).tolist() == [1, 1, 1]
    giver, taker = lend(pool, Pool(np.array([7]), np.array([1])), np.array([1, 1]))
    assert (sorted(giver.rows), sorted(taker.rows)) == ([1, 3, 9], [5, 7])
    assert (giver.cells.tolist(), taker.cells.tolist()) == ([0, 0, 1], [1, 0])
