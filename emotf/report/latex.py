r"""Tables as LaTeX, for papers: `\usepackage{booktabs}` is all that they need."""

import re
from collections.abc import Sequence
from typing import Any

import pandas as pd

from emotf.measures import MEASURES
from emotf.report.intervals import bracketed, signed
from emotf.report.tables import number, probability

_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%", "_": r"\_",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "±": r"$\pm$", "×": r"$\times$",
    "α": r"$\alpha$",
}  # fmt: skip


def latex(header: Sequence[str], rows: Sequence[Sequence[Any]], caption: str, label: str) -> str:
    r"""A table in the style of booktabs; columns of numbers are aligned to the right, signs are those of mathematics.

    Args:
        header: plain text, as all that follows: what LaTeX takes for a command is escaped.
        rows: as many cells each; a row without cells stands for some space.
        caption: above the table.
        label: for `\ref`; letters, digits, `:` and `-`.

    Example:
        >>> print(latex(["system", "CCC"], [["a_b", "-0.1"]], "Two & more", "tab:ccc"))
        \begin{table}
        \centering
        \caption{Two \& more}
        \label{tab:ccc}
        \begin{tabular}{lr}
        \toprule
        system & CCC \\
        \midrule
        a\_b & $-$0.1 \\
        \bottomrule
        \end{tabular}
        \end{table}
    """
    cells = [[str(cell) for cell in row] for row in rows]
    filled = [row for row in cells if row]
    columns = "".join("r" if all(_is_numeric(row[i]) for row in filled) else "l" for i in range(len(header)))
    body = [f"{' & '.join(map(escaped, row))} \\\\" if row else r"\addlinespace" for row in cells]
    return "\n".join([
        r"\begin{table}", r"\centering", rf"\caption{{{escaped(caption)}}}", rf"\label{{{label}}}",
        rf"\begin{{tabular}}{{{columns}}}", r"\toprule", rf"{' & '.join(map(escaped, header))} \\", r"\midrule",
        *body, r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ])  # fmt: skip


def escaped(text: str) -> str:
    r"""Text that LaTeX prints as it is; signs in front of numbers become minus and plus.

    Example:
        >>> print(escaped("mse_cov 50% -0.1 [+0.2] a-1"))
        mse\_cov 50\% $-$0.1 [$+$0.2] a-1
    """
    special = "".join(_SPECIAL.get(letter, letter) for letter in text)
    return re.sub(r"(?<![\w}])([-+])(?=\.?\d)", r"$\1$", special)


def comparison_latex(rows: pd.DataFrame, title: str) -> str:
    """A comparison: CCC of every system, all measures, and the difference to the reference with its interval.

    Args:
        rows: of `emotf.comparison.summary.summarise`.
        title: says what is compared, on what.
    """
    first = rows.iloc[0]
    others = [name for name in MEASURES if name != "ccc"]
    against = [f"difference to {first['reference']}", "95 %", "p (Holm)"]
    header = ["target", "over", "system", "CCC", *map(str.upper, others), *against, "parameters"]
    body: list[list[str]] = []
    place: tuple[str, str] | None = None
    for row in rows.to_dict("records"):
        is_new, place = place != (row["target"], row["pooling"]), (row["target"], row["pooling"])
        if is_new and body:
            body.append([])
        apart = [""] * 3
        if row["system"] != row["reference"]:
            interval = bracketed(row["low"], row["high"], "+.3f")
            apart = [signed(row["difference"]), interval, probability(row["p_holm"])]
        body.append([
            *(place if is_new else ("", "")), row["system"], f"{number(row['ccc'])} ± {number(row['ccc_sd'])}",
            *(number(row[f"all_{name}"]) for name in others), *apart, f"{row['parameters_all']:.0f}",
        ])  # fmt: skip
    caption = (
        f"{title}. CCC: mean ± standard deviation over {first['runs']} runs (folds x seeds); the other measures, and "
        f"differences of CCC with their 95 % interval over {first['unit']}s and the p of a permutation test, of all "
        f"{first['recordings']} recordings together"
    )
    return latex(header, body, caption, "tab:comparison")


def _is_numeric(cell: str) -> bool:
    """Numbers, what is said of them, and nothing."""
    return not cell or cell == "undefined" or bool(re.match(r"[-+]?\.?\d", cell))
