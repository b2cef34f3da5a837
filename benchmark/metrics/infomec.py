"""InfoMEC: modularity, explicitness and compactness as information.

    NMI_jk = I(z_j; v_k) / H(v_k), by nearest neighbours, of the d dimensions that are active
    InfoM = (mean over j of max_k NMI_jk / sum_k NMI_jk - 1/K) / (1 - 1/K)
    InfoC = (mean over k of max_j NMI_jk / sum_j NMI_jk - 1/d) / (1 - 1/d)
    InfoE = mean over k of 1 - CE_k / ln(levels of k), each clipped to [0, 1]

CE_k is the cross-entropy of a logistic regression on the whole code, on test clips; levels weigh alike in fitting it.
All in [0, 1]. InfoM = 1: each dimension tells of one factor; 0: of all alike. InfoC = 1: each factor is in one
dimension; 0: in all alike. InfoE = 1: every level is read with certainty; 0, also chance: nothing is read.

Chance of InfoM and InfoC is not 0, for shares of nothing vary: noise reads .4 to .8 in InfoM, and in InfoC .3 to .5 at
10 dimensions and more at fewer. They see shares, not amounts, and fall under a rotation. InfoE reads straight lines
alone, unpenalised: few clips and a wide code overfit it to 0. A dimension is active when it varies at all; the
published code drops those that range over less than a twentieth of the widest, so that a change of units changes the
score (`least_range` brings that back).
Source: Hsu et al. 2023, "Disentanglement via latent quantization", section 4. Its released InfoE scores the clips it
was fitted on; here test clips are scored.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from benchmark.metrics.dimensions import Array, Levels, checked, checked_pair, share_of_largest, standardised, varying
from benchmark.metrics.mutual_information import entropies, neighbour_information


def active(codes: ArrayLike, factors: Levels, least_range: float = 0.0) -> NDArray[np.bool_]:
    """Which dimensions vary, and range over more than `least_range` of the widest range. Returns bool [d].

    codes: real [n, d]. factors: int64 [n, k]. least_range: in [0, 1), 0.05 in the published code.
    """
    varies = varying(checked(codes, factors))
    values = np.asarray(codes)
    # Halved, so that the range of the largest numbers is still a number.
    ranges = values.max(axis=0) / 2 - values.min(axis=0) / 2
    return np.asarray(varies & (ranges >= least_range * ranges.max(initial=0.0)))


def normalised_information(codes: ArrayLike, factors: Levels, seed: int, least_range: float = 0.0) -> Array:
    """NMI of active dimensions and factors: what `infom` and `infoc` read.

    codes: real [n, d]. factors: int64 [n, k]. seed: of the jitter that breaks ties.
    Returns float64 [active dimensions, k], at least 0, about 1 where a dimension determines a factor.
    Raises ValueError for codes or factors that `checked` refuses.
    """
    kept = active(codes, factors, least_range)
    return neighbour_information(np.asarray(codes)[:, kept], factors, seed) / entropies(factors)


def infom(information: Array) -> float:
    """InfoM of a table [d, k] from `normalised_information`; 0 where there is no dimension, or one factor only."""
    return share_of_largest(information, axis=1)


def infoc(information: Array) -> float:
    """InfoC of a table [d, k] from `normalised_information`; 0 where there are fewer than two dimensions."""
    return share_of_largest(information, axis=0)


def infoe(train_codes: ArrayLike, train_factors: Levels, test_codes: ArrayLike, test_factors: Levels) -> float:
    """InfoE on test clips of a logistic regression fitted on train clips.

    Codes: real [n, d]. Factors: int64 [n, k].
    Returns a number in [0, 1].
    Raises ValueError for codes or factors that `checked_pair` refuses.
    """
    standard = standardised(*checked_pair(train_codes, train_factors, test_codes, test_factors))
    # As in the published code: where the code is separable, rounding decides where the solver stops, which moves this
    # by up to .007.
    train, test = (part.astype(np.float32) for part in standard)
    if not train.any():
        return 0.0
    read = [_read(train, train_factors[:, k], test, test_factors[:, k]) for k in range(train_factors.shape[1])]
    return float(np.mean(np.clip(read, 0.0, 1.0)))


def _read(train: NDArray[np.float32], train_levels: Levels, test: NDArray[np.float32], test_levels: Levels) -> float:
    model = LogisticRegression(C=np.inf, class_weight="balanced", max_iter=100)
    with warnings.catch_warnings():
        # A separable code has no optimum to arrive at; the published code stops after 100 steps too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, train_levels)
    # Fitted on nothing, balanced levels are equally probable: ln(levels) is the cross-entropy to beat.
    loss = log_loss(test_levels, model.predict_proba(test), labels=model.classes_)
    return float(1.0 - loss / np.log(len(model.classes_)))
