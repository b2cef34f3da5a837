"""Explicitness: whether a linear classifier tells each level of each factor from the rest.

    explicitness = mean over factors k and levels l of the area under the ROC curve of p(v_k = l | z)

p is a logistic regression on the whole standardised code, fitted on train clips; the area, on test clips, is the
probability that a clip of the level gets a higher p than a clip of another one. 1: each level comes before all others.
.5 is chance. Under .5: the classifier learned what does not hold on test clips.

It cannot see where in the code a factor is, so a rotated code reads as an aligned one; nor how sure the classifier is,
nor how many clips it mistakes: it reads near 1 where one clip in five is mistaken. It is blind to what is not linear.
Source: Ridgeway & Mozer 2018, "Learning deep disentangled embeddings with the F-statistic loss", section 3.
"""

import warnings

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmark.metrics.dimensions import Array, Levels, checked_pair, standardised


def explicitness(train_codes: ArrayLike, train_factors: Levels, test_codes: ArrayLike, test_factors: Levels) -> float:
    """Mean area under the ROC curve over the levels of each factor that test clips show, then over factors.

    Codes: real [n, d]. Factors: int64 [n, k].
    Returns a number in [0, 1]; .5 is chance, and what a code of no dimensions gets.
    Raises ValueError for codes or factors that `checked_pair` refuses.
    """
    train, test = standardised(*checked_pair(train_codes, train_factors, test_codes, test_factors))
    if not train.any():
        return 0.5
    areas = [_area(train, train_factors[:, k], test, test_factors[:, k]) for k in range(train_factors.shape[1])]
    return float(np.mean(areas))


def _area(train: Array, train_levels: Levels, test: Array, test_levels: Levels) -> float:
    model = LogisticRegression(max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(train, train_levels)
    probabilities = model.predict_proba(test)
    shown = np.isin(model.classes_, test_levels)
    of_levels = [
        roc_auc_score(test_levels == level, probabilities[:, i]) for i, level in enumerate(model.classes_) if shown[i]
    ]
    return float(np.mean(of_levels))
