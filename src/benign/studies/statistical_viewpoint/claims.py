"""Claims about the survey's theory, each judged on the table alone; the rows that diverged are left out.

Sources: the survey is Bartlett, Montanari, Rakhlin 2021, whose abstract was at hand [abstract]; its formulas and those
of the works it rests on are remembered [M] and were either derived (docs/theory.md §12) or are put to the test here.
"""

from __future__ import annotations

from benign.claims import on_converged
from benign.studies.statistical_viewpoint import claims_descent, claims_regression

CLAIMS = (*claims_regression.CLAIMS, *claims_descent.CLAIMS)
claims = on_converged(CLAIMS)
