"""The report as a reader has it: Debian's Chromium opens it from disk. It must be there: `make system-deps`."""

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright
from reported import VERSION, board, keep, result

from benchmark.report.build import build

SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 800}}
ARGUMENTS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --autoplay-policy=no-user-gesture-required"
)

# Where a mouse finds the point of the method `best`, after rolling it into view.
PLACE_OF_BEST = """picture => {
  picture.scrollIntoView({ block: "center" });
  const trace = picture.data.find((each) => each.name === "combined"), place = picture.getBoundingClientRect();
  const at = (axis, value) => axis._offset + axis.c2p(value);
  const { xaxis, yaxis } = picture._fullLayout;
  return [place.x + at(xaxis, trace.x[0]), place.y + at(yaxis, trace.y[0])];
}"""


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """A report of a small board, with a method of a hostile name."""
    root = tmp_path_factory.mktemp("board")
    runs = [*board(), *(result("<img src=x onerror=alert(1)>", 0.4, seed, family="</script>") for seed in range(5))]
    keep(root / "artefacts", runs[0])
    build(runs, root / "artefacts", root / "report", version=VERSION)
    return root / "report"


@pytest.fixture(scope="module")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: make system-deps installs it (Debian: apt-get install chromium)"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS.split())
        yield browser
        browser.close()


@pytest.fixture(params=SIZES)
def page(request, chromium, report):
    """The first page, at a phone's or a desktop's width; no error and no request outside, whatever follows."""
    context = chromium.new_context(viewport=SIZES[request.param], color_scheme="light")
    page, faults = context.new_page(), []
    page.set_default_timeout(10_000)
    page.on("console", lambda told: faults.append(told.text) if told.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("dialog", lambda dialog: (faults.append("a dialog"), dialog.dismiss()))
    inside = (report.as_uri() + "/", "data:", "blob:")
    page.on("request", lambda asked: None if asked.url.startswith(inside) else faults.append(asked.url))
    page.on("requestfailed", lambda asked: faults.append(f"{asked.url} failed: {asked.failure}"))
    page.goto((report / "index.html").as_uri())
    yield page
    context.close()
    assert not [fault for fault in faults if "ERR_ABORTED" not in fault]  # a player that is left stops loading


def names(page, task="phrases/timbre"):
    table = page.locator("section.board", has=page.get_by_role("heading", name=f"quick: {task}", exact=True))
    return [text for text in table.locator("table.sortable tbody tr:visible th").all_inner_texts()]


def faultless(page, *rules):
    """No fault of all of axe-core's rules, or of those named."""
    # Without preloading: it asks for the style sheet again, which no page from disk may.
    found = Axe().run(page, options={"preload": False, **({"runOnly": list(rules)} if rules else {})})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page is wider than the screen"


def test_tables_sort_and_filter(page):
    header = page.locator("section.board").first.get_by_role("button", name="D", exact=True)
    hostile = "<img src=x onerror=alert(1)>"
    assert names(page)[0] == "best"
    header.click()
    assert names(page) == ["best", "hasty", "middling", hostile, "weak", "untrained"]
    header.press("Enter")
    assert names(page) == ["untrained", "weak", hostile, "middling", "hasty", "best"]
    assert page.locator("section.board").first.locator("th[aria-sort]").get_attribute("aria-sort") == "ascending"
    page.locator("section.board").first.get_by_role("button", name="method").click()
    assert names(page) == [hostile, "best", "hasty", "middling", "untrained", "weak"]
    page.locator("section.board").first.get_by_role("button", name="swap fidelity").click()
    assert {*names(page)[-2:]} == {"middling", "untrained"}  # dashes last
    assert page.locator("#shown").inner_text() == "7 rows in 2 tables"
    page.get_by_label("Task").select_option("phrases/timbre")
    assert page.locator("section.board:visible").count() == 1
    page.get_by_label("Family").select_option("combined")
    assert names(page) == ["best"]
    assert page.locator("#shown").inner_text() == "1 row in 1 table"
    page.get_by_label("Family").select_option("</script>")
    assert names(page) == ["<img src=x onerror=alert(1)>"]
    page.get_by_label("Preset").select_option("quick")
    page.get_by_label("Family").select_option("all")
    assert len(names(page)) == 6
    the_look_can_be_switched_and_stays(page)


def the_look_can_be_switched_and_stays(page):
    """At the end of what else is asked of the first page: to open it takes longest."""
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark look").click()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != before
    assert page.evaluate("document.getElementById('picture').layout.font.color") == "#eceff3"
    page.get_by_role("link", name="hasty").click()
    page.get_by_role("heading", level=1, name="hasty").wait_for()
    assert page.evaluate("document.documentElement.dataset.look") == "dark"
    faultless(page)  # a page of which most is missing


def test_the_picture_has_intervals_a_front_and_axes_to_choose(page):
    page.get_by_label("Table", exact=True).select_option("quick: phrases/timbre")
    traces = page.evaluate("document.getElementById('picture').data.map(t => [t.name, t.x.length])")
    assert dict(map(tuple, traces)) == {
        "Pareto front": 1, "combined": 1, "contrastive": 2, "reconstructive": 1, "control": 1, "&lt;/script&gt;": 1,
    }  # fmt: skip
    assert page.locator("#front").inner_text() == "On the front: best."
    assert page.locator("#picture .errorbars path").count() >= 6
    assert page.locator("#picture-title ~ figure svg text", has_text="best").count() == 1
    page.get_by_label("Across", exact=True).select_option("seconds, median (lower is better)")
    assert page.evaluate("document.getElementById('picture').layout.xaxis.title.text").startswith("seconds")
    assert "best" in page.locator("#picture").get_attribute("aria-label")
    # A point leads to its method.
    page.get_by_label("Across", exact=True).select_option("disentanglement")
    x, y = page.locator("#picture").evaluate(PLACE_OF_BEST)
    page.mouse.move(x - 40, y)
    page.mouse.move(x, y, steps=4)
    page.locator("#picture .hoverlayer .hovertext", has_text="rank 1").wait_for()
    page.mouse.down()
    page.mouse.up()
    page.get_by_role("heading", level=1, name="best").wait_for()


def test_links_lead_to_pages_which_play(page):
    page.locator("section.board").first.get_by_role("link", name="best").click()
    page.get_by_role("heading", level=1, name="best").wait_for()
    page.locator("#seed-plot svg .points path").first.wait_for()
    page.locator("#code-plot svg .points path").first.wait_for()
    assert page.evaluate("document.getElementById('loss-plot').data.length") == 1
    page.get_by_label("Term").select_option("rate")
    assert page.evaluate("document.getElementById('loss-plot').layout.yaxis.title.text") == "rate"
    assert page.get_by_label("Colour", exact=True).input_value() == "timbre"
    page.get_by_label("Block", exact=True).select_option("private")
    page.get_by_label("Colour", exact=True).select_option("pitch")
    assert page.evaluate("document.getElementById('code-plot').data[0].x.length") == 400
    for title in ("input a", "reconstruction of a", "swap: shared of b, the rest of a", "exact target"):
        assert plays(page, page.get_by_label(f"{title}, example 1", exact=True))
    assert "Griffin-Lim" in page.locator("main").inner_text()
    a_space_plays_by_keyboard(page)


def plays(page, player):
    """Whether a player's time moves on."""
    player.evaluate("player => player.play()")
    page.wait_for_function("player => player.currentTime > 0.1", arg=player.element_handle())
    player.evaluate("player => player.pause()")
    return player.evaluate("player => player.duration") == pytest.approx(2, abs=0.01)


def a_space_plays_by_keyboard(page):
    page.get_by_role("link", name="Sounds: phrases").click()
    levels = page.get_by_role("group", name="Levels of timbre").get_by_role("button")
    levels.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    player = page.get_by_label("Player of timbre")
    page.wait_for_function("player => player.currentTime > 0.1", arg=player.element_handle())
    assert player.evaluate("player => player.src").endswith(levels.nth(1).get_attribute("data-sound"))
    assert page.locator(".now", has_text="triangle").count() == 1
    page.keyboard.press("Tab")  # one stop a row: the next is outside it
    assert page.evaluate("document.activeElement.closest('[aria-label=\"Levels of timbre\"]')") is None


def test_no_automatic_fault_of_accessibility(page, report):
    # A look changes colours alone, and colours are the same at any width.
    dark = [] if page.viewport_size == SIZES["phone"] else [("dark", ["color-contrast"])]
    for look, rules in [("light", []), *dark]:
        page.emulate_media(color_scheme=look)
        for pattern in ("index.html", "method-best-phrases-timbre*", "space-*"):
            page.goto(next(report.glob(pattern)).as_uri())
            page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
            assert page.evaluate("document.documentElement.dataset.look") == look
            faultless(page, *rules)
