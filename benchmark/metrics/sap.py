"""Separated attribute predictability: by how much the best single dimension predicts a factor better than the second.

    SAP = mean over factors k of S_(1)k - S_(2)k

S_jk is how well dimension z_j alone predicts v_k: by `sap_r2` the squared correlation with the level's number, for
factors whose levels are in order; by `sap_svm` the accuracy on test clips of a linear classifier, for any factor. In
[0, 1]. 1: one dimension predicts each factor and no other predicts anything (by the SVM, 1 less the chance of the
second is the most there is). 0: the two best predict the same, or nothing. Chance is near 0: noise reads .001 by R2 and
.005 by the SVM on 2,000 clips.

It sees straight lines alone: a dimension that tells a factor by a curve, or by levels out of order, counts little, and
the classifier, one level against the rest, finds few of the middle levels of a scalar code. As MIG, it punishes a
factor spread over two dimensions, is blind to several factors in one dimension, and falls under a rotation.
Source: Kumar et al. 2018, "Variational inference of disentangled latent concepts", section 3; the classifier's settings
are those of Locatello et al. 2019, "Challenging common assumptions in the unsupervised learning of disentangled
representations".
"""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.svm import LinearSVC

from benchmark.metrics.dimensions import Levels, checked, checked_pair, lead, standardised, varying

PENALTY = 0.01


def sap_r2(codes: ArrayLike, factors: Levels) -> float:
    """SAP by squared correlation.

    codes: real [n, d]. factors: int64 [n, k], levels in order.
    Returns a number in [0, 1]; a second dimension that is not there predicts nothing.
    Raises ValueError for codes or factors that `checked` refuses.
    """
    values = checked(codes, factors)
    centred, levels = values - values.mean(axis=0), factors - factors.mean(axis=0)
    norms = np.where(varying(values), np.linalg.norm(centred, axis=0), np.inf)
    correlations = (centred / norms).T @ (levels / np.linalg.norm(levels, axis=0))
    return float(np.mean(lead(np.square(correlations))))


def sap_svm(
    train_codes: ArrayLike,
    train_factors: Levels,
    test_codes: ArrayLike,
    test_factors: Levels,
    own_units: bool = False,
) -> float:
    """SAP by the test accuracy of a linear support vector classifier.

    Codes: real [n, d]. Factors: int64 [n, k], levels in any order.
    own_units: leave the dimensions in their units, as the published code does, instead of standardising them. The
        classifier's penalty then weighs more on a smaller unit, so that rescaling a code changes its score.
    Returns a number in [0, 1]; a second dimension that is not there predicts nothing.
    Raises ValueError for codes or factors that `checked_pair` refuses.
    """
    train, test = checked_pair(train_codes, train_factors, test_codes, test_factors)
    if not own_units:
        train, test = standardised(train, test)
    accuracies = np.zeros((train.shape[1], train_factors.shape[1]))
    for j, k in np.ndindex(accuracies.shape):
        classifier = LinearSVC(C=PENALTY, class_weight="balanced", dual=False)
        classifier.fit(train[:, [j]], train_factors[:, k])
        accuracies[j, k] = classifier.score(test[:, [j]], test_factors[:, k])
    return float(np.mean(lead(accuracies)))
