"""The control that knows the truth. It bounds every metric from above and shows that the scoring has no bias."""

from __future__ import annotations

from benchmark.contract import Case, MethodContext, Prediction, TruthControl


class Oracle:
    """Returns the truth; a ``TruthControl``, never ranked."""

    def reveal(self, case: Case) -> Prediction:
        """The truth of the case, every part of it copied."""
        return Prediction({name: part.copy() for name, part in case.truth.items()})


def build(context: MethodContext) -> TruthControl:
    """Entry point ``oracle``."""
    return Oracle()
