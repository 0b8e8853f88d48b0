"""The page in a browser, where there are real clips to drop on it."""

import time
from pathlib import Path

import pytest
from browser import Browser
from conftest import SHARED
from page_server import Server, wav
from real_data import needs_data

DROPPED = """
(async () => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(await (await fetch("about")).arrayBuffer())], "../<b>notes</b>.txt"));
  document.dispatchEvent(new DragEvent("dragover", { dataTransfer: data }));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
})()
"""
DONE = "document.getElementById('status').textContent.endsWith(': done.')"
TOLD = "document.getElementById('refused').textContent"


@pytest.fixture(scope="module")
def server(work, speech):
    running = Server(speech, work / "browsed", "--workers=1", "--max_seconds=5", "--max_mb=1")
    yield running
    running.stop()


def plotted(browser, place):
    """Names of what a plot shows, and how many points the longest has."""
    return browser.run(f"document.getElementById('{place}').data.map((one) => [one.name, one.x.length])")


@needs_data
@pytest.mark.parametrize("size", [(1280, 900), (390, 844)], ids=["desktop", "phone"])
def test_a_clip_is_dropped_seen_and_downloaded_and_what_is_none_is_told(tmp_path, server, size):
    browser = Browser(tmp_path, size)
    browser.call("Page.navigate", url=server.url)
    browser.wait("document.readyState === 'complete' && Boolean(document.getElementById('clip'))")
    clip = sorted((SHARED / "emodb" / "original_16k").glob("*.wav"))[0]
    answer = server.post(clip.read_bytes()).json()

    browser.choose("#clip", clip)
    browser.wait(DONE)
    frames = len(answer["times"])
    assert plotted(browser, "over") == [[target, frames] for target in ("arousal", "dominance", "valence")]
    assert browser.run("document.getElementById('plane').data[1].y") == answer["traces"]["arousal"]
    told = browser.run("[...document.querySelectorAll('#words tbody tr')].map((row) => row.cells[0].textContent)")
    assert told[0] == max(answer["words"], key=answer["words"].count) and set(told) <= set(answer["words"])
    assert browser.run("document.getElementById('name').textContent") == clip.name
    browser.run("document.getElementById('download').click()")
    saved = browser.downloads / f"{clip.stem}.csv"
    end = time.monotonic() + 20
    while not saved.exists():
        assert time.monotonic() < end
        time.sleep(0.1)
    assert saved.read_text() == answer["csv"]

    # nothing is wider than the screen, and colours follow the switch
    assert browser.run("document.documentElement.scrollWidth <= innerWidth")
    before = browser.run("document.querySelector('#over .lines path').style.stroke")
    browser.run("document.getElementById('theme').click()")
    browser.wait(f"document.querySelector('#over .lines path').style.stroke !== '{before}'")
    browser.picture(tmp_path / "page.png")

    # what cannot be predicted is told, and what was there stays
    cases = {
        "empty.wav": (b"", "empty.wav: The clip is empty (0 bytes); choose another file."),
        "long.wav": (wav(6), "long.wav: The clip is longer than 5 s, which is the most that is taken here; cut it."),
        "large.wav": (bytes(1_000_001), "The clip is larger than 1 MB, which is the most that is taken here; send a "
                                        "smaller one."),
    }  # fmt: skip
    for name, (content, line) in cases.items():
        (tmp_path / name).write_bytes(content)
        browser.choose("#clip", tmp_path / name)
        browser.wait(f"{TOLD} === {line!r}")
    browser.run(DROPPED)
    browser.wait(f"{TOLD}.startsWith('../<b>notes</b>.txt: The clip is no sound or video file')")
    assert len(plotted(browser, "over")) == 3

    # two at once: the second is told to wait, and the first is answered
    browser.choose("#clip", clip)
    browser.choose("#clip", clip)
    browser.wait(DONE)

    asked = {event["params"]["request"]["url"] for event in browser.events
             if event["method"] == "Network.requestWillBeSent"}  # fmt: skip
    assert {url.split("/")[2] for url in asked if url.startswith("http")} == {f"127.0.0.1:{server.port}"}
    assert [event for event in browser.events if event["method"] == "Runtime.exceptionThrown"] == []
    refused = [event["params"]["entry"] for event in browser.events if event["method"] == "Log.entryAdded"]
    assert {Path(entry["url"]).name for entry in refused} == {"predict"}  # the three that the server refused
    assert server.left() == []
    browser.close()
