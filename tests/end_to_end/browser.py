"""Chromium without a screen, driven over its pipe: DevTools' JSON, each message ended by a zero byte."""

import base64
import json
import os
import subprocess
import time

# Where Chromium listens and speaks with --remote-debugging-pipe.
IN, OUT = 3, 4


class Browser:
    """One tab of a fresh browser.

    Args:
        folder: of its own, for its profile and downloads.
        size: pixels; a narrow one is a phone.
    """

    def __init__(self, folder, size=(1280, 900)):
        self.downloads = folder / "downloads"
        theirs_in, self._write = os.pipe()
        self._read, theirs_out = os.pipe()
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe"]
        # a shell puts the pipes where they belong: what runs between fork and exec in Python may deadlock
        script = f'exec chromium {" ".join(flags)} --user-data-dir="$1" {IN}<&{theirs_in} {OUT}>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", script, "bash", str(folder / "profile")], pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest, self._sent, self._session = b"", 0, None
        self.events = []
        tab = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self.downloads))
        self._session = self.call("Target.attachToTarget", targetId=tab, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "DOM", "Log"):
            self.call(f"{domain}.enable")
        width, height = size
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                  mobile=width < 600)  # fmt: skip

    def call(self, method, **params):
        """The answer to a command; what happens meanwhile is kept in `events`."""
        self._sent += 1
        message = {"id": self._sent, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            said = self._next()
            if said.get("id") == self._sent:
                assert "error" not in said, said["error"]
                return said["result"]
            self.events.append(said)

    def run(self, script):
        """What a line of JavaScript gives, once it is there."""
        said = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    def wait(self, script):
        """Waits until a line of JavaScript is true."""
        end = time.monotonic() + 90
        while not self.run(script):
            assert time.monotonic() < end, f"{script}: {self.run('document.body.innerText')[:800]}"
            time.sleep(0.1)

    def choose(self, selector, path):
        """Puts a file into an input, as a user who chooses it."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def picture(self, path):
        """Writes the whole page as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
        said = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(said["data"]))

    def close(self):
        self._session = None
        self.call("Browser.close")
        self._process.wait(30)
        os.close(self._write)
        os.close(self._read)

    def _next(self):
        while b"\0" not in self._rest:
            piece = os.read(self._read, 1 << 20)
            assert piece, "the browser has ended"
            self._rest += piece
        message, _, self._rest = self._rest.partition(b"\0")
        return json.loads(message)
