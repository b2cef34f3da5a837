"""DCI: disentanglement, completeness, informativeness, from how much each dimension helps to predict each factor.

R_jk is the importance of dimension z_j to a predictor of factor v_k that sees the whole code; entropies H to base K
(factors) and d (dimensions):

    P_jk = R_jk / sum_k R_jk,   rho_j = sum_k R_jk / sum R,   disentanglement = sum_j rho_j (1 - H_K(P_j.))
    Q_jk = R_jk / sum_j R_jk,   tau_k = sum_j R_jk / sum R,   completeness    = sum_k tau_k (1 - H_d(Q_.k))
    informativeness = mean over factors of the predictor's accuracy on test clips

All in [0, 1]. Disentanglement 1: each dimension helps with one factor; 0: with all alike. Completeness 1: each factor
takes one dimension; 0: all alike. Chance of both is near 0, for of noise a predictor uses every dimension for every
factor: under .01 on 500 clips x 10. Informativeness 1: every level is predicted; chance is the mean share of the
factors' most frequent levels, never 0.

They cannot see how well a factor is predicted: its importances sum to 1 though it be guessed. Constant dimensions
raise completeness, for H has the base d. Importance is the predictor's own affair: of two equal copies it may use one.
Trees see the order of values in a dimension alone, and all three numbers fall under a rotation.
Source: Eastwood & Williams 2018, "A framework for the quantitative evaluation of disentangled representations".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

from benchmark.metrics.dimensions import Array, Levels, checked_pair, standardised


@dataclass(frozen=True)
class DCI:
    """The three numbers of one code; every one in [0, 1]."""

    disentanglement: float
    completeness: float
    informativeness: float


PREDICTORS: Mapping[str, Callable[[int], RandomForestClassifier | GradientBoostingClassifier]] = MappingProxyType(
    {
        # Every split may use every dimension, as in boosting; of the forests tried, ten trees six deep came closest to
        # its importances. How close, and how much faster: results/dci_agreement.json.
        "random forest": lambda seed: RandomForestClassifier(10, max_features=None, max_depth=6, random_state=seed),
        # As Locatello et al. 2019: scikit-learn's defaults.
        "gradient boosting": lambda seed: GradientBoostingClassifier(random_state=seed),
    }
)
DEFAULT = "random forest"


def dci(
    train_codes: ArrayLike,
    train_factors: Levels,
    test_codes: ArrayLike,
    test_factors: Levels,
    seed: int,
    predictor: str = DEFAULT,
) -> DCI:
    """Disentanglement, completeness and informativeness of a code.

    Codes: real [n, d]. Factors: int64 [n, k]. seed: of the predictor.
    predictor: a key of PREDICTORS; scores by different predictors do not compare.
    Raises ValueError for codes or factors that `checked_pair` refuses.
    """
    train, test = standardised(*checked_pair(train_codes, train_factors, test_codes, test_factors))
    # A code of no dimensions predicts what a constant one does.
    padded = [part if part.shape[1] else np.zeros((len(part), 1)) for part in (train, test)]
    columns, accuracies = [], []
    for k in range(train_factors.shape[1]):
        model = PREDICTORS[predictor](seed).fit(padded[0], train_factors[:, k])
        with np.errstate(invalid="ignore"):
            # 0 / 0 where no split gains anything: no dimension is of importance.
            columns.append(np.nan_to_num(model.feature_importances_, nan=0.0))
        accuracies.append(model.score(padded[1], test_factors[:, k]))
    importance = np.stack(columns, axis=1)
    return DCI(disentanglement(importance), completeness(importance), float(np.mean(accuracies)))


def disentanglement(importance: Array) -> float:
    """Disentanglement of importances [d, k], at least 0. 0 where there is one factor only, or all importances are 0."""
    return _concentration(importance)


def completeness(importance: Array) -> float:
    """Completeness of importances [d, k], at least 0. 0 where there is one dimension only, or all importances are 0."""
    return _concentration(importance.T)


def _concentration(lines: Array) -> float:
    """1 - entropy of each line [lines, K], to base K, weighed by the lines' sums."""
    totals = lines.sum(axis=1)
    if lines.shape[1] < 2 or totals.sum() == 0:
        return 0.0
    shares = np.divide(lines, totals[:, None], out=np.zeros_like(lines), where=totals[:, None] > 0)
    logs = np.log(shares, out=np.zeros_like(shares), where=shares > 0)
    concentrations = 1.0 + (shares * logs).sum(axis=1) / np.log(lines.shape[1])
    return float(np.clip(concentrations @ totals / totals.sum(), 0.0, 1.0))
