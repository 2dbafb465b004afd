"""The workloads in DuckDB: duckdb_jobs.py WORKLOAD --threads N INPUT… OUTPUT."""
import argparse
import time

import duckdb

# One column a line. The inputs hold no \x01, and no quotes are looked for: the cheapest settings that read every line whole.
LINES = ("read_csv('{0}', columns={{'line': 'VARCHAR'}}, delim='\x01', quote='', escape='', header=false, auto_detect=false, "
         "max_line_size=16777216, parallel=true)")
TABS = ("read_csv('{0}', columns={{{1}}}, delim='\t', quote='', escape='', header=false, auto_detect=false, "
        "max_line_size=67108864)")
WORDS = "string_split(translate(line, '\t\x0b\x0c', '   '), ' ')"


def tabs(path, *names):
    return TABS.format(path, ", ".join(f"'{name}': 'VARCHAR'" for name in names))


def query(workload, inputs):
    lines = LINES.format(inputs[0])
    if workload == "word_count":
        return f"""SELECT word, count(*) FROM (SELECT unnest({WORDS}) AS word FROM {lines} WHERE line IS NOT NULL)
                   WHERE word <> '' GROUP BY word ORDER BY word"""
    if workload == "sort_records":
        return f"SELECT line FROM {lines} ORDER BY line[:10]"
    if workload == "urls":
        return f"""SELECT url, n, printf('%.4f', 100.0 * n / sum(n) OVER ()) FROM
                   (SELECT string_split(string_split(line, '"')[2], ' ')[2] AS url, count(*) AS n FROM {lines} GROUP BY url)
                   ORDER BY url"""
    if workload == "links":
        return f"SELECT target, string_agg(source, ',') FROM {tabs(inputs[0], 'source', 'target')} GROUP BY target"
    if workload == "index":
        words = "list_distinct(string_split(translate(line, '\x0b\x0c', '  '), ' '))"
        return f"""SELECT word, string_agg(doc, ',' ORDER BY doc) FROM
                   (SELECT doc, unnest({words}) AS word FROM {tabs(inputs[0], 'doc', 'line')}) WHERE word <> ''
                   GROUP BY word"""
    if workload == "ngrams":
        words = f"list_filter({WORDS}, lambda w: w <> '')"
        return f"""SELECT gram, count(*) FROM
                   (SELECT unnest(list_transform(range(1, len(words) - 1), lambda i: words[i] || ' ' || words[i + 1] || ' ' || words[i + 2])) AS gram
                    FROM (SELECT {words} AS words FROM {lines} WHERE line IS NOT NULL))
                   GROUP BY gram"""
    if workload == "join":
        left = tabs(inputs[0], "key", "amount", "day")
        right = tabs(inputs[1], "key", "name", "region")
        return f"SELECT l.key, amount, day, name, region FROM {left} l JOIN {right} r ON l.key = r.key"
    raise SystemExit(f"no workload {workload}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("workload")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    *inputs, output = options.paths
    start = time.perf_counter()
    connection = duckdb.connect(config={"threads": options.threads, "preserve_insertion_order": False,
                                        "temp_directory": output + ".spill"})
    # A quote that no value holds: values are written as they are.
    connection.execute(f"COPY ({query(options.workload, inputs)}) TO '{output}' (FORMAT csv, HEADER false, DELIMITER '\t', QUOTE '', ESCAPE '')")
    print(f"in_process_seconds {time.perf_counter() - start:.6f}", flush=True)


if __name__ == "__main__":
    main()
