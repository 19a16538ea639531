"""A thousand resamples of ROC AUC by blocks of time: ours against scikit-learn in a loop.

python bench/bootstrap.py prints one table. CPU seconds of this process, one thread.
"""

from __future__ import annotations

import time

import numpy as np
from sklearn.metrics import roc_auc_score

from perennial.evaluation.blocks import BLOCKS, blocks_of_time
from perennial.evaluation.bootstrap import RESAMPLES, resampled_weights
from perennial.evaluation.classification import LabelledRows
from perennial.evaluation.reweighted import reweighted

ROWS = 100_000
# Each resample takes scikit-learn the same time, so a few are measured, and the time of a thousand is computed.
IN_A_LOOP = 50


def main() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, size=ROWS)
    score = rng.normal(truth * 0.8)
    ranking = np.column_stack([-score, score])
    rows = LabelledRows((0, 1), truth, (score > 0).astype(int), 1, True, ranking, None)
    weights = resampled_weights(BLOCKS)

    start = time.process_time()
    block = blocks_of_time(np.arange(ROWS))
    ours = reweighted("roc_auc", rows, block)(weights)
    ours_s = time.process_time() - start

    start = time.process_time()
    theirs = []
    for of_blocks in weights[:IN_A_LOOP].astype(int):
        chosen = np.repeat(np.arange(ROWS), of_blocks[block])
        theirs.append(roc_auc_score(truth[chosen], score[chosen]))
    theirs_s = (time.process_time() - start) * RESAMPLES / IN_A_LOOP

    print(f"{RESAMPLES:,} resamples of ROC AUC on {ROWS:,} rows, {BLOCKS} blocks")
    print(f"ours                     {ours_s:8.3f} s CPU")
    print(f"scikit-learn in a loop   {theirs_s:8.3f} s CPU   {theirs_s / ours_s:.0f} x ours (at least 20)")
    print(f"largest difference       {np.abs(ours[:IN_A_LOOP] - theirs).max():8.1e}")


if __name__ == "__main__":
    main()
