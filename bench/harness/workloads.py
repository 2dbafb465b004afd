"""What is compared: workloads, their inputs, and for each the programs that do it, with their best settings for the threads.

A command is a list of words, or one string for the shell. These are put in: {0} {1} the inputs, {out} where the output goes,
{threads}, {build} Millrace's build, {bench} this folder, {python} the peers' interpreter.
"""
from dataclasses import dataclass, field, replace


@dataclass
class Program:
    name: str
    command: object
    digest: str = ""  # how its output is compared, where not as the workload says
    stdout: bool = False  # the output is what it prints
    env: dict = field(default_factory=dict)
    needs: str = ""  # a command that must exist
    budget: int = 0  # bytes of memory that it is given, where that is the point

    @property
    def is_peer(self):
        return self.name != "reference" and not self.name.startswith("Millrace")


@dataclass
class Workload:
    name: str
    title: str
    kinds: list  # of bench/make_data
    inputs: list
    digest: str
    programs: list
    sorted: bool = False  # outputs that are compared as they are must be in order
    measure: str = "elapsed"  # or the name of a time that the programs print
    repeats: int = 1  # runs a round, for what takes milliseconds


def millrace(command, *words, name="Millrace", **options):
    return Program(name, ["{build}/millrace", command, *words, "--threads", "{threads}", "--progress=none"], **options)


def millrace_job(command, *words):
    return millrace(command, *words, "-o", "{out}", "--overwrite")


def reference(name, *words):
    return Program("reference", [f"{{build}}/bench/reference/reference_{name}", "--threads", "{threads}", *words, "-o", "{out}"])


def duckdb(workload, *inputs):
    return Program("DuckDB", ["{python}", "{bench}/peers/duckdb_jobs.py", workload, "--threads", "{threads}", *inputs, "{out}"],
                   needs="{python}")


def polars(workload, *inputs):
    return Program("Polars", ["{python}", "{bench}/peers/polars_jobs.py", workload, *inputs, "{out}"],
                   env={"POLARS_MAX_THREADS": "{threads}"}, needs="{python}")


def pyspark(workload, *inputs):
    return Program("PySpark", ["{python}", "{bench}/peers/pyspark_jobs.py", workload, "--threads", "{threads}", *inputs, "{out}"],
                   needs="java")


def grep(name, title, pattern, fixed):
    """One pattern: no Unicode tables, no colours, no line numbers, binary taken for text."""
    kind = ["-F"] if fixed else []
    pattern = pattern.replace("{", "{{").replace("}", "}}")
    return Workload(name, title, ["text"], ["text"], "sequence", [
        millrace("grep", *kind, pattern, "{0}", stdout=True),
        reference("grep", *kind, pattern, "{0}"),
        Program("GNU grep", ["grep", "-a", "-F" if fixed else "-E", pattern, "{0}"], stdout=True, needs="grep"),
        Program("ripgrep", ["rg", "-a", "-N", "--no-config", "--no-unicode", "--threads", "{threads}", *kind, pattern, "{0}"],
                stdout=True, needs="rg"),
    ])


SORT = "sort --parallel={threads} -S 8G"

SPEED = [
    Workload("word_count", "word count, 1 GiB of text", ["text"], ["text"], "lines", [
        millrace_job("wordcount", "{0}"),
        reference("word_count", "{0}"),
        Program("coreutils", f"tr -s ' \\t\\n\\v\\f\\r' '\\n' < {{0}} | {SORT} | uniq -c > {{out}}", digest="uniq", needs="uniq"),
        Program("mawk", "mawk '{{ for (i = 1; i <= NF; ++i) ++n[$i] }} END {{ for (w in n) if (w != \"\") print w \"\\t\" n[w] }}' {0} | "
                + SORT + " > {out}", needs="mawk"),
        duckdb("word_count", "{0}"),
        polars("word_count", "{0}"),
        pyspark("word_count", "{0}"),
    ], sorted=True),
    Workload("sort_records", "sort, 10 M records of 100 bytes", ["records"], ["records"], "sequence", [
        millrace_job("sort", "{0}", "--records", "100", "--key-bytes", "10"),
        reference("sort_records", "{0}"),
        Program("GNU sort", f"{SORT} {{0}} -o {{out}}", needs="sort"),
        duckdb("sort_records", "{0}"),
        polars("sort_records", "{0}"),
        pyspark("sort_records", "{0}"),
    ], sorted=True),
    grep("grep_literal", "grep, a literal in 1 GiB", "mutex_lock", True),
    grep("grep_regex", "grep, a regular expression in 1 GiB", "(spin|mutex)_(un)?lock(_irq[a-z]*)?", False),
    grep("grep_classes", "grep, a regular expression without a literal", "[A-Z][a-z]+ [0-9]{4}", False),
    Workload("urls", "URL counts, 5 M log lines", ["logs"], ["access.log"], "percent", [
        millrace_job("urls", "{0}"),
        reference("urls", "{0}"),
        Program("mawk", "mawk '{{ ++n[$7] }} END {{ for (u in n) printf \"%s\\t%d\\t%.4f\\n\", u, n[u], 100 * n[u] / NR }}' {0} | "
                "sort > {out}", needs="mawk"),
        duckdb("urls", "{0}"),
        polars("urls", "{0}"),
        pyspark("urls", "{0}"),
    ], sorted=True),
    Workload("links", "reverse links, 7.3 M edges", ["edges"], ["edges.tsv"], "lists", [
        millrace_job("links", "{0}"),
        reference("links", "{0}"),
        Program("mawk", "mawk -F '\\t' '{{ if ($2 in n) n[$2] = n[$2] \",\" $1; else n[$2] = $1 }} END {{ for (t in n) print t \"\\t\" n[t] }}' {0} > {out}",
                needs="mawk"),
        duckdb("links", "{0}"),
        polars("links", "{0}"),
        pyspark("links", "{0}"),
    ]),
    Workload("index", "inverted index, 500 MB of documents", ["documents"], ["documents.tsv"], "lists", [
        millrace_job("index", "{0}"),
        reference("index", "{0}"),
        duckdb("index", "{0}"),
        polars("index", "{0}"),
        pyspark("index", "{0}"),
    ]),
    Workload("ngrams", "3-grams, 1 GiB of text", ["text"], ["text"], "lines", [
        millrace_job("ngrams", "-n", "3", "{0}"),
        reference("ngrams", "-n", "3", "{0}"),
        duckdb("ngrams", "{0}"),
        pyspark("ngrams", "{0}"),
    ]),
    Workload("join", "join, 10 M rows with 1 M", ["join"], ["left.tsv", "right.tsv"], "lines", [
        millrace_job("join", "-1", "1", "-2", "1", "-t", "\t", "{0}", "{1}"),
        millrace("join", "--small-right", "-t", "\t", "{0}", "{1}", "-o", "{out}", "--overwrite", name="Millrace, small right"),
        reference("join", "{0}", "{1}"),
        Program("coreutils", f"{SORT} -t \"$(printf '\\t')\" -k1,1 {{0}} > {{out}}.left & {SORT} -t \"$(printf '\\t')\" -k1,1 {{1}} > "
                "{out}.right; wait; join -t \"$(printf '\\t')\" {out}.left {out}.right > {out}; rm {out}.left {out}.right", needs="join"),
        duckdb("join", "{0}", "{1}"),
        polars("join", "{0}", "{1}"),
        pyspark("join", "{0}", "{1}"),
    ]),
    Workload("logistic_regression", "logistic regression, a pass over 2 M points", ["points"], ["points.csv"], "numbers", [
        millrace("logistic_regression", "{0}", stdout=True),
        reference("logistic_regression", "{0}"),
        pyspark("logistic_regression", "{0}"),
    ], measure="pass_seconds"),
    Workload("streaming", "streaming word count, 128 MiB through mawk", ["small"], ["text-128m"], "lines", [
        Program("Millrace", ["{build}/millrace", "stream", "-input", "{0}", "-output", "{out}", "-mapper", "{bench}/streaming/mapper",
                             "-reducer", "{bench}/streaming/reducer", "-numReduceTasks", "{threads}", "--threads", "{threads}",
                             "--progress=none"]),
        Program("reference", ["{bench}/reference/streaming", "{bench}/streaming/mapper", "{bench}/streaming/reducer", "{0}", "{out}"],
                needs="mawk"),
    ]),
]

STARTUP = [
    Workload("startup", "start-up, a word count of 1 KB", ["kilobyte"], ["text-1k"], "lines", [
        millrace_job("wordcount", "{0}"),
        reference("word_count", "{0}"),
        Program("coreutils", "tr -s ' \\t\\n\\v\\f\\r' '\\n' < {0} | sort | uniq -c > {out}", digest="uniq", needs="uniq"),
        duckdb("word_count", "{0}"),
    ], repeats=20),
    Workload("empty_tasks", "100,000 empty tasks in one stage", [], [], "", [
        Program("Millrace", ["{build}/bench/jobs/empty_tasks", "100000", "--threads", "{threads}", "--progress=none"]),
    ]),
]


def scale(factor):
    """The same text at three sizes: how the rate holds."""
    sizes = [("tenth", "text-100m"), ("text", "text"), ("tenfold", "text-10g")]
    return [Workload(f"word_count_{kind}", f"word count of {size}", [kind], [name], "lines",
                     [millrace_job("wordcount", "{0}"), reference("word_count", "{0}")])
            for (kind, name), size in zip(sizes, (gibibytes(each * factor) for each in (0.1, 1, 10)))]


def gibibytes(size):
    return f"{size:g} GiB" if size >= 0.1 else f"{size * 1024:.4g} MiB"


BUDGETS = [2 << 30, 256 << 20]


def memory(factor):
    """Ten gigabytes within a budget. The first program of a row sets the expected answer."""
    budgets = [int(budget * factor) for budget in BUDGETS]

    def jobs(command, *words):
        return [millrace(command, "{0}", *words, "-o", "{out}", "--overwrite", "--memory", str(budget), name=f"Millrace, {budget >> 20} MiB",
                         budget=budget) for budget in budgets]

    size = f"{10 * factor:g}"
    return [
        Workload("memory_sort", f"sort of {size} GB of records", ["records10"], ["records-10g"], "lines",
                 jobs("sort", "--records", "100", "--key-bytes", "10"), sorted=True),
        Workload("memory_count", f"word count of {size} GiB of text", ["tenfold"], ["text-10g"], "lines", jobs("wordcount")),
        Workload("memory_distinct", f"word count of {size} GB, all words distinct", ["distinct"], ["distinct-10g"], "lines",
                 jobs("wordcount")),
    ]


def in_processes(workload):
    """The same workload in one process (the reference here) and in as many executor processes, of one thread each."""
    embedded = workload.programs[0]
    at = embedded.command.index("--threads")
    words = embedded.command[:at] + ["--workers", "{threads}", "--threads", "1"] + embedded.command[at + 2:]
    return replace(workload, programs=[replace(embedded, name="Millrace", command=words), replace(embedded, name="reference")])


# The digest mode that turns a row's input into its expected answer, for rows without a reference program.
EXPECTED_FROM_INPUT = {"memory_sort": "lines", "memory_distinct": "ones"}

# Each takes the scale of the inputs.
SUITES = {"speed": lambda factor: SPEED, "processes": lambda factor: [in_processes(each) for each in SPEED], "startup": lambda factor: STARTUP, "scale": scale, "memory": memory}
