"""False discovery rate: adjustment of the p values of many findings that are listed together.

Benjamini and Hochberg's step-up method: the expected share of false findings among the findings is
at most 5 %. It is proven for independent and for positively dependent tests (Benjamini, Yekutieli,
"The control of the false discovery rate in multiple testing under dependency", Ann. Stat. 29(4),
2001). The attributes of a pair depend on each other in both directions. The method of 2001, which
holds for every dependence, asks for a p value that is 2 to 4 times smaller, and for one finding
alone is stricter than Holm's. The reason for the weaker one is measured: without any true finding,
it reports any in at most 5 % of tables with dependent attributes (`reports.calibrate`), and a
finding also has to be confirmed on other sequences.
"""

from collections.abc import Sequence

import numpy as np


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Adjust p values for the false discovery rate.

        q_(i) = min over j >= i of  m p_(j) / j

    Source: Benjamini, Hochberg, "Controlling the false discovery rate: a practical and powerful
    approach to multiple testing", J. R. Stat. Soc. B 57(1), 1995.
    """
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")[::-1]
    count = len(values)
    scaled = values[order] * count / np.arange(count, 0, -1)
    adjusted = np.empty(count)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled), 1.0)
    return [float(value) for value in adjusted]
