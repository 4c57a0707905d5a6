"""Tables in Parquet, their plain columns alone."""

from __future__ import annotations

from pathlib import Path

from ray_bench.reading.table import Numbered, Table, check_num_rows, headers
from ray_bench.reading.text import not_what_it_says


def read_parquet_table(file: Path) -> Table:
    """Return the table of a Parquet file; columns of lists and objects are left out.

    Raises:
        CorruptDataError: It is not Parquet.
        AnalysisError: It is too large.
    """
    from pyarrow import ArrowException, parquet, types

    name = file.name
    try:
        source = parquet.ParquetFile(file)
        check_num_rows(source.metadata.num_rows, name)
        schema = source.schema_arrow
        headers(schema.names, name)
        wanted = [x.name for x in schema if not types.is_nested(x.type)]
        found = source.read(columns=wanted)
    except (OSError, ArrowException) as err:
        why = (str(err).splitlines() or ["it cannot be read"])[0]
        raise not_what_it_says(name, "Parquet", why) from None
    columns = {
        shown: found.column(key).to_pylist()
        for key, shown in zip(wanted, headers(wanted, name), strict=True)
    }
    return Table(name=name, columns=columns, rows=Numbered("row", range(1, found.num_rows + 1)))
