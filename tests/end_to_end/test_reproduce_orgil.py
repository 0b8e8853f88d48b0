"""The sweep of Orgil et al. (2021) by its command, one epoch on planted streams."""

import pandas as pd
from conftest import tool


def test_a_sweep_runs_and_the_thesis_repeats_it_for_nothing(tmp_path):
    flags = [
        "--smoke", f"--set=corpus.dir={tmp_path}/corpus", f"--set=data.records={tmp_path}/records",
        f"--out={tmp_path}/out", "--only=network=Full Network,Audio Network", "--only=train_loss=CCC",
        "--workers=2",
    ]  # fmt: skip
    done = tool("reproduce", "--table=orgil2021_table3", *flags, fresh=True)
    assert "6 runs, 0 of them done" in done.stderr
    said = done.stdout
    assert "PRINTED figures are of Aff-Wild. OURS are of planted: SYNTHETIC: planted traces" in said
    assert (
        "ONLY network=Full Network,Audio Network and train_loss=CCC" in said
        and "batches of 1 / 2 / 4, at most 1 epochs" in said
    )
    assert "whole recordings here" not in said  # the tiny corpus is long enough for 512 frames
    rows = pd.read_csv(tmp_path / "out" / "orgil2021_table3.csv", dtype={"printed: Aff-Wild": str})
    assert len(rows) == 2 * 3 * 3 and rows["ours"].notna().all() and rows["why"].isna().all()
    assert set(rows["sequence_length"]) == {128, 256, 512}
    full = rows[(rows["network"] == "Full Network") & (rows["train_loss"] == "CCC") & (rows["sequence_length"] == 512)]
    assert full["printed: Aff-Wild"].tolist() == ["0.380", "0.262", "0.195"]
    for name in ("length", "size"):
        assert (tmp_path / "out" / f"orgil2021_table3_{name}.png").read_bytes().startswith(b"\x89PNG")
    again = tool("reproduce", "--table=orgil2022_appendix_table1", *flags)
    assert "6 runs, 6 of them done; nothing left to run" in again.stderr
    printed = [
        [line for line in of.splitlines() if line.startswith(("| Full", "| Audio"))] for of in (said, again.stdout)
    ]
    assert printed[0] == printed[1] and "orgil2022_appendix_table1.md" in again.stdout


def test_all_tables_are_listed_and_mistakes_are_one_line(tmp_path):
    said = tool("reproduce", "--list").stdout
    for name in ("orgil2021_table5", "orgil2022_table1_3", "orgil2022_table4_4", "orgil2022_appendix_table3"):
        assert f"| {name} " in said
    refused = tool("reproduce", "--table=orgil2021_table3", "--only=network=Voice Network", check=False)
    line = refused.stderr.splitlines()[-1]
    assert refused.returncode == 1 and line.startswith("error: --only: network is never 'Voice Network', but ")
