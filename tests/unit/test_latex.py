"""Tables for papers."""

import pandas as pd
import pytest

from emotf.measures import MEASURES
from emotf.report.latex import comparison_latex, escaped, latex


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a_b & 5% of $3 #1", r"a\_b \& 5\% of \$3 \#1"),
        (r"\input{secret}", r"\textbackslash{}input\{secret\}"),
        ("x^2 ~ <y> | \"z\"", r"x\textasciicircum{}2 \textasciitilde{} \textless{}y\textgreater{} \textbar{} "
         r"\textquotedbl{}z\textquotedbl{}"),
        ("-0.031 [-0.1, +.08]", r"$-$0.031 [$-$0.1, $+$.08]"),
        ("0.1 ± 0.2", r"0.1 $\pm$ 0.2"),
        ("mse-2 learning-rate 1e-4 - stl", "mse-2 learning-rate 1e-4 - stl"),
    ],
)  # fmt: skip
def test_text_is_printed_as_it_is(text, expected):
    assert escaped(text) == expected


def test_numbers_are_aligned_and_names_are_not():
    found = latex(["name", "n", "x"], [["7up", "1", ""], [], ["b", "undefined", "-0.5"]], "50 % & more", "tab:a-b")
    lines = found.splitlines()
    assert lines == [
        r"\begin{table}", r"\centering", r"\caption{50 \% \& more}", r"\label{tab:a-b}", r"\begin{tabular}{lrr}",
        r"\toprule", r"name & n & x \\", r"\midrule", r"7up & 1 &  \\", r"\addlinespace", r"b & undefined & $-$0.5 \\",
        r"\bottomrule", r"\end{tabular}", r"\end{table}",
    ]  # fmt: skip


@pytest.fixture
def rows():
    found = []
    for target in ("arousal", "valence"):
        for system, ccc in (("stl", 0.25), ("m_tl", 0.5)):
            row = {
                "target": target,
                "pooling": "pooled",
                "system": system,
                "reference": "stl",
                "ccc": ccc,
                "ccc_sd": 0.01,
            }
            row |= {f"all_{name}": k / 10 for k, name in enumerate(MEASURES)}
            row |= {"difference": ccc - 0.25, "low": -0.125, "high": 0.375, "runs": 15, "recordings": 20,
                    "unit": "subject", "p_holm": 0.049, "parameters_all": 6235.0}  # fmt: skip
            found.append(row)
    return pd.DataFrame(found)


def test_a_comparison_has_every_system_once(rows):
    found = comparison_latex(rows, "a_title")
    body = [line for line in found.splitlines() if line.endswith(r"\\")]
    measured = "0.100 & 0.200 & 0.300 & 0.400"
    single = rf"stl & 0.250 $\pm$ 0.010 & {measured} &  &  &  & 6235 \\"
    both = rf" &  & m\_tl & 0.500 $\pm$ 0.010 & {measured} & $+$0.250 & [$-$0.125, $+$0.375] & 0.049 & 6235 \\"
    against = r"difference to stl & 95 \% & p (Holm)"
    assert body == [
        rf"target & over & system & CCC & PCC & RMSE & MAE & SAGR & {against} & parameters \\",
        f"arousal & pooled & {single}", both, f"valence & pooled & {single}", both,
    ]  # fmt: skip
    assert r"\caption{a\_title. CCC: mean $\pm$ standard deviation over 15 runs" in found
    assert "interval over subjects" in found and r"\addlinespace" in found


def test_what_is_undefined_is_said(rows):
    rows.loc[3, ["difference", "low", "high", "p_holm"]] = float("nan")
    found = comparison_latex(rows, "t")
    assert "& undefined & (no interval) & undefined &" in found and "nan" not in found
