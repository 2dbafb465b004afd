"""The workloads in PySpark, local mode: pyspark_jobs.py WORKLOAD --threads N --memory SIZE INPUT… OUTPUT.

The DataFrame API where it can say the job: it runs in the JVM, several times faster than Python functions over an RDD.
"""
import argparse
import os
import sys
import time

from pyspark.sql import SparkSession, functions as F

SPACE = "[ \\t\\n\\x0B\\f\\r]+"


def write_lines(frame, output, *columns):
    text = F.concat_ws("\t", *(F.col(column).cast("string") for column in columns))
    frame.select(text.alias("value")).write.text(output)


def words(column):
    return F.explode(F.split(column, SPACE)).alias("word")


def tabs(spark, path, *names):
    fields = F.split("value", "\t", len(names))
    return spark.read.text(path).select(*(fields[i].alias(name) for i, name in enumerate(names)))


def word_count(spark, inputs, output):
    counts = spark.read.text(inputs[0]).select(words("value")).where("word <> ''").groupBy("word").count()
    write_lines(counts.sort("word"), output, "word", "count")


def sort_records(spark, inputs, output):
    spark.read.text(inputs[0]).sort(F.substring("value", 1, 10)).write.text(output)


def urls(spark, inputs, output):
    request = F.split(F.split("value", '"')[1], " ")
    counts = spark.read.text(inputs[0]).select(request[1].alias("url")).groupBy("url").count().cache()
    total = counts.agg(F.sum("count")).first()[0]
    shares = counts.withColumn("percent", F.format_string("%.4f", 100.0 * F.col("count") / total))
    write_lines(shares.sort("url"), output, "url", "count", "percent")


def links(spark, inputs, output):
    grouped = tabs(spark, inputs[0], "source", "target").groupBy("target").agg(F.collect_list("source").alias("sources"))
    write_lines(grouped.withColumn("sources", F.concat_ws(",", "sources")), output, "target", "sources")


def index(spark, inputs, output):
    pairs = tabs(spark, inputs[0], "doc", "line").select("doc", words("line")).where("word <> ''").distinct()
    grouped = pairs.groupBy("word").agg(F.sort_array(F.collect_list("doc")).alias("docs"))
    write_lines(grouped.withColumn("docs", F.concat_ws(",", "docs")), output, "word", "docs")


def ngrams(spark, inputs, output):
    split = F.filter(F.split("value", SPACE), lambda word: word != "")
    grams = F.expr("transform(sequence(1, size(words) - 2), i -> concat_ws(' ', words[i - 1], words[i], words[i + 1]))")
    lines = spark.read.text(inputs[0]).select(split.alias("words")).where("size(words) >= 3")
    counts = lines.select(F.explode(grams).alias("gram")).groupBy("gram").count()
    write_lines(counts, output, "gram", "count")


def join(spark, inputs, output):
    left = tabs(spark, inputs[0], "key", "left_rest")
    right = tabs(spark, inputs[1], "key", "right_rest")
    write_lines(left.join(right, "key"), output, "key", "left_rest", "right_rest")


def logistic_regression(spark, inputs, output):
    """The textbook's way: a cached RDD of NumPy blocks, one map and reduce a pass."""
    import numpy

    def block(rows):
        matrix = numpy.array([row.split(",") for row in rows], dtype=float)
        if len(matrix):
            yield matrix

    start = time.perf_counter()
    points = spark.sparkContext.textFile(inputs[0]).mapPartitions(block).cache()
    count = points.map(len).sum()
    print(f"load_seconds {time.perf_counter() - start:.6f}", flush=True)
    weights = numpy.zeros(10)
    seconds = []
    for _ in range(20):
        start = time.perf_counter()
        now = weights

        def gradient(matrix, now=now):
            x, y = matrix[:, :10], matrix[:, 10]
            return x.T @ (y - 1 / (1 + numpy.exp(-x @ now)))

        weights = weights + points.map(gradient).reduce(lambda a, b: a + b) / count
        seconds.append(time.perf_counter() - start)
    print(f"pass_seconds {sorted(seconds)[10]:.6f}", flush=True)
    with open(output, "w") as out:
        out.writelines(f"{float(weight)!r}\n" for weight in weights)


JOBS = {job.__name__: job for job in (word_count, sort_records, urls, links, index, ngrams, join, logistic_regression)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload", choices=sorted(JOBS))
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory", default="12g")
    options = parser.parse_args()
    *inputs, output = options.paths
    inputs = [os.path.abspath(path) for path in inputs]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark = (SparkSession.builder.master(f"local[{options.threads}]").appName(options.workload)
             .config("spark.driver.memory", options.memory).config("spark.ui.enabled", "false").config("spark.ui.showConsoleProgress", "false")
             .config("spark.sql.shuffle.partitions", str(options.threads * 8))
             .config("spark.local.dir", os.path.dirname(os.path.abspath(output)))
             .config("spark.driver.maxResultSize", "0").getOrCreate())
    spark.sparkContext.setLogLevel("ERROR")
    start = time.perf_counter()
    JOBS[options.workload](spark, inputs, os.path.abspath(output))
    print(f"in_process_seconds {time.perf_counter() - start:.6f}", flush=True)
    spark.stop()


if __name__ == "__main__":
    main()
