"""The tidy table of scores: one row, one number; and the one list of the names that stand in it."""

from collections.abc import Collection
from dataclasses import dataclass

INFORMATION = "information"
ACCURACY = "accuracy"
CHANCE = "chance"
KEEP = "keep"
GAP = "gap"
PRESERVATION = "preservation"
DISENTANGLEMENT = "disentanglement"
BALANCE = "balance"
METRICS = (INFORMATION, ACCURACY, CHANCE, KEEP, GAP, PRESERVATION, DISENTANGLEMENT, BALANCE)

# What does not rank. By factor,
ABOVE_CHANCE = "accuracy_above_chance"
ORDINAL_R2 = "ordinal_r2"
LEAKAGE = "leakage_bits"
EQUIVARIANCE_CHANGE = "equivariance_change"
EQUIVARIANCE_CODE = "equivariance_code"
BY_FACTOR = (ABOVE_CHANCE, ORDINAL_R2, LEAKAGE, EQUIVARIANCE_CHANGE, EQUIVARIANCE_CODE)
# by block,
INVARIANCE = "invariance"
INVARIANCE_RATIO = "invariance_ratio"
CKA = "cka"
CKA_BASELINE = "cka_baseline"
CKA_EXCESS = "cka_excess"
BY_BLOCK = (INVARIANCE, INVARIANCE_RATIO, CKA, CKA_BASELINE, CKA_EXCESS)
# by dimension,
DCI_DISENTANGLEMENT = "dci_disentanglement"
DCI_COMPLETENESS = "dci_completeness"
DCI_INFORMATIVENESS = "dci_informativeness"
MIG = "mig"
SAP = "sap"
MODULARITY = "modularity"
EXPLICITNESS = "explicitness"
INFOM = "infom"
INFOC = "infoc"
INFOE = "infoe"
BY_DIMENSION = (
    DCI_DISENTANGLEMENT,
    DCI_COMPLETENESS,
    DCI_INFORMATIVENESS,
    MIG,
    SAP,
    MODULARITY,
    EXPLICITNESS,
    INFOM,
    INFOC,
    INFOE,
)
# and what takes the clips' features or the model's decoder, and so cannot be had from kept embeddings.
RECONSTRUCTION_R2 = "reconstruction_r2"
STANDARD_DECODER_R2 = "standard_decoder_r2"
SWAP_FIDELITY = "swap_fidelity"
SWAP_RELATIVE = "swap_relative"
FROM_THE_MODEL = (RECONSTRUCTION_R2, STANDARD_DECODER_R2, SWAP_FIDELITY, SWAP_RELATIVE)

ALL = "all"

WIDEST = 128  # a wider block could hold by width alone what a narrow one must choose


@dataclass(frozen=True)
class Score:
    """One number.

    metric: what was measured.
    block: the block, or union of blocks, it was measured on; None where it concerns the whole code.
    factor: the factor it concerns; None where it concerns them all.
    value: the number; its range is said by the metric's module.
    """

    metric: str
    block: str | None
    factor: str | None
    value: float


def rest_of(block: str, blocks: Collection[str]) -> str:
    """Name of the union of every block but one: the other block where there are two, else `all but <block>`."""
    others = [name for name in blocks if name != block]
    return others[0] if len(others) == 1 else f"{ALL} but {block}"
