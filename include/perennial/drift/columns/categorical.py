"""Chi-square over all categorical columns of a batch."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Self

from perennial.drift.columns.column_test import ColumnTest, named_columns, reference_entities
from perennial.drift.columns.prepared_column import PreparedColumn
from perennial.drift.statistics.floats import Columns


class ChiSquare(ColumnTest):
    """Finds the categorical columns in which the shares of values differ from the reference.

    Rare values are pooled, values that the reference does not have are named, and the share of missing values is tested
    separately. p-values are adjusted over all tests of the batch (Benjamini and Hochberg).
    """

    _by_label: ClassVar[bool] = True

    @classmethod
    def fit(cls, reference: Columns, *, columns: Iterable[str], entity: str | None = None) -> Self:
        """Count the values of each column once.

        Parameters
        ----------
        reference : pandas.DataFrame or mapping of str to array_like
            The champion's training rows.
        columns : iterable of str
            Columns to compare. Their values are compared as text; 1, 1.0 and True are the same value.
        entity : str, optional
            Column with the entity of each row; see `KolmogorovSmirnov.fit`.

        Raises
        ------
        DataError
            A named column is absent.
        """
        names = named_columns(reference, columns, entity, ())
        entities = reference_entities(reference, entity)
        return cls([PreparedColumn.of_labels(name, reference[name], entities) for name in names], entity)
