"""The workloads in Polars: polars_jobs.py WORKLOAD INPUT… OUTPUT. POLARS_MAX_THREADS sets the threads."""
import argparse
import time

import polars as pl


def lines(path):
    return pl.scan_csv(path, has_header=False, separator="\x01", quote_char=None, schema={"line": pl.String})


def tabs(path, *names):
    return pl.scan_csv(path, has_header=False, separator="\t", quote_char=None, schema={name: pl.String for name in names})


def words(column):
    for white in "\t\x0b\x0c":
        column = column.str.replace_all(white, " ", literal=True)
    return column.str.split(" ")


def frame(workload, inputs):
    word = pl.col("word")
    if workload == "word_count":
        exploded = lines(inputs[0]).select(words(pl.col("line")).alias("word")).explode("word").filter(word != "")
        return exploded.group_by("word").len().sort("word")
    if workload == "sort_records":
        return lines(inputs[0]).sort(pl.col("line").str.slice(0, 10))
    if workload == "urls":
        request = pl.col("line").str.split('"').list.get(1)
        counts = lines(inputs[0]).select(request.str.split(" ").list.get(1).alias("url")).group_by("url").len()
        share = (100 * pl.col("len") / pl.col("len").sum()).round(4)
        return counts.with_columns(share.alias("percent")).sort("url")
    if workload == "links":
        return tabs(inputs[0], "source", "target").group_by("target").agg(pl.col("source").str.join(","))
    if workload == "index":
        pairs = tabs(inputs[0], "doc", "line").select("doc", words(pl.col("line")).list.unique().alias("word"))
        grouped = pairs.explode("word").filter(word != "").group_by("word")
        return grouped.agg(pl.col("doc").sort().str.join(","))
    if workload == "join":
        left = tabs(inputs[0], "key", "amount", "day")
        return left.join(tabs(inputs[1], "key", "name", "region"), on="key")
    raise SystemExit(f"no workload {workload}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("paths", nargs="+")
    options = parser.parse_args()
    *inputs, output = options.paths
    start = time.perf_counter()
    frame(options.workload, inputs).sink_csv(output, include_header=False, separator="\t", quote_style="never")
    print(f"in_process_seconds {time.perf_counter() - start:.6f}", flush=True)


if __name__ == "__main__":
    main()
