"""The report: which frames it holds, that it needs no other file, and that it works in a browser."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from fake_pipeline import events
from judged_clips import texture, write

from vidstyle.cli import execute
from vidstyle.core.frame import Frame
from vidstyle.evaluate import JudgedFrame, ReportFrames
from vidstyle.evaluate.record import WORST_FRAMES
from vidstyle.evaluate.report import SLIDER_FRAMES

NAME = "<b>&</script> it's.mkv"
"""A file name with HTML in it, which the page must show as text."""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on a painting of 14 frames whose frame 9 is brighter than the others."""
    folder = tmp_path_factory.mktemp("report")
    frames = [texture(96, 128 + 28)[:, 2 * index:2 * index + 128] for index in range(14)]
    source = write(folder / "source.mkv", frames)
    painted = [255 - image + np.uint8(25 * (index == 9)) for index, image in enumerate(frames)]
    write(folder / "styled.mkv", painted).rename(folder / "styled")
    baseline = write(folder / "alone.mkv", [image + np.uint8(9 * (index % 2)) for index, image in enumerate(painted)])
    cv2.imwrite(str(folder / "style.png"), texture(80, 60, seed=5))
    styled = (folder / "styled").rename(folder / NAME.replace("/", "∕"))  # U+2215, as "/" cannot be in a name
    command = ["evaluate", str(styled), "--source", str(source), "--baseline", str(baseline),
               "--style", str(folder / "style.png"), "--report", str(folder / "report.html")]
    assert execute([*command, "--fail-if", "e_stab>0.001", "--fail-if", "ssim<-1"]) == 5
    return folder / "report.html"


def page_data(report: Path) -> dict[str, Any]:
    text = re.search(r'<script type="application/json" id="data">(.*?)</script>', report.read_text("utf-8"), re.DOTALL)
    assert text
    data: dict[str, Any] = json.loads(text[1])
    return data


def test_the_report_needs_no_other_file(report: Path) -> None:
    page = report.read_text(encoding="utf-8")
    assert not re.search(r"(?:src|href)\s*=\s*[\"'](?!data:)|@import|url\((?!data:)", page.partition('id="data"')[0])
    # The namespace of SVG is a URL that no browser opens.
    assert set(re.findall(r"https?://[^\s\"'<]+", page)) <= {"http://www.w3.org/2000/svg"}
    assert list(report.parent.glob("*.part")) == []
    data = page_data(report)
    assert len(data["thumbnails"]) == 14
    for thumbnail in data["thumbnails"]:
        assert all(thumbnail[kind].startswith("data:image/jpeg;base64,/9j/") for kind in ("source", "painting"))
    assert [threshold["hit"] for threshold in data["thresholds"]] == [True, False]
    assert {worst["frame"] for worst in data["worst"][:2]} == {9, 10}


def test_a_report_is_not_written_over_a_file_without_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = write(tmp_path / "clip.mkv", [texture(48, 64)] * 2)
    command = ["evaluate", str(clip), "--source", str(clip), "--json", "--report"]
    (tmp_path / "report.html").write_text("kept")
    assert execute([*command, str(tmp_path / "report.html")]) == 4
    assert (tmp_path / "report.html").read_text() == "kept"
    assert execute([*command, str(clip), "--overwrite"]) == 4  # never over what it judges
    capsys.readouterr()
    assert execute([*command, str(tmp_path / "report.html"), "--overwrite"]) == 0
    assert events(capsys)[-1]["report"] == str(tmp_path / "report.html")
    assert page_data(tmp_path / "report.html")["layers"] == {}


def test_a_report_holds_a_few_frames_of_any_clip() -> None:
    """Of 300 frames, 60 are held, and the five with the largest errors, which are known only at the end."""
    frames, image = ReportFrames(), torch.rand(3, 20, 30, generator=torch.Generator().manual_seed(0))
    errors = np.random.default_rng(0).permutation(300) / 300
    most = 0
    for place in range(300):
        frame = Frame(image, place, Fraction(1), 40 + place)
        frames.add(JudgedFrame(place, 300, frame, image, float(errors[place]) if place else None))
        most = max(most, len(frames.thumbnails))
    worst = {40 + int(place) for place in np.argsort(-errors)[:WORST_FRAMES]}
    assert worst <= set(frames.thumbnails)
    assert most <= SLIDER_FRAMES + WORST_FRAMES
    assert all(frames.thumbnails[index].before for index in worst)


# --- In a browser -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(report: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Headless Chromium with the report open; its console and its network requests are logged."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium, which drives the browser, is not installed")
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    chromedriver = shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        pytest.skip("there is no Chromium with its chromedriver on this machine")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-background-networking",
                 "disable-component-update", "disable-sync", "disable-dev-shm-usage", "window-size=1100,900",
                 f"user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(chromedriver))
    try:
        driver.get(report.as_uri())
        yield driver
    finally:
        driver.quit()


def test_a_browser_shows_the_report(report: Path, browser: Any) -> None:
    """One test, so that the browser starts once: text, slider, wipe by mouse and keys, jump; then no request was made."""
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    def find(selector: str) -> Any:
        return browser.find_element(By.CSS_SELECTOR, selector)

    def find_all(selector: str) -> list[Any]:
        found: list[Any] = browser.find_elements(By.CSS_SELECTOR, selector)
        return found

    def script(code: str) -> Any:
        return browser.execute_script(code)

    data = page_data(report)
    assert find("h1").text == NAME.replace("/", "∕")
    assert [finding.text for finding in find_all("#verdict li")] == [
        f"{finding['words']}\n{finding['numbers']}" for finding in data["verdict"]]
    assert "flicker of the clip painted frame by frame." in find("#verdict li").text
    assert find(".threshold.hit").text.endswith("e_stab>0.001")
    assert len(find_all("#plots svg")) == 3
    assert len(find_all("#plots svg")[0].find_elements(By.TAG_NAME, "path")) == 4  # painting, source, baseline, blurred
    assert [cell.text for cell in find_all("#numbers tr:first-child th")][1:5] == list(data["values"])
    assert len(find_all("#worst figure")) == WORST_FRAMES
    loaded = "return [...document.images].every((image) => image.complete && image.naturalWidth > 0)"
    assert script(loaded), "an image is not displayed"

    slider, painting, source = find("#frame"), find("#painting"), find("#source")
    before = painting.get_attribute("src"), source.get_attribute("src")
    start = int(slider.get_attribute("value"))
    slider.send_keys(Keys.ARROW_RIGHT)
    assert int(slider.get_attribute("value")) == start + 1
    assert find("#which").text.startswith(f"frame {start + 1} ·")
    after = painting.get_attribute("src"), source.get_attribute("src")
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert after == (data["thumbnails"][start + 1]["painting"], data["thumbnails"][start + 1]["source"])

    def clip() -> float:
        """How much of the source is cut off on the right, in percent."""
        shown = script("return getComputedStyle(document.getElementById('source')).clipPath")
        match = re.search(r"(?:calc\(100% - )?([\d.]+)%", shown.removeprefix("inset(0px "))
        assert match, shown
        return 100 - float(match[1]) if "calc" in shown else float(match[1])

    assert clip() == pytest.approx(50, abs=0.5)
    stage = find("#stage")
    quarter = stage.size["width"] // 4
    ActionChains(browser).move_to_element(stage).click_and_hold().move_by_offset(-quarter, 0).release().perform()
    assert clip() == pytest.approx(75, abs=0.5)
    handle = find("#wipe")
    handle.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert clip() == pytest.approx(71, abs=0.5)
    assert handle.get_attribute("aria-valuenow") == "29"
    handle.send_keys(Keys.END)
    assert clip() == pytest.approx(0, abs=0.5)

    find("#worst figure button").click()
    assert find("#which").text.startswith(f"frame {data['worst'][0]['frame']} ·")
    assert find("#which").text.endswith(f"e_stab {data['worst'][0]['e_stab']:.3g}")

    assert [entry for entry in browser.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    requests = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
    # The first tab of the browser requests chrome:// pages; only the requests of this page count.
    urls = {request["request"]["url"] for request in requests if request["documentURL"] == report.as_uri()}
    assert {url for url in urls if not url.startswith("data:")} == {report.as_uri()}, "the page requested another file"
