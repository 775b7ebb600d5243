#!/usr/bin/env python3
"""Checks that codes in Parquet, as pyarrow reads them, are those in NumPy's format: codes.py CODES.parquet CODES.npy"""

import csv
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet

table = pyarrow.parquet.read_table(sys.argv[1]).to_pydict()
codes = np.load(sys.argv[2])
with Path(sys.argv[2]).with_suffix(".csv").open() as file:
    rows = list(csv.DictReader(file))
assert np.array_equal(np.array(table["code"], np.float32), codes)
assert [str(row) for row in table["row"]] == [row["row"] for row in rows]
assert table["path"] == [row["path"] for row in rows]
assert [name or "" for name in table["class"]] == [row["class"] for row in rows]
print(f"{len(rows)} codes in Parquet, by pyarrow {pyarrow.__version__}")
