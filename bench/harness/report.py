"""A run as JSON, as Markdown and as a picture."""
import json
import pathlib
import statistics

from . import chart


def summarise(workload, program, runs):
    """What is kept of a program's runs: None when none succeeded."""
    good = [run for run in runs if not run.error]
    if not good:
        return None
    times = [run.elapsed if workload.measure == "elapsed" else run.printed.get(workload.measure, float("nan")) for run in good]
    summary = {
        "rounds": len(times), "median": statistics.median(times), "min": min(times), "max": max(times), "seconds": times,
        "elapsed_median": statistics.median(run.elapsed for run in good),
        "user_median": statistics.median(run.user for run in good),
        "system_median": statistics.median(run.system for run in good),
        "peak_rss_bytes": max(run.peak_rss for run in good),
        "output_bytes": max(run.output_bytes for run in good),
        "probe_gb_per_s": [run.probe for run in good],
    }
    if program.budget:
        summary["budget_bytes"] = program.budget
    for name in ("in_process_seconds", "load_seconds", "pass_seconds"):
        values = [run.printed[name] for run in good if name in run.printed]
        if values:
            summary[name + "_median"] = statistics.median(values)
    return summary


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 0.1 else f"{value:.2f} s"


def gib(value):
    return f"{value / 2**20:.0f} MiB" if value < 2**30 else f"{value / 2**30:.1f} GiB"


def ratio_of(row, name):
    base = row["programs"].get("reference", {}).get("median")
    mine = row["programs"].get(name, {}).get("median")
    return mine / base if base and mine else None


def overview(rows):
    lines = ["| workload | Millrace | reference | ratio | others, as multiples of the reference |", "|---|---|---|---|---|"]
    for row in rows:
        programs = row["programs"]
        own = programs.get("Millrace")
        best = programs.get("reference")
        ratio = ratio_of(row, "Millrace")
        others = []
        for name, result in programs.items():
            if name in ("Millrace", "reference") or not ratio_of(row, name):
                continue
            text = f"{name} {ratio_of(row, name):.1f}"
            started = result.get("in_process_seconds_median")
            if name == "PySpark" and started and row["measure"] == "elapsed":
                text += f" ({started / best['median']:.1f} without its start-up)"
            others.append(text)
        lines.append(f"| {row['title']} | {seconds(own['median']) if own else '–'} | {seconds(best['median']) if best else '–'} | "
                     f"{f'{ratio:.2f}' if ratio else '–'} | {', '.join(others) or '–'} |")
    return lines


def memory_overview(rows):
    """Programs that were given a budget: do they keep it, and what does a small one cost?"""
    lines = ["| workload | budget | peak memory | peak ÷ budget | time | ÷ time with the largest budget |", "|---|---|---|---|---|---|"]
    for row in rows:
        largest = max(row["programs"].values(), key=lambda result: result["budget_bytes"], default=None)
        for result in row["programs"].values():
            lines.append(f"| {row['title']} | {gib(result['budget_bytes'])} | {gib(result['peak_rss_bytes'])} | "
                         f"{result['peak_rss_bytes'] / result['budget_bytes']:.2f} | {seconds(result['median'])} | "
                         f"{result['median'] / largest['median']:.2f} |")
    return lines


def scale_overview(rows):
    """Rates at several sizes: does cost grow linearly?"""
    names = list(dict.fromkeys(name for row in rows for name in row["programs"]))
    lines = ["| workload | " + " | ".join(f"{name}, MB/s" for name in names) + " |", "|---|" + "---|" * len(names)]
    for row in rows:
        found = [row["programs"].get(name) for name in names]
        lines.append(f"| {row['title']} | " + " | ".join(f"{row['input_bytes'] / each['median'] / 1e6:.0f}" if each else "–" for each in found) + " |")
    return lines


def summary(run):
    """The table that says most about a suite."""
    return {"memory": memory_overview, "scale": scale_overview}.get(run["suite"], overview)(run["rows"])


def details(row):
    lines = [f"### {row['title']}", ""]
    if row["input_bytes"]:
        scan = (f" Memory scan beside the runs {row['probe_median']:.1f} GB/s ({row['probe_min']:.1f}–{row['probe_max']:.1f})."
                if row["probe_median"] else "")
        lines += [f"Input {row['input_bytes'] / 1e6:,.0f} MB.{scan}", ""]
    what = "a pass" if row["measure"] == "pass_seconds" else "median"
    lines += [f"| program | {what} | min | max | rounds | ratio | user + system | peak memory |", "|---|---|---|---|---|---|---|---|"]
    for name, result in row["programs"].items():
        ratio = ratio_of(row, name)
        lines.append(f"| {name} | {seconds(result['median'])} | {seconds(result['min'])} | {seconds(result['max'])} | "
                     f"{result['rounds']} | "
                     f"{f'{ratio:.2f}' if ratio else '–'} | {seconds(result['user_median'] + result['system_median'])} | "
                     f"{gib(result['peak_rss_bytes'])} |")
    for name, reason in row["left_out"].items():
        lines.append(f"| {name} | – | | | | | {reason} | |")
    lines += ["", "```", *(f"{name}: {command}" for name, command in row["commands"].items()), "```", ""]
    return lines


def conditions(run):
    """Where and how a run was made, in a paragraph."""
    machine = run["machine"]
    fewer = any(result["rounds"] < run["rounds"] for row in run["rows"] for result in row["programs"].values())
    rounds = f"{run['rounds']} rounds" + (" (fewer for programs more than ten times as slow as the reference)" if fewer else "")
    return (f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB, Linux {machine['kernel']}; {machine['compiler']}; "
            f"commit {machine['commit']}; {run['date']}. {run['threads']} threads, {rounds}, inputs at scale {run['scale']:g} "
            "in the page cache. The programs of a row ran in turn, round after round; their answers agree.")


def markdown(run):
    lines = [
        "# Benchmark results", "", conditions(run), "",
        "Versions: " + "; ".join(f"{name} {version}" for name, version in run["versions"].items()) + ".", "",
        *summary(run), "",
    ]
    for row in run["rows"]:
        lines += details(row)
    return "\n".join(lines).rstrip() + "\n"


def picture(rows):
    shown = []
    for row in rows:
        bars = [(name, ratio_of(row, name)) for name in row["programs"] if ratio_of(row, name)]
        if len(bars) > 1:
            shown.append((row["title"], bars))
    return chart.draw(shown)


def write(run, directory, name):
    """Writes NAME.json, NAME.md and, where there is something to compare, NAME.svg."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    (directory / f"{name}.json").write_text(json.dumps(run, indent=1) + "\n")
    (directory / f"{name}.md").write_text(markdown(run))
    svg = picture(run["rows"])
    if svg:
        (directory / f"{name}.svg").write_text(svg)
