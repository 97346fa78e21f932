"""The book: `make book` makes it, all of it can be reached, and a browser shows it whole.

book.py makes the pages. What they say is the text's and the code's, and checked there. The browser is Debian's
chromium, without a window; where there is none, those tests are skipped.
"""
import json
import os
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

import book
import stations
import tutorial_stations
from tutorial_code import changes, chapter_step, sources, steps
from tutorial_text import REPOSITORY, Text

TEXT = Text(REPOSITORY / "TUTORIAL.md")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
LIMIT = 20          # seconds of work that the book may take
WAIT = 120          # seconds after which a browser that says nothing is given up
VOID = {"meta", "link", "br", "hr", "img", "input", "path", "rect", "circle"}


# ---- what is made, without a browser

class Reader(HTMLParser):
    """Anchors and links of a page, and whether each tag that opens is closed."""

    def __init__(self, path):
        super().__init__()
        self.anchors, self.links, self.open, self.faults = [], [], [], []
        self.text = path.read_text(encoding="utf-8")
        self.feed(self.text)
        self.faults += ["%s is not closed" % tag for tag in self.open]

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.anchors += [attributes["id"]] if "id" in attributes else []
        self.links += [attributes[name] for name in ("href", "src") if name in attributes]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.faults.append("</%s> closes nothing" % tag)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("book") / "book"


@pytest.fixture(scope="module")
def made(folder):
    """(the book, seconds of work, of this process and of those it ran)"""
    start = sum(os.times()[:4])
    return book.write(folder, TEXT)[0], sum(os.times()[:4]) - start


@pytest.fixture(scope="module")
def pages(made, folder):
    return {path.name: Reader(path) for path in sorted(folder.glob("*.html"))}


def test_it_takes_no_longer_than_a_reader_waits(made):
    assert made[1] < LIMIT


def test_make_book_says_where_it_is(tmp_path):
    done = subprocess.run(["make", "-s", "book", "BOOK=%s" % (tmp_path / "here")], cwd=str(REPOSITORY), stdout=subprocess.PIPE,
                          universal_newlines=True, check=True)
    assert Path(done.stdout.split()[-1]).name == "index.html" and (tmp_path / "here" / "index.html").exists()


def test_every_tag_is_closed(pages):
    assert [(name, page.faults) for name, page in pages.items() if page.faults] == []


def test_every_anchor_is_there_once(pages):
    assert [(name, anchor) for name, page in pages.items() for anchor in set(page.anchors) if page.anchors.count(anchor) > 1] == []


def test_every_link_leads_somewhere(pages, folder):
    faults = []
    for name, page in pages.items():
        for link in page.links:
            place, _, anchor = unquote(link).partition("#")
            place = place.split("?")[0] or name
            if link.startswith("https://"):
                continue
            if not (folder / place).exists() or (anchor and anchor not in pages[place].anchors):
                faults.append((name, link))
    assert faults == []


def test_nothing_comes_from_the_network(pages, folder):
    loaded = re.compile(r"""(?:src|<link[^>]*href)="(\w+:|//)[^"]*"|url\(|@import""")
    assert [name for name, page in pages.items() if loaded.search(page.text)] == []
    assert not loaded.search((folder / "book.css").read_text(encoding="utf-8"))


def test_every_section_is_in_it(pages):
    anchors = {anchor for page in pages.values() for anchor in page.anchors}
    assert [heading.title for heading in TEXT.headings if heading.level > 1 and heading.anchor not in anchors] == []


def test_every_word_of_the_text_is_in_it(pages):
    """Of the prose: nothing is lost while it is turned to HTML."""
    words = defaultdict(int)
    for name, page in pages.items():
        for word in re.findall(r"\w+", re.sub(r"<[^>]*>", " ", page.text)) if "_" not in name else ():
            words[word] += 1
    prose = "\n".join(line for number, line in enumerate(TEXT.prose, 1) if TEXT.chapter_at(number) != "Contents")
    prose = re.sub(r"\]\([^)]*\)|<!--.*?-->|&\w+;", " ", prose, flags=re.S)
    assert {word for word in re.findall(r"\w+", prose) if word not in words} <= {"https"}


def test_every_diagram_is_drawn_with_all_its_words(pages):
    diagrams = [block for block in TEXT.blocks if block.words[:1] == ["mermaid"]]
    drawn = [found for page in pages.values() for found in re.findall(r"<svg.*?</svg>", page.text, re.S)]
    assert len(drawn) == len(diagrams)
    shown = set(re.findall(r"\w+", re.sub(r"<[^>]*>", " ", " ".join(drawn))))
    for block in diagrams:
        texts = re.findall(r"\[\"?([^\"\]*]+)\"?\]|\|\"?([^\"|]+)\"?\|" if block.lines[0].startswith("flow") else r": (.+)| as (.+)|([A-Z]\w+) -->",
                           "\n".join(block.lines[1:]))
        assert set(re.findall(r"\w+", " ".join("".join(text) for text in texts))) <= shown


def test_an_excerpt_leads_to_its_lines(made, pages):
    """What stands in the text and what its link marks in the code is the same."""
    found = 0
    for name, excerpts in made[0].excerpts.items():
        for mark, ids, link, _ in excerpts:
            place, _, anchor = link.partition("#")
            assert mark in pages[name].anchors and anchor in pages[place].anchors
            block = next(block for block in TEXT.blocks if "x%d" % block.line == mark)
            if block.words[0] == "c":
                lines = (REPOSITORY / block.words[1]).read_text(encoding="utf-8").split("\n")
                assert [lines[int(one[1:]) - 1] for one in ids] == [line.rstrip() for line in block.lines if line.strip() != "..."]
            found += 1
    assert found


@pytest.mark.parametrize("step", steps(REPOSITORY), ids=lambda step: step.name)
def test_every_changed_line_of_a_step_can_be_reached(pages, step):
    """From the page of the step to the file, where it is marked; what went away, beside the step before."""
    old = chapter_step(REPOSITORY, int(step.name[4:6]) - 1)
    index = pages[book.page_of(step)]
    for name, (added, removed) in changes(old, step).items():
        page = book.page_of(step, name)
        assert page in {link.split("#")[0] for link in index.links}
        assert pages[page].text.count('class="l new"') == added
        if old and (old / name).exists():
            side = pages[book.page_of(step, name, "-diff")]
            count = len(re.findall(r'class="row[^"]* gone', side.text)), len(re.findall(r'class="row[^"]* new', side.text))
            assert count == (removed, added)
            starts = [anchor for anchor in side.anchors if re.fullmatch(r"c\d+", anchor)]
            assert starts and all("%s#%s" % (page, start) in index.links and start in pages[page].anchors for start in starts)
    assert {book.page_of(step, name) for name in sources(step)} <= set(index.links)


@pytest.mark.parametrize("row", tutorial_stations.STATIONS, ids=lambda row: row.number)
def test_the_lines_of_a_station_bear_its_number(made, pages, row):
    """If the text has a section for it, to which they lead."""
    owners = tutorial_stations.owners(REPOSITORY, stations.stage_of(row.number))
    wanted = {(name, line) for (name, line), owner in owners.items() if owner == row.number and row.number in made[0].stations}
    step = chapter_step(REPOSITORY, stations.stage_of(row.number))
    came = {(name, int(line)) for name in sources(step) for line in
            re.findall(r'id="L(\d+)" class="l new" data-of="%s"' % re.escape(row.number), pages[book.page_of(step, name)].text)}
    assert came == wanted
    assert not wanted or any(made[0].stations[row.number][0] in pages[book.page_of(step, name)].links for name, _ in wanted)


def test_search_knows_each_section_and_function(made, pages, folder):
    data = (folder / "search-data.js").read_text(encoding="utf-8")
    rows = json.loads(data[data.index("["):data.rindex("]") + 1])
    titles = {title for _, title, _ in rows}
    assert {function + "()" for step in steps(REPOSITORY) for function in book.functions(step)} <= titles
    assert {heading.anchor for heading in TEXT.headings if heading.level > 2} <= {link.partition("#")[2] for link, _, _ in rows}
    assert all(link.partition("#")[2] in pages[link.partition("#")[0]].anchors for link, _, _ in rows)


MARKDOWN = r"""# A title

## Chapter 3: DATA

> A note, with `conn_flush` and **weight**.
> Second line.
>
> - an item
>   that goes on

1. One [link to `code`](#chapter-3-data), 2 \* 3
   - *inner*
2. Two <https://example.org/>

   a paragraph of the second

| | |
|---|---|
| `a\|b` | x < y & *z* |

```c naive.c
int main(void)
{
    return "&"[0];
}
```

Last *of all* it ends
with `two
lines` in `tests/client.py`.
"""


def test_what_the_text_may_hold(folder):
    page = book.Book(Text(REPOSITORY / "part.md", content=MARKDOWN, whole=True), folder).pages[1]
    for wanted in (
            '<aside class="note"><p>A note, with <a class="name" href="step03-data_conn.c.html#f-conn_flush"><code>conn_flush</code></a> '
            "and <strong>weight</strong>.\nSecond line.</p>\n<ul><li>an item\nthat goes on</li></ul></aside>",
            '<ol><li>One <a href="chapter-3.html#chapter-3-data">link to <code>code</code></a>, 2 &#42; 3\n<ul><li><em>inner</em></li></ul></li>',
            '<li>Two <a href="https://example.org/">https://example.org/</a>\n<p>a paragraph of the second</p></li></ol>',
            "<table><tbody><tr><td><code>a|b</code></td><td>x &lt; y &amp; <em>z</em></td></tr></tbody></table>",
            '<p class="where">naive.c</p><pre class="c"><span class="e"><i class=w>int</i> <b>main</b>(',
            "<p>Last <em>of all</em> it ends\nwith <code>two\nlines</code> in <code>tests/client.py</code>.</p>"):
        assert wanted in page.html


def test_what_is_not_drawn_is_shown_and_named(folder):
    content = "# T\n\n## Chapter 3: DATA\n\n```mermaid\nflowchart LR\n    A[one] &&& B[two]\n```\n*It is so.*\n\n```c step03-data/conn.c\nno such line\n```\n"
    made = book.Book(Text(REPOSITORY / "part.md", content=content, whole=True), folder)
    assert [line for line, _ in made.faults] == [5, 11]
    assert "A[one] &amp;&amp;&amp; B[two]" in made.pages[1].html and "no such line" in made.pages[1].html


# ---- in a browser

# The browser reads from descriptor 3 and writes to descriptor 4.
PIPES = """import fcntl, os, sys
pipes = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (%d, %d)]
os.dup2(pipes[0], 3)
os.dup2(pipes[1], 4)
os.execv(sys.argv[1], sys.argv[1:])"""

class Browser:
    """Chromium, spoken to in the DevTools protocol through a pipe: a JSON object and a NUL each way."""

    def __init__(self, profile):
        theirs, self.out = os.pipe()
        self.input, ours = os.pipe()
        self.process = subprocess.Popen(
            [sys.executable, "-c", PIPES % (theirs, ours), CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--hide-scrollbars",
             "--remote-debugging-pipe", "--user-data-dir=%s" % profile, "about:blank"],
            pass_fds=(theirs, ours), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(theirs)
        os.close(ours)
        self.number, self.rest, self.errors, self.loaded = 0, b"", [], set()
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(domain + ".enable")

    session = None

    def ask(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def read(self):
        while b"\0" not in self.rest:
            ready, _, _ = select.select([self.input], [], [], WAIT)
            piece = os.read(self.input, 65536) if ready else b""
            assert piece, "the browser has ended, or says nothing"
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(message.decode())
        method, parameters = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.errors.append(parameters["exceptionDetails"].get("exception", parameters["exceptionDetails"]).get("description", "?"))
        elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
            self.errors.append("%s: %s" % (parameters["entry"].get("url"), parameters["entry"]["text"]))
        elif method == "Page.loadEventFired":
            self.loaded.add(message.get("sessionId"))
        return message

    def open(self, url):
        self.loaded.clear()
        done = self.ask("Page.navigate", url=url)
        while "loaderId" in done and self.session not in self.loaded:   # without one it is the same page, at another place
            self.read()

    def resize(self, width, height=900):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression):
        result = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self):
        os.close(self.out)
        os.close(self.input)
        self.process.terminate()
        self.process.wait()


@pytest.fixture(scope="module")
def browser(made):
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    profile = tempfile.mkdtemp(prefix="smtpd-book-")
    opened = Browser(profile)
    yield opened
    opened.close()
    shutil.rmtree(profile, ignore_errors=True)


@pytest.fixture
def view(browser, folder):
    """view(page, width, scripts=True, **media): open a page of the book."""
    def opener(name, width=1440, scripts=True, media="", scheme="light"):
        browser.errors.clear()
        browser.resize(width)
        browser.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        browser.ask("Emulation.setEmulatedMedia", media=media, features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open("%s%s" % (folder.as_uri() + "/", name))
        return browser
    return opener


def text_pages(made):
    return [page.name for page in made[0].pages]


def with_excerpts(made):
    """A page that has some: its name, and the links of the first excerpt and the last."""
    marks = [(link.split("#")[0], "%s#%s" % (name, mark)) for name, rows in made[0].excerpts.items() for mark, _, link, _ in rows]
    page = marks[0][0]
    return page, [link for place, link in marks if place == page]


def frame_url(browser):
    tree = browser.ask("Page.getFrameTree")["frameTree"]["childFrames"][0]["frame"]
    return (tree["url"] + tree.get("urlFragment", "")).rsplit("/", 1)[1]


def wait_for(condition):
    """Look again and again: what the browser shows after a click it does not tell."""
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


# What does not fit: the page itself, what scrolls sideways in it, and what hangs out of it on the right.
TOO_WIDE = """[document.documentElement, ...document.querySelectorAll("pre, .block, .row, figure, svg, h1, h2, h3, p")]
    .filter(one => one.getClientRects().length && (one.scrollWidth > one.clientWidth + 1 && getComputedStyle(one).display !== "inline"
        || one.getBoundingClientRect().right > document.documentElement.clientWidth + 1))
    .map(one => one.tagName + " " + one.className + " " + one.textContent.slice(0, 60))"""


def test_every_page_opens_without_an_error_and_nothing_is_cut_off(pages, view):
    """At 600 pixels code is about as wide as on the right; 400 are a phone."""
    faults = []
    same = {book.page_of(step, name) for step in steps(REPOSITORY) for name in sources(step) if book.state_of(step, name) == "unchanged"}
    for name in pages:
        browser = view(name)
        for width in (1440, 600, 400) if name not in same else ():
            browser.resize(width)
            faults += [(name, width, found) for found in browser.value(TOO_WIDE)]
        faults += [(name, error) for error in browser.errors]
    assert faults == []


@pytest.mark.parametrize("width, media", [(1216, ""), (800, ""), (700, "print")])
def test_nothing_of_the_text_is_cut_off(made, view, width, media):
    """At 1216 pixels there are two columns, just so."""
    assert [(name, found) for name in text_pages(made) for found in [view(name, width, media=media).value(TOO_WIDE)] if found] == []


def test_lines_of_code_are_not_broken_where_there_is_room(made, view):
    """All 80 columns of them, in the text and beside it."""
    page, links = with_excerpts(made)
    broken = "[...document.querySelectorAll('%s')].filter(line => line.offsetHeight > 1.9 * parseFloat(getComputedStyle(line).lineHeight)).length"
    assert view(page, 1440).value(broken % ".e") == 0
    assert view(links[0], 650).value(broken % ".l") == 0


def test_two_columns_become_one_on_a_phone(made, view):
    page, _ = with_excerpts(made)
    columns = """[...document.querySelectorAll("main, .pane")].filter(one => one.getClientRects().length)
        .map(one => [one.getBoundingClientRect().left, one.getBoundingClientRect().right])"""
    (_, end), (start, right) = view(page, 1440).value(columns)
    assert end <= start + 1 and right >= 1430
    assert view(page, 400).value(columns) == [[0, 400]]
    shown = "getComputedStyle(document.querySelector('%s')).display !== 'none'"
    assert view(page, 1440).value(shown % "a.beside") and not view(page, 1440).value(shown % "a.alone")
    assert view(page, 400).value(shown % "a.alone") and not view(page, 400).value(shown % "a.beside")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_an_excerpt_opens_its_file_on_the_right(made, view, scripts):
    page, links = with_excerpts(made)
    browser = view(page, 1440, scripts)
    browser.value("document.querySelectorAll('.excerpt')[%d].scrollIntoView({block: 'center'})" % (len(links) - 1))
    place = browser.value("""(() => { const spot = [...document.querySelectorAll('a.beside')].pop().getClientRects()[0];
        return [spot.left + 5, spot.top + 5]; })()""")
    for kind in ("mousePressed", "mouseReleased"):
        browser.ask("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)
    last = browser.value("[...document.querySelectorAll('a.beside')].pop().getAttribute('href')")
    wait_for(lambda: frame_url(browser) == last)


def test_the_code_on_the_right_follows_the_text(made, view):
    page, _ = with_excerpts(made)
    browser = view(page, 1440)
    browser.value("[...document.querySelectorAll('.excerpt')].pop().scrollIntoView({block: 'center'})")
    wait_for(lambda: frame_url(browser) == browser.value("[...document.querySelectorAll('a.beside')].pop().getAttribute('href')"))


def test_the_lines_of_an_excerpt_stand_out_in_its_file(made, view):
    for name, rows in list(made[0].excerpts.items()):
        mark, ids, _, _ = rows[0]
        colours = view("%s#%s" % (name, mark)).value("""[...document.querySelectorAll(".l, .row")].map(line => [line.id, getComputedStyle(line).backgroundColor])""")
        here = {colour for line, colour in colours if line in ids}
        assert len(here) == 1 and here.isdisjoint(colour for line, colour in colours if line not in ids)


def test_dark_and_light(made, view):
    bright = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((sum, one) => sum + Number(one), 0)"
    for name in (text_pages(made)[1], book.page_of(steps(REPOSITORY)[0])):
        assert view(name, scheme="light").value(bright) > 600 > 200 > view(name, scheme="dark").value(bright)
    browser = view(text_pages(made)[1], scheme="dark")
    browser.value("[...document.querySelectorAll('.bar button')].pop().click()")
    assert browser.value(bright) > 600
    assert view(text_pages(made)[2], scheme="dark").value(bright) > 600         # it stays so
    browser.value("localStorage.clear()")


def test_the_contents_show_where_one_is(made, view):
    page = next(page for page in made[0].pages if sum(heading.level == 3 for heading in page.sections) > 2)
    second = [heading for heading in page.sections if heading.level == 3][1]
    browser = view("%s#%s" % (page.name, second.anchor), 1700)
    wait_for(lambda: browser.value("[...document.querySelectorAll('#toc .here')].map(link => link.hash)") == ["#" + second.anchor])
    assert browser.value("document.querySelector('#toc [aria-current]').getAttribute('href')") == page.name
    assert browser.value("document.querySelector('#toc').getBoundingClientRect().right <= document.querySelector('main').getBoundingClientRect().left + 1")


def test_search_and_without_scripts_an_index(view):
    count = "document.querySelectorAll('#found li').length"
    assert view("search.html?q=conn_read_line").value(count) > 1
    assert view("search.html?q=nosuchwordatall").value(count) == 0
    assert view("search.html", scripts=False).value("document.querySelectorAll('.index a').length") > 100
