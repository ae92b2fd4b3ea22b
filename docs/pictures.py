"""Make the pictures of the README and the documentation from a finished run of the demo: phantoms alone.

``python docs/pictures.py results docs/images`` needs pdftoppm (Debian: poppler-utils), chromium and
chromium-driver.
"""

import io
import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from selenium import webdriver
from selenium.webdriver.support.ui import WebDriverWait

from cinecohort.reporting.example_figure import draw_example
from cinecohort.reporting.results import read_results
from cinecohort.reporting.settings import report_settings
from cinecohort.review.options import ReviewOptions
from cinecohort.review.room import make_room

LARGEST_BYTES = 300_000
WIDTH = 1200
PAGES = {"report_first_page": "Study report", "report_agreement": "line of least squares"}
"""Picture to words of the page of the report that it shows: the first page that has them."""

FLAGGED = """
const box = document.querySelector("#status");
box.value = "review";
box.dispatchEvent(new Event("change"));
[...document.querySelectorAll("#space .row")].pop().click();
"""
"""What lets the review room show the flagged subjects alone, and of those in sight the last."""


def main(results: Path, folder: Path) -> None:
    """Draw all of them."""
    if not json.loads((results / "run.json").read_text())["synthetic"]:
        sys.exit(f"{results} is not of phantoms: pictures of real hearts are not for a repository.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        draw_pages(results / "report.pdf", folder, Path(made))
        draw_segmentation(results, folder, Path(made))
        draw_room(results, folder, Path(made))
    for path in sorted(folder.iterdir()):
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


def draw_pages(report: Path, folder: Path, made: Path) -> None:
    """Pages of the report."""
    texts = subprocess.run(["pdftotext", "-layout", report, "-"], capture_output=True, text=True, check=True)
    pages = texts.stdout.split("\f")
    for name, words in PAGES.items():
        number = next((number for number, text in enumerate(pages, 1) if words in text), None)
        if number is None:
            sys.exit(f"{report}: no page has the words {words!r}; correct PAGES in docs/pictures.py.")
        chosen = ["-f", str(number), "-l", str(number), "-singlefile", "-r", "130"]
        subprocess.run(["pdftoppm", "-png", *chosen, report, made / name], check=True)
        keep(made / f"{name}.png", folder / f"{name}.webp")


def draw_segmentation(results: Path, folder: Path, made: Path) -> None:
    """The report's example: slices of one phantom with contours, and its volumes."""
    drawing = made / "segmentation.svg"
    if draw_example(read_results(results, report_settings(results)[1]), drawing) is None:
        sys.exit(f"{results}: no subject has images and label maps; run the workflow first.")
    page = made / "segmentation.html"
    page.write_text(f'<body style="margin:0"><img src="{drawing.name}" style="width:100%">')
    photograph(page, made / "segmentation.png", (1200, 440), "img")
    keep(made / "segmentation.png", folder / "segmentation.webp")


def draw_room(results: Path, folder: Path, made: Path) -> None:
    """The review room at a subject that is flagged."""
    page = results / "review" / "index.html"
    if not page.is_file():
        make_room(results, ReviewOptions(), "Phantom demonstration cohort", synthetic=True, threads=2)
    photograph(page, made / "room.png", (1400, 900), "#card h2", FLAGGED)
    keep(made / "room.png", folder / "review_room.webp")


def photograph(page: Path, picture: Path, size: tuple[int, int], shown: str, then: str = "") -> None:
    """What a browser shows of a page on the disk, a while after it has the element `shown`."""
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or sys.exit("there is no chromium")
    for flag in ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    try:
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        driver.get(page.resolve().as_uri())
        WebDriverWait(driver, 120).until(lambda driver: driver.find_elements("css selector", shown))
        driver.execute_script(then)
        time.sleep(3)
        driver.save_screenshot(picture)
    finally:
        driver.quit()


def keep(picture: Path, path: Path) -> None:
    """Keep a picture as WebP, no wider and no larger than a README needs."""
    image = Image.open(picture).convert("RGB")
    if image.width > WIDTH:
        image = image.resize((WIDTH, round(image.height * WIDTH / image.width)), Image.Resampling.LANCZOS)
    for quality in (90, 80, 70, 60):
        buffer = io.BytesIO()
        image.save(buffer, "WEBP", quality=quality, method=6)
        if buffer.tell() <= LARGEST_BYTES:
            path.write_bytes(buffer.getvalue())
            return
    sys.exit(f"{path}: larger than {LARGEST_BYTES // 1000} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
