#!/usr/bin/env python3
"""Make the book: TUTORIAL.md, a page for each chapter, and beside it the code of the steps that it speaks of.

    python3 tests/repository/book.py [folder]        default: build/book

All pages lie in one folder. They need no network, and no JavaScript to be read; book.js says what it adds. The text is read
by tutorial_text.py, as for the checker. book_pictures.py draws the diagrams. An excerpt that is not in the code is shown
all the same, and named on standard error. Start reading at write().
"""
import functools
import html
import json
import os
import re
import shutil
import sys
from collections import defaultdict
from pathlib import Path

import book_pictures
import tutorial_stations
from tutorial_code import chapter_step, diff_lines, sources, step_named, steps
from tutorial_text import CODE_SPAN, REPOSITORY, TARGET, Text, plain, slug


def escape(text):
    return html.escape(text, quote=False)


# ---- the code: what a step has, what it brought, its functions

def page_of(step, name="", kind=""):
    """The page of a step, of a file of it, or (kind "-diff") of that file beside the step before."""
    return "%s%s%s.html" % (step.name, "_" + name.replace("/", "_") if name else "", kind)


def before(step):
    return chapter_step(step.parent, int(step.name[4:6]) - 1)


@functools.lru_cache(maxsize=None)
def code_of(step, name):
    path = step / name if step else None
    return path.read_text(encoding="utf-8").split("\n")[:-1] if path and path.is_file() else []


@functools.lru_cache(maxsize=None)
def rows_of(step, name):
    """A file beside the step before, as ([[old number, new number, [indices in the diff]]], the lines of the diff).

    A number is 0 where there is no line. A new line stands beside the first of those that went away."""
    old, new, rows, alone = 0, 0, [], []
    diff = diff_lines(before(step), step, name, context=100000)[3:] or [" "] * len(code_of(step, name))
    for index, line in enumerate(diff):
        if line[:1] == "-":
            old += 1
            rows.append([old, 0, [index]])
            alone.append(rows[-1])
        elif line[:1] == "+":
            new += 1
            if alone:
                row = alone.pop(0)
                row[1] = new
                row[2].append(index)
            else:
                rows.append([0, new, [index]])
        elif line[:1] == " ":
            old, new, alone = old + 1, new + 1, []
            rows.append([old, new, [index]])
    return rows, diff


def is_changed(row, diff):
    return diff[row[2][0]][0] != " "


def changes_of(step, name):
    """[(first row, the row after the last)] of each run of rows that differ."""
    rows, diff = rows_of(step, name)
    runs = []
    for at, row in enumerate(rows):
        if is_changed(row, diff):
            if runs and runs[-1][1] == at:
                runs[-1][1] = at + 1
            else:
                runs.append([at, at + 1])
    return runs


def state_of(step, name):
    """added, touched, unchanged or removed"""
    if not (step / name).exists():
        return "removed"
    if not before(step) or not (before(step) / name).exists():
        return "added"
    return "touched" if code_of(step, name) != code_of(before(step), name) else "unchanged"


DEFINITION = re.compile(r"^(?!#)\w[\w \t*\n]*?\b(\w+)\((?:[^;{}()]|\([^;{}()]*\))*\)\s*\n\{", re.M)


@functools.lru_cache(maxsize=None)
def functions(step):
    """{function: [files that define it]}"""
    found = defaultdict(list)
    for name in sources(step):
        for definition in DEFINITION.finditer("\n".join(code_of(step, name))):
            found[definition.group(1)].append(name)
    return found


def function_link(step, function, name=""):
    """Where a function is defined: in this file if it is there, or else in the only one that has it."""
    files = functions(step).get(function, [])
    name = name if name in files else files[0] if len(files) == 1 else ""
    return "%s#f-%s" % (page_of(step, name), function) if name else ""


TOKEN = re.compile(r"""(?P<comment>/\*.*?\*/|//[^\n]*)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|(?<=\#include\ )<[^>\n]*>)
    |(?P<word>^[ ]*\#[ ]*\w+|\b(?:auto|bool|break|case|char|const|continue|default|do|double|else|enum|extern|false|float|for
        |goto|if|inline|int|long|NULL|return|short|signed|sizeof|static|struct|switch|true|typedef|union|unsigned|void|volatile
        |while|_Static_assert|s?size_t|u?int\d+_t)\b)
    |(?P<number>\b(?:0x[0-9a-fA-F]+|\d+)\w*)|(?P<name>\b[A-Za-z_]\w*)""", re.S | re.M | re.X)


def coloured(code, link=lambda name: ""):
    """The lines of C code as HTML. The name of a function is an anchor where it is defined, a link where it is called."""
    defined = {found.start(1) for found in DEFINITION.finditer(code)}
    seen = set()

    def token(found):
        text = escape(found.group())
        if found.lastgroup != "name":
            return "\n".join("<i class=%s>%s</i>" % (found.lastgroup[0], line) if line else "" for line in text.split("\n"))
        if found.start() in defined:
            anchor = "" if text in seen else ' id="f-%s"' % text
            seen.add(text)
            return "<b%s>%s</b>" % (anchor, text)
        target = link(text) if code.startswith("(", found.end()) else ""
        return '<a class="call" href="%s">%s</a>' % (target, text) if target else text

    at, pieces = 0, []
    for found in TOKEN.finditer(code):
        pieces += [escape(code[at:found.start()]), token(found)]
        at = found.end()
    return "".join(pieces + [escape(code[at:])]).split("\n")


@functools.lru_cache(maxsize=None)
def highlighted(step, name):
    return coloured("\n".join(code_of(step, name)), lambda function: function_link(step, function, name))


def line_of(content, attributes, before=""):
    """A line of code as HTML. Where it has to be broken, the rest stands farther right than the line began."""
    text = re.sub("<[^>]*>", "", content)
    indent = len(text) - len(text.lstrip(" "))
    return '<span %s%s>%s%s\n</span>' % (attributes, ' style="--indent:%d"' % indent if indent else "", before, content)


def find(wanted, lines):
    """For each wanted line the index where it is in lines, None for `...`; [] if they are not there in this order."""
    found, at = [], 0
    groups = [[]]
    for line in wanted:
        groups[-1].append(line.rstrip()) if line.strip() != "..." else groups.append([])
    for number, group in enumerate(groups):
        starts = (start for start in range(at, len(lines) - len(group) + 1)
                  if [line.rstrip() for line in lines[start:start + len(group)]] == group)
        start = next(starts, None)
        if start is None:
            return []
        found += ([None] if number else []) + list(range(start, start + len(group)))
        at = start + len(group)
    return found


# ---- the text as pages

CHANGED = {"+": "<ins>%s</ins>", "-": "<del>%s</del>"}


class Page:
    def __init__(self, name, title, first, step):
        self.name, self.title, self.first, self.step = name, title, first, step     # first: its first line in the text
        self.last, self.html, self.sections = 0, "", []


class Book:
    def __init__(self, text, folder):
        self.text, self.root = text, text.root
        self.home = os.path.relpath(str(self.root), str(folder))
        self.faults = []                    # (line, what)
        self.excerpts = defaultdict(list)   # {page of code: [(id, ids of its lines, link to the text, title of the section)]}
        self.headings = {heading.line: heading for heading in text.headings}
        self.blocks = {block.line: block for block in text.blocks}
        self.tables = {table.line: table for table in text.tables}
        self.prose = [re.sub(r"<!--.*?-->", "", line) for line in text.prose]     # what is left are those of checked tables
        self.pages = self.cut()
        self.place = {heading.anchor: page for page in self.pages for heading in page.sections}
        self.stations = {heading.title.split(" ")[0]: ("%s#%s" % (page.name, heading.anchor), html.escape(plain(heading.title)))
                         for page in self.pages for heading in page.sections if re.match(r"\d+\.\d+ ", heading.title)}
        for page in self.pages:
            self.page, self.shown = page, ""
            page.html = self.render(list(enumerate(self.prose[page.first - 1:page.last], page.first)))

    def cut(self):
        """A page for each section of level 2, and one for what stands before the first."""
        last = steps(self.root)[-1]
        pages = [Page("index.html", plain(self.text.headings[0].title), 1, last)]
        for heading in self.text.headings:
            if heading.level == 2:
                short = heading.title.split(":")[0] if re.match(r"Chapter|Appendix", heading.title) else heading.title
                step = chapter_step(self.root, heading.chapter) if heading.chapter else last
                pages.append(Page(slug(short) + ".html", plain(heading.title), heading.line, step))
            pages[-1].sections.append(heading)
        for page, after in zip(pages, pages[1:] + [None]):
            page.last = after.first - 1 if after else len(self.text.lines)
        pages[0].sections += [heading for page in pages if page.title in ("Contents", "Table of contents") for heading in page.sections]
        return [page for page in pages if page.title not in ("Contents", "Table of contents")]

    # ---- within a line

    def inline(self, text):
        """Code spans, links, bold, italics, backslashes, and the few tags that the checker permits."""
        spans = []

        def keep(found):
            spans.append(found.group(2))
            return "\0%d\0" % (len(spans) - 1)

        def link(found):
            inner = re.sub(r"\0(\d+)\0", lambda one: "<code>%s</code>" % escape(spans[int(one.group(1))]), found.group(1))
            return '<a href="%s">%s</a>' % (html.escape(self.target(html.unescape(found.group(2)))), inner)
        text = escape(CODE_SPAN.sub(keep, text))
        text = re.sub(r"\\([\\`*_{}\[\]()#+.!|~-])", lambda found: "&#%d;" % ord(found.group(1)), text)
        text = re.sub(r"&lt;(https://[^\s&]+)&gt;", r"[\1](\1)", text)
        text = re.sub(r"\[([^\[\]]*)" + TARGET.pattern, link, text)
        text = re.sub(r"\*\*(\S(?:.*?\S)?)\*\*", r"<strong>\1</strong>", text, flags=re.S)
        text = re.sub(r"\*(\S(?:[^*]*?\S)?)\*", r"<em>\1</em>", text, flags=re.S)
        text = re.sub(r"&lt;(/?(?:a|br|sub|sup|kbd|details|summary)(?: [^&]*)?/?)&gt;", r"<\1>", text)
        return re.sub(r"\0(\d+)\0", lambda found: self.code_span(spans[int(found.group(1))]), text)

    def target(self, target):
        """Where a link of the text leads in the book."""
        place, _, anchor = target.partition("#")
        if re.match(r"\w+:", target):
            return target
        if place in ("", "TUTORIAL.md"):
            page = self.place.get(anchor)
            return "%s#%s" % (page.name, anchor) if page else "index.html"
        step = step_named(self.root, place.split("/")[0])
        name = place.partition("/")[2]
        return page_of(step, name) if step and (not name or name in sources(step)) else self.home + "/" + target

    def code_span(self, span):
        """A step, a file or a function that is named leads to its code."""
        name, step = span.strip(), self.page.step
        parts = name.split("/", 1)
        files = [file for file in sources(step) if ("/" + file).endswith("/" + name.replace(".[ch]", ".c"))] if "." in name else []
        if step_named(self.root, parts[0]):
            step = step_named(self.root, parts[0])
            known = len(parts) == 1 or not parts[1] or parts[1] in sources(step)
            link = page_of(step, "".join(parts[1:])) if known else ""
        elif len(files) == 1:
            link = page_of(step, files[0])
        else:
            link = function_link(step, re.sub(r"\(\)$", "", name), self.shown)
        code = "<code>%s</code>" % escape(span)
        return '<a class="name" href="%s">%s</a>' % (link, code) if link else code

    # ---- lines

    def render(self, lines):
        """Blocks of Markdown, from (number, line); headings open sections, which nest."""
        out, opened, at = [], [], 0
        while at < len(lines):
            number, line = lines[at]
            heading = self.headings.get(number)
            if heading and heading.level > 1:
                while opened and opened[-1] >= heading.level:
                    opened.pop()
                    out.append("</section>")
                opened.append(heading.level)
                tag = "h%d" % (heading.level - 1)
                out.append('<section id="%s"><%s><a class="anchor" href="#%s" aria-label="link to this section">#</a>%s</%s>' % (
                    heading.anchor, tag, heading.anchor, self.inline(heading.title), tag))
                at += 1
            elif heading:
                out.append('<h1 id="%s">%s</h1>' % (heading.anchor, self.inline(heading.title)))
                at += 1
            elif number in self.blocks and line == "":
                block = self.blocks[number]
                at += len(block.lines) + block.names + 2
                note = self.paragraph(lines, at) if block.words[:1] == ["mermaid"] or block.words[1:2] == ["picture"] else []
                caption = re.fullmatch(r"\*([^*].*)\*", "\n".join(note), re.S)
                at += len(note) if caption else 0
                out.append(self.fenced(block, caption.group(1) if caption else ""))
            elif number in self.tables:
                out.append(self.table(self.tables[number]))
                at += len(self.tables[number].rows) + 2
            elif not line.strip():
                at += 1
            elif line.startswith(">"):
                quote = self.while_matching(lines, at, r">")
                out.append('<aside class="note">%s</aside>' % self.render([(n, re.sub("^> ?", "", text)) for n, text in quote]))
                at += len(quote)
            elif re.match(r"[-*+] |\d+[.)] ", line):
                count, done = self.listing(lines, at)
                out.append(done)
                at += count
            elif re.fullmatch(r"(-{3,}|\*{3,}) *", line):
                out.append("<hr>")
                at += 1
            else:
                paragraph = self.paragraph(lines, at)
                at += len(paragraph)
                content = self.inline("\n".join(paragraph))
                out.append(content if re.match(r"</?(details|summary)", content) else "<p>%s</p>" % content)
        return "\n".join(out + ["</section>"] * len(opened))

    def paragraph(self, lines, at):
        """The lines of the paragraph that begins here."""
        found = []
        for number, line in lines[at:]:
            if (not line.strip() or number in self.headings or number in self.tables
                    or found and re.match(r"[-*+] |1[.)] |>", line)):
                break
            found.append(line)
        return found

    @staticmethod
    def while_matching(lines, at, pattern):
        end = at
        while end < len(lines) and re.match(pattern, lines[end][1]):
            end += 1
        return lines[at:end]

    def listing(self, lines, at):
        """(lines used, HTML) of a list. What is indented as far as the text of an item belongs to it."""
        mark = r"\d+[.)] " if lines[at][1][0].isdigit() else r"[-*+] "
        items, start = [], at
        while at < len(lines) and re.match(mark, lines[at][1]):
            indent = re.match(mark + " *", lines[at][1]).end()
            item = [(lines[at][0], lines[at][1][indent:])]
            at += 1
            while at < len(lines) and lines[at][0] not in self.blocks and (lines[at][1].startswith("  ") or (
                    not lines[at][1].strip() and at + 1 < len(lines) and lines[at + 1][1].startswith("  "))):
                item.append((lines[at][0], re.sub("^ {1,%d}" % indent, "", lines[at][1])))
                at += 1
            content = self.render(item)
            items.append("<li>%s</li>" % re.sub(r"^<p>(.*?)</p>", r"\1", content, count=1, flags=re.S))
            blank = at
            while blank < len(lines) and not lines[blank][1].strip() and lines[blank][0] not in self.blocks:
                blank += 1
            at = blank if blank < len(lines) and re.match(mark, lines[blank][1]) else at
        tag, first = ("ol", re.match(r"\d+", lines[start][1]).group()) if mark[1] == "d" else ("ul", "1")
        return at - start, "<%s%s>%s</%s>" % (tag, ' start="%s"' % first if first != "1" else "", "".join(items), tag)

    def table(self, table):
        header = "".join("<th>%s</th>" % self.inline(cell) for cell in table.header)
        rows = "".join("<tr>%s</tr>" % "".join("<td>%s</td>" % self.inline(cell) for cell in row) for _, row in table.rows)
        return '<div class="table"><table>%s<tbody>%s</tbody></table></div>' % (
            "<thead><tr>%s</tr></thead>" % header if any(table.header) else "", rows)

    # ---- fenced blocks

    def fenced(self, block, caption):
        kind = block.words[0] if block.words else ""
        if kind == "mermaid":
            try:
                return self.figure(book_pictures.picture(block.lines, caption), caption)
            except book_pictures.NotDrawn as line:
                self.faults.append((block.line, "this line of a diagram is not drawn: %s" % line))
        if block.words[1:2] in (["picture"], ["bytes"]):
            columns = max(map(len, block.lines), default=1)
            return self.figure('<pre class="picture" style="--columns:%d">%s</pre>' % (columns, escape("\n".join(block.lines))), caption)
        if kind in ("c", "diff") and block.words[1:] and block.words[1].startswith("step"):
            shown = self.excerpt(block, kind)
            if shown:
                return shown
            self.faults.append((block.line, "these lines are not in the code: %s" % block.info))
        lines = [re.sub(' id="f-[^"]*"', "", line) for line in coloured("\n".join(block.lines))] if kind == "c" else [escape(line) for line in block.lines]
        lines = [re.sub(' id="[^"]*"', "", line) for line in lines] if kind == "c" else lines
        typed = {"console": r"^(\$|&gt;) (.*)", "smtp": r"^(C:) (.*)"}.get(kind)
        if typed:
            lines = [re.sub(typed, r"<i class=p>\1</i> <b>\2</b>", line) for line in lines]
        elif kind == "diff":
            lines = [CHANGED.get(line[:1], "%s") % line for line in lines]
        title = escape(" ".join(block.words[1:]))
        if block.words[1:2] in (["program"], ["edit"]):
            title = escape(block.words[-1]) + {"program": ", a program of yours", "edit": ", what you change in it"}[block.words[1]]
        elif block.words[1:] and (self.root / block.words[1]).is_file():
            title = '<a href="%s/%s">%s</a>' % (self.home, block.words[1], title)
        return '<div class="block">%s<pre class="%s">%s</pre></div>' % (
            '<p class="where">%s</p>' % title if title else "", escape(kind), "".join(line_of(line, 'class="e"') for line in lines))

    def figure(self, content, caption):
        return "<figure>%s%s</figure>" % (content, "<figcaption>%s</figcaption>" % self.inline(caption) if caption else "")

    def excerpt(self, block, kind):
        """Lines of a file of a step, or of what changed in it; "" if they are not there."""
        if kind == "c":
            folder, _, name = block.words[1].partition("/")
        else:
            folder, name = block.words[2], block.words[3]
        step = step_named(self.root, folder)
        if not step or not (step / name).is_file():
            return ""
        if kind == "diff" and (before(step) or step).name != block.words[1]:
            return ""
        rows, diff = rows_of(step, name)
        wanted = [line for line in block.lines if kind == "c" or not line.startswith(("@@", "--- ", "+++ "))]
        found = find(wanted, code_of(step, name)) if kind == "c" else find([line or " " for line in wanted], diff)
        where = [at for at in found if at is not None]
        if not where:
            return ""
        mark = "x%d" % block.line
        if kind == "c":
            code = [re.sub(' id="f-[^"]*"', "", line) for line in highlighted(step, name)]    # they are on the page of the file
            shown = [code[at] if at is not None else "<i class=p>...</i>" for at in found]
            page, ids = page_of(step, name), ["L%d" % (at + 1) for at in where]
            title = "%s/%s, lines %d to %d" % (step.name, name, where[0] + 1, where[-1] + 1)
        else:
            shown = [CHANGED.get(line[:1], "%s") % escape(line) for line in wanted]
            page = page_of(step, name, "-diff")
            ids = ["r%d" % (at + 1) for at, row in enumerate(rows) if set(row[2]) & set(where)]
            title = "%s in %s and %s" % (name, block.words[1], step.name)
        section = next(heading for heading in reversed(self.text.headings) if heading.line < block.line)
        self.excerpts[page].append((mark, ids, "%s#%s" % (self.page.name, mark), plain(section.title)))
        self.shown = name
        links = "".join('<a class="%s" href="%s#%s"%s>%s</a>' % (way, page, mark, target, escape(title))
                        for way, target in (("beside", ' target="code"'), ("alone", "")))
        return '<div class="block excerpt" id="%s"><p class="where">%s</p><pre class="%s">%s</pre></div>' % (
            mark, links, kind, "".join(line_of(line, 'class="e"') for line in shown))


# ---- frames around it

def document(title, kind, body, head=""):
    """A page. kind: the classes that book.css knows it by."""
    return """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>%s</title>
<link rel="stylesheet" href="book.css">
<script src="book.js"></script>
%s</head>
<body class="%s">
%s
</body>
</html>
""" % (escape(title), head, kind, body)


BAR = """<header class="bar"><button type="button" popovertarget="toc">Contents</button><a class="title" href="index.html">%s</a>
<form action="search.html" role="search"><input type="search" name="q" placeholder="Search" aria-label="Search"></form></header>"""


def links_to(heading, page):
    return '<a href="%s#%s">%s</a>' % (page.name, heading.anchor, escape(plain(heading.title)))


def contents(book, here=None):
    """The pages, and the sections of this one, or of all of them; then the steps."""
    items = []
    for page in book.pages[1:]:
        inner = "".join("<li>%s</li>" % links_to(heading, page) for heading in page.sections if heading.level == 3)
        items.append('<li><a href="%s"%s>%s</a>%s</li>' % (
            page.name, ' aria-current="page"' if page is here else "", escape(page.title),
            "<ol>%s</ol>" % inner if inner and (page is here or not here) else ""))
    code = "".join('<li><a href="%s">%s</a></li>' % (page_of(step), step.name) for step in steps(book.root))
    return '<ol class="pages">%s</ol><p>The code</p><ol class="pages">%s</ol>' % ("".join(items), code)


def text_page(book, page):
    at = book.pages.index(page)
    turn = "".join('<a rel="%s" href="%s">%s</a>' % (way, other.name, form % escape(other.title)) for way, other, form in (
        ("prev", book.pages[at - 1] if at else None, "← %s"),
        ("next", book.pages[at + 1] if at + 1 < len(book.pages) else None, "%s →")) if other)
    first = re.search(r'class="beside" href="([^"]+)"', page.html)
    pane = first.group(1) if first else page_of(page.step if at else steps(book.root)[0])
    body = page.html
    if at == 0:
        body += '<section id="contents"><h2>Contents</h2><nav class="all">%s</nav></section>' % contents(book)
    return document(page.title if at == 0 else "%s - %s" % (page.title, book.pages[0].title), "text", """%s
<nav id="toc" popover>%s</nav>
<main>%s
<nav class="turn">%s</nav></main>
<aside class="pane"><iframe name="code" title="The code" src="%s" loading="lazy"></iframe></aside>""" % (
        BAR % escape(page.title), contents(book, page), body, turn, pane))


def code_head(book, step, name, here):
    """Above the code: the step, the same file in the other steps, the switch, the changes."""
    others = [other for other in steps(book.root) if (other / name).exists()] if name else steps(book.root)
    row = " ".join('<a href="%s" title="%s"%s>%d</a>' % (
        page_of(other, name), "%s: %s" % (other.name, state_of(other, name)) if name else other.name,
        (' aria-current="page"' if other is step else "") + (' class="same"' if name and state_of(other, name) == "unchanged" else ""),
        int(other.name[4:6])) for other in others)
    up = '<a href="%s">%s</a> / <b>%s</b>' % (page_of(step), step.name, name) if name else "<b>%s</b>" % step.name
    chapter = next((page for page in book.pages if page.step is step and page.title.startswith("Chapter")), book.pages[0])
    bar = '<p>%s <span class="steps">step %s</span> <a target="_top" href="%s">%s</a></p>' % (
        up, row, chapter.name, escape(chapter.title.split(":")[0]))
    if not name:
        return '<header class="file">%s</header>' % bar
    state = state_of(step, name)
    if state == "touched":
        ways = ((page_of(step, name), "this step", here == ""), (page_of(step, name, "-diff"), "beside " + before(step).name, here == "-diff"))
        switch = " ".join('<a href="%s"%s>%s</a>' % (link, ' aria-current="page"' if on else "", label) for link, label, on in ways)
        bar += '<p class="switch">%s <span class="changes">changes: %s</span></p>' % (switch, " ".join(
            '<a href="#c%d">%d</a>' % (number, number) for number in range(1, len(changes_of(step, name)) + 1)))
    else:
        last = next((other for other in reversed(others) if other <= step and state_of(other, name) != "unchanged"), step)
        bar += '<p class="switch">%s</p>' % ("new in this step, all of it" if state == "added" else
                                             'unchanged since <a href="%s">%s</a>' % (page_of(last, name), last.name))
    return '<header class="file">%s</header>' % bar


def marks(book, page, owners):
    """({id of a line: anchors that the text leads to}, the style that shows their lines, and what else their station brought)"""
    anchors, style = defaultdict(str), ""
    owned = set(owners.values()) if len(set(owners.values())) > 1 else ()       # if all is of one station, no line stands out
    for mark, ids, link, title in book.excerpts.get(page, []):
        anchors[ids[0]] += '<a class="said" id="%s" href="%s" target="_top" title="told in: %s">¶</a>' % (mark, link, html.escape(title))
        here, station = ":root:has(#%s:target)" % mark, title.split(" ")[0]
        if station in owned:
            style += '%s .new:not([data-of="%s"]) { background: none; }\n' % (here, station)
            style += '%s .new[data-of="%s"] { background: var(--new); }\n' % (here, station)
        style += "%s :is(%s) { background: var(--hit); }\n" % (here, ", ".join("#" + one for one in ids))
    return anchors, "<style>\n%s</style>\n" % style if style else ""


def file_page(book, step, name):
    """A whole file. What this step brought is marked; what it took away is to be seen beside the step before."""
    new = tutorial_stations.added(book.root, int(step.name[4:6]), name)
    owners = tutorial_stations.owners(book.root, int(step.name[4:6]))
    owners = {line: owners[name, line] for line in new if owners[name, line] in book.stations}
    anchors, style = marks(book, page_of(step, name), owners)
    starts = change_links(step, name) if state_of(step, name) == "touched" else {}
    out, last = [], ""
    for number, line in enumerate(highlighted(step, name), 1):
        station = owners.get(number, "")
        side = anchors["L%d" % number] + starts.get(number, "")
        if station and station != last:
            side += '<a class="said" target="_top" href="%s" title="%s">%s</a>' % (*book.stations[station], station)
        last = station or last
        attributes = 'id="L%d" class="l%s"%s' % (number, " new" * (number in new), ' data-of="%s"' % station if station else "")
        out.append(line_of(line, attributes, side))
    return document("%s/%s" % (step.name, name), "code", '%s\n<pre class="file %s">%s</pre>' % (
        code_head(book, step, name, ""), state_of(step, name), "".join(out)), style)


def change_links(step, name):
    """{line: where a change begins, a link to the same place beside the step before}"""
    rows, found = rows_of(step, name)[0], {}
    for number, (start, end) in enumerate(changes_of(step, name), 1):
        line = next((row[1] for row in rows[start:] if row[1]), len(code_of(step, name)))
        lost = sum(1 for row in rows[start:end] if row[0])
        found[line] = found.get(line, "") + '<a class="said" id="c%d" href="%s#c%d" title="change %d: %d old lines went">%s</a>' % (
            number, page_of(step, name, "-diff"), number, number, lost, "−%d" % lost if lost else "+")
    return found


def side_page(book, step, name):
    """A file beside that of the step before."""
    rows, diff = rows_of(step, name)
    anchors, style = marks(book, page_of(step, name, "-diff"), {})
    sides = [highlighted(before(step), name), highlighted(step, name)]
    first = {start: number for number, (start, _) in enumerate(changes_of(step, name), 1)}
    out = []
    for at, row in enumerate(rows):
        cells = "".join(line_of(re.sub(r' id="[^"]*"', "", side[number - 1]) if number else "", 'class="%s" data-n="%s"' % (kind, number or ""))
                        for kind, number, side in (("old", row[0], sides[0]), ("now", row[1], sides[1])))
        kind = "" if not is_changed(row, diff) else "".join([" gone" if row[0] else "", " new" if row[1] else ""])
        start = '<a id="c%d"></a>' % first[at] if at in first else ""
        out.append('<div class="row%s" id="r%d">%s%s%s</div>' % (kind, at + 1, anchors["r%d" % (at + 1)], start, cells))
    return document("%s/%s beside %s" % (step.name, name, before(step).name), "code side", '%s\n<div class="file">%s</div>' % (
        code_head(book, step, name, "-diff"), "\n".join(out)), style)


def step_page(book, step):
    """The files of a step: added, touched, unchanged; and a link to each change."""
    names = defaultdict(list)
    for name in {*sources(step), *(sources(before(step)) if before(step) else ())}:
        names[state_of(step, name)].append(name)
    body = "<h1>%s</h1>" % step.name
    for state, files in ((state, sorted(names[state])) for state in ("added", "touched", "unchanged", "removed") if names[state]):
        rows = "".join((touched_row if state == "touched" else file_item)(step, name, state) for name in files)
        form = '<div class="table"><table><tbody>%s</tbody></table></div>' if state == "touched" else '<ul class="files">%s</ul>'
        body += "<h2>%s: %d</h2>%s" % (state.capitalize(), len(files), form % rows)
    return document(step.name, "code step", code_head(book, step, "", "") + "<main>%s</main>" % body)


def file_item(step, name, state):
    if state == "removed":
        return "<li>%s</li>" % name
    return '<li><a href="%s">%s</a> <small>%d lines</small></li>' % (page_of(step, name), name, len(code_of(step, name)))


def touched_row(step, name, _):
    counts = [line[:1] for line in rows_of(step, name)[1]]
    inside = " ".join('<a href="%s#c%d">%s</a>' % (page_of(step, name), number, escape(within(step, name, change)))
                      for number, change in enumerate(changes_of(step, name), 1))
    return '<tr><td><a href="%s">%s</a></td><td><a href="%s">+%d −%d</a></td><td>%s</td></tr>' % (
        page_of(step, name), name, page_of(step, name, "-diff"), counts.count("+"), counts.count("-"), inside)


def within(step, name, change):
    """The function in which a change is, or which it brings; else its line."""
    rows, code = rows_of(step, name)[0], code_of(step, name)
    lines = [row[1] for row in rows[change[0]:change[1]] if row[1]] or [next((row[1] for row in rows[change[1]:]), len(code))]
    for at in [*lines, *range(lines[0] - 1, 0, -1)]:
        found = re.match(r"(?!#)\w[\w \t*]*?(\w+)\([^;]*$|(?:static const )?(?:struct|enum) (\w+).*[{=]$", code[at - 1])
        if found:
            return found.group(1) or found.group(2)
        if at < lines[0] and code[at - 1].startswith("}"):
            break
    return "line %d" % lines[0]


def search_page(book):
    """What search finds, and for those without JavaScript an index: functions where they are born, sections, files."""
    entries = {}
    for step in reversed(steps(book.root)):
        for function in functions(step):
            link = function_link(step, function) or page_of(step, functions(step)[function][0]) + "#f-" + function
            entries[function + "()"] = (link, "%s/%s" % (step.name, functions(step)[function][0]))
    for page in book.pages:
        for heading in page.sections:
            entries.setdefault(plain(heading.title), ("%s#%s" % (page.name, heading.anchor), page.title.split(":")[0]))
    letters = defaultdict(list)
    for name in sorted(entries, key=lambda name: (re.sub(r"\d+", lambda number: number.group().zfill(4), name.lower()), name)):
        letter = re.sub("[^A-Z]", "#", name[:1].upper())
        letters[letter].append('<li><a href="%s">%s</a> <small>%s</small></li>' % (entries[name][0], escape(name), escape(entries[name][1])))
    index = "".join('<h2 id="letter-%s">%s</h2><ul class="index">%s</ul>' % (ord(letter), letter, "".join(rows)) for letter, rows in letters.items())
    return document("Search and index", "text search", """%s<nav id="toc" popover>%s</nav>
<main><h1>Search and index</h1><p id="count"></p><ol id="found"></ol><section>%s</section></main><script src="search-data.js"></script>""" % (
        BAR % "Search and index", contents(book), index))


def search_data(book):
    """[link, title, what stands there] of each section and each function."""
    data, text = [], book.text
    for page in book.pages:
        chapter = page.title.split(":")[0] + ": "
        for heading, after in zip(page.sections, page.sections[1:] + [None]):
            numbers = range(heading.line, after.line - 1 if after else page.last)
            words = " ".join(plain(book.prose[at]) if text.prose[at] else re.sub(r"^```.*", "", text.lines[at]) for at in numbers).split()
            data.append(["%s#%s" % (page.name, heading.anchor), chapter * (heading.level > 2) + plain(heading.title), " ".join(words)])
    for step in reversed(steps(book.root)):
        data += [["%s#f-%s" % (page_of(step, name), function), function + "()", "%s/%s" % (step.name, name)]
                 for function, files in functions(step).items() for name in files if state_of(step, name) != "unchanged"]
    return "const DATA = %s;\n" % json.dumps(data, ensure_ascii=False, separators=(",", ":"))


# ---- all of it

def write(folder, text):
    """Make the pages in a folder; (the book, how many pages)."""
    book = Book(text, folder)
    pages = {page.name: text_page(book, page) for page in book.pages}
    for step in steps(text.root):
        pages[page_of(step)] = step_page(book, step)
        for name in sources(step):
            pages[page_of(step, name)] = file_page(book, step, name)
            if state_of(step, name) == "touched":
                pages[page_of(step, name, "-diff")] = side_page(book, step, name)
    pages["search.html"] = search_page(book)
    if (folder / "book.css").exists():      # an older book, and not somebody's papers
        shutil.rmtree(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**pages, "search-data.js": search_data(book)}.items():
        (folder / name).write_text(content, encoding="utf-8")
    for name in ("book.css", "book.js"):
        shutil.copy(str(Path(__file__).with_name(name)), str(folder / name))
    return book, len(pages)


def main(arguments):
    folder = Path(arguments[0]) if arguments else REPOSITORY / "build" / "book"
    book, count = write(folder, Text(REPOSITORY / "TUTORIAL.md"))
    for line, what in book.faults:
        print("TUTORIAL.md:%d: %s" % (line, what), file=sys.stderr)
    print("%d pages: %s" % (count, folder / "index.html"))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
