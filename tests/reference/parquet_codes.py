"""Writes codes of three images as other programs write Parquet: python3 tests/reference/parquet_codes.py

Into tests/reference/parquet/, which tests read. Needs pandas, pyarrow, polars and duckdb (PyPI).
"""

from pathlib import Path

import duckdb
import numpy
import pandas
import polars

CODES = numpy.array([[0.5, -1.25], [3.0, 1e-3], [-0.0, 7.5]], dtype=numpy.float32)
TABLE = {"row": [0, 1, 3], "path": ["a/0.png", "größe.png", "b/2.png"], "class": ["a", None, "b"]}

folder = Path(__file__).parent / "parquet"
folder.mkdir(exist_ok=True)
pandas.DataFrame({**TABLE, "code": list(CODES)}).to_parquet(folder / "pandas.parquet", index=False)
pandas.DataFrame({**TABLE, "code": CODES.astype(float).tolist()}).to_parquet(folder / "pandas_double.parquet")
lists = polars.DataFrame({**TABLE, "code": CODES.tolist()}, schema_overrides={"code": polars.List(polars.Float32)})
lists.write_parquet(folder / "polars_zstd.parquet")
lists.write_parquet(folder / "polars.parquet", compression="snappy")
arrays = lists.with_columns(polars.col("code").cast(polars.Array(polars.Float32, 2)))
arrays.write_parquet(folder / "polars_array.parquet", compression="snappy")
arrow = lists.to_arrow()
duckdb.sql(f"copy (select * from arrow) to '{folder / 'duckdb.parquet'}' (format parquet)")
# Without paths, and with a value or a code that is missing.
lists.select("code").write_parquet(folder / "no_paths.parquet", compression="snappy")
for name, codes in {"no_value": [[1.0, None]], "no_code": [[1.0, 2.0], None], "uneven": [[1.0, 2.0], [3.0]]}.items():
    table = polars.DataFrame({"code": codes}, schema={"code": polars.List(polars.Float32)})
    table.write_parquet(folder / f"{name}.parquet", compression="snappy")
