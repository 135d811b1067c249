"""What the authors report [S]: their CSV's mean over n = 50, 60, …, 150 at each d/n, and its standard error."""

from __future__ import annotations

import pandas as pd

REPORTED = pd.DataFrame(  # [S] test error at d/n = 1 … 10
    {
        "mean": [0.0705, 0.0235, 0.0085, 0.0064, 0.0032, 0.0026, 0.0004, 0.0001, 0.0020, 0.0000],
        "error": [0.0041, 0.0033, 0.0021, 0.0024, 0.0011, 0.0020, 0.0003, 0.0001, 0.0020, 0.0000],
    },
    index=pd.RangeIndex(1, 11, name="ratio"),
)
