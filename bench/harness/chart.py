"""The picture of a run: how long every program takes, as a multiple of the reference, on a logarithmic scale."""
import math
from xml.sax.saxutils import escape

COLOURS = {  # name: (on light, on dark)
    "Millrace": ("#0b6bcb", "#58a6ff"),
    "reference": ("#6e7781", "#8b949e"),
}
PEER = ("#d0a215", "#c69026")
LEFT, WIDTH, RIGHT = 250, 520, 90
BAR, GAP, TITLE = 14, 4, 24


def style():
    rules = ["text{font:13px system-ui,sans-serif;fill:#1f2328}.t{font-weight:600}.g{stroke:#d0d7de}.v{fill:#57606a}"]
    dark = ["text{fill:#e6edf3}.g{stroke:#30363d}.v{fill:#9198a1}"]
    for name, (light, night) in {**COLOURS, "peer": PEER}.items():
        rules.append(f".{name}{{fill:{light}}}")
        dark.append(f".{name}{{fill:{night}}}")
    return "<style>" + "".join(rules) + "@media(prefers-color-scheme:dark){" + "".join(dark) + "}</style>"


def draw(rows):
    """An SVG of rows [(title, [(program, ratio)])]; None when there is nothing to show."""
    rows = [(title, bars) for title, bars in rows if bars]
    if not rows:
        return None
    ratios = [ratio for _, bars in rows for _, ratio in bars]
    low = min(0.5, min(ratios) * 0.9)
    high = max(ratios) * 1.1
    span = math.log(high / low)

    def x(ratio):
        return LEFT + WIDTH * math.log(ratio / low) / span

    body = []
    y = 34
    for title, bars in rows:
        body.append(f'<text class="t" x="12" y="{y + 12}">{escape(title)}</text>')
        y += TITLE
        for name, ratio in bars:
            kind = name.split(",")[0] if name.split(",")[0] in COLOURS else "peer"  # "Millrace, small right"
            body.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
            body.append(f'<rect class="{kind}" x="{LEFT}" y="{y}" width="{max(1.0, x(ratio) - LEFT):.1f}" height="{BAR}" rx="2"/>')
            body.append(f'<text class="v" x="{x(ratio) + 6:.1f}" y="{y + 12}">{ratio:.2f}×</text>' if ratio < 10 else f'<text class="v" x="{x(ratio) + 6:.1f}" y="{y + 12}">{ratio:.0f}×</text>')
            y += BAR + GAP
        y += 8
    ticks = [tick for tick in (0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if low <= tick <= high]
    lines = [f'<line class="g" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="26" y2="{y}"/>'
             f'<text class="v" x="{x(t):.1f}" y="18" text-anchor="middle">{t:g}×</text>' for t in ticks]
    width = LEFT + WIDTH + RIGHT
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y + 8}" viewBox="0 0 {width} {y + 8}" role="img">'
            f"<title>Time of each program as a multiple of the hand-written reference</title>{style()}{''.join(lines)}{''.join(body)}</svg>\n")
