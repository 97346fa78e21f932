"""Read TUTORIAL.md: its headings, tables, links and fenced blocks, each with the number of its line.

Start reading at Text.__init__(). What the checker asks of them stands in tutorial.py.
"""
import re
from pathlib import Path
from typing import NamedTuple

REPOSITORY = Path(__file__).resolve().parent.parent.parent
NUMBER_OF_CHAPTERS = 6


# What differs from run to run stands in angle brackets.
PLACEHOLDERS = {
    "<host>": r"[A-Za-z0-9._-]+",
    "<port>": r"[0-9]{1,5}",
    "<pid>": r"[0-9]+",
    "<id>": r"[0-9]{10}\.M[0-9]{1,6}P[0-9]+Q[0-9]+",
    "<name>": r"[0-9]{10}\.M[0-9]{1,6}P[0-9]+Q[0-9]+\.[A-Za-z0-9._-]+",
    "<date>": r"[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} [+-][0-9]{4}",
    "<size>": r"[0-9]+",
    "<n>": r"[0-9]+",
    "<hex>": r"[0-9a-f]+",
}


class Fault(NamedTuple):
    line: int       # of the text, from 1
    what: str
    expected: str = ""
    came: str = ""

    def show(self, name):
        lines = ["%s:%d: %s" % (name, self.line, self.what)]
        lines += ["    %s %s" % (label, value.replace("\n", "\n" + " " * 14))
                  for label, value in (("expected:", self.expected), ("came:    ", self.came)) if value]
        return "\n".join(lines)


class Heading(NamedTuple):
    line: int
    level: int
    title: str
    anchor: str

    @property
    def chapter(self):
        """The number in "Chapter 3: ...", or None."""
        found = re.match(r"Chapter (\d+)\b", self.title)
        return int(found.group(1)) if found and self.level == 2 else None


class Block(NamedTuple):
    line: int       # of the fence
    info: str
    lines: list
    chapter: str    # the title of the chapter around it (heading of level 2)
    names: int = 0  # how many lines before these say the name of the file, for who reads the text and not its fences

    @property
    def words(self):
        return self.info.split()

    def without_names(self):
        """The block that is left when its first lines name the file, as they should: a comment, or the head of a diff."""
        words, names = self.words, []
        if words[:1] == ["c"] and len(words) == 2:
            names = ["/* %s */" % words[1]]
        elif words[:2] == ["diff", "edit"] and len(words) == 3:
            names = ["--- " + words[2], "+++ " + words[2]]
        elif words[:1] == ["diff"] and len(words) == 4:
            names = ["--- %s/%s" % (words[1], words[3]), "+++ %s/%s" % (words[2], words[3])]
        if not names or self.lines[:len(names)] != names:
            return self
        return self._replace(lines=self.lines[len(names):], names=len(names))


class Table(NamedTuple):
    line: int       # of the first row
    header: list
    rows: list      # of (line, cells)
    before: str     # the last line before it that is not empty


class Link(NamedTuple):
    line: int
    target: str


# ---- pieces of Markdown

FENCE = re.compile(r"( *)(`{3,}|~{3,})\s*(.*)$")
TARGET = re.compile(r"\]\(([^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:\s+\"[^\"]*\")?\)")      # of a link: ](target "title")
CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.S)


def plain(markdown):
    """The text that a reader sees of a piece of Markdown: no link targets, no stars, no backticks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", markdown)
    text = re.sub(r"(\*\*|\*|`)(\S(?:.*?\S)?)\1", r"\2", text)
    return text.strip()


def slug(title):
    """The anchor that GitHub makes of a heading: lower case, punctuation dropped, blanks to hyphens."""
    return re.sub(r"[^\w\- ]", "", plain(title).lower()).replace(" ", "-")


def cells(row):
    """The cells of a row of a table; a bar within a cell is written \\|, even in code."""
    row = re.sub(r"(?<!\\)\|$", "", row.strip())
    return [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", row[1:])]


def without_code(text):
    """The same text with code spans blanked, so that line numbers and columns stay."""
    return CODE_SPAN.sub(lambda found: re.sub(r"[^\n]", " ", found.group()), text)


# ---- the text

class Text:
    """A text that is read. `whole` says whether the rules for the complete text apply to it.

    While the text is written it may be in parts, next to each other in a directory, with links to each other's headings.
    """

    def __init__(self, path, root=REPOSITORY, whole=None, content=None):
        self.path, self.root = Path(path), Path(root)
        self.name = self.path.name
        self.content = self.path.read_text(encoding="utf-8") if content is None else content
        self.lines = self.content.splitlines()
        self.faults = []            # of reading itself
        self.headings, self.blocks, self.tables, self.links = [], [], [], []
        self.prose = list(self.lines)   # the same lines; those of fenced blocks and of comments are empty
        self.read_blocks()
        self.blank_comments()
        self.read_headings()
        self.blocks = [block._replace(chapter=self.chapter_at(block.line)) for block in self.blocks]
        self.read_tables()
        self.read_links()
        self.whole = self.is_whole() if whole is None else whole

    def is_whole(self):
        titles = [heading.title for heading in self.headings if heading.level == 2]
        return (self.path.resolve() == self.root / "TUTORIAL.md"
                or ("Before you start" in titles and any(title.startswith("Appendix D") for title in titles)))

    def neighbours(self):
        if self.whole or not self.path.exists():
            return []
        return [Text(path, self.root, whole=True) for path in sorted(self.path.parent.glob("*.md")) if path != self.path]

    def read_blocks(self):
        opened = None
        for number, line in enumerate(self.lines, 1):
            fence = FENCE.match(line)
            if opened is None and fence:
                opened, mark, block = number, fence.group(2), []
                if fence.group(1):
                    self.faults.append(Fault(number, "a fence begins at the first column", "", line))
                info = fence.group(3).strip()
            elif opened and fence and fence.group(2).startswith(mark) and not fence.group(3):
                self.blocks.append(Block(opened, info, block, "").without_names())
                opened = None
            elif opened:
                block.append(line)
            else:
                continue
            self.prose[number - 1] = ""
        if opened:
            self.faults.append(Fault(opened, "a fenced block that does not end", mark, "the end of the text"))

    def blank_comments(self):
        """HTML comments are no prose; that of a checked table is kept, read_tables() asks for it."""
        text = re.sub(r"<!--(?! checked:).*?-->", lambda found: re.sub(r"[^\n]", " ", found.group()), "\n".join(self.prose), flags=re.S)
        self.prose = text.split("\n")

    def read_headings(self):
        used = {}
        for number, line in enumerate(self.prose, 1):
            found = re.match(r"(#{1,6})\s+(.*?)\s*#*$", line)
            if not found:
                if re.match(r"#{1,6}\w", line):
                    self.faults.append(Fault(number, "a heading has a blank after its #", "", line))
                if re.fullmatch(r"(-{2,}|=+) *", line) and self.prose[number - 2].strip():
                    self.faults.append(Fault(number, "a heading begins with #, or a blank line before a rule", "", line))
                continue
            anchor = slug(found.group(2))
            count = used[anchor] = used.get(anchor, -1) + 1
            self.headings.append(Heading(number, len(found.group(1)), found.group(2), anchor + ("-%d" % count if count else "")))

    def read_tables(self):
        before, number = "", 0
        while number < len(self.prose):
            line = self.prose[number]
            follower = self.prose[number + 1] if number + 1 < len(self.prose) else ""
            if line.startswith("|") and re.fullmatch(r"\|?[ :|-]*-[ :|-]*", follower.strip()):
                start = number
                while number < len(self.prose) and self.prose[number].startswith("|"):
                    number += 1
                rows = [(at + 1, cells(self.prose[at])) for at in range(start + 2, number)]
                self.tables.append(Table(start + 1, cells(line), rows, before))
                self.faults += [Fault(at, "a row has as many cells as the header", str(len(cells(line))), str(len(row)))
                                for at, row in rows if len(row) != len(cells(line))]
                continue
            before = line.strip() or before
            number += 1

    def read_links(self):
        text = without_code("\n".join(self.prose))

        def line_of(found):
            return text.count("\n", 0, found.start()) + 1

        for opened in re.finditer(r"\]\(", text):
            found = TARGET.match(text, opened.start())
            if found:
                self.links.append(Link(line_of(found), found.group(1)))
            else:
                self.faults.append(Fault(line_of(opened), "a link that does not end", "[text](target)", self.lines[line_of(opened) - 1]))
        for found in re.finditer(r"<([a-z]+://[^>\s]*)>|(?<![(<\w/])([a-z]+://[^\s)>]*)", text):
            self.links.append(Link(line_of(found), found.group(1) or found.group(2)))
        for found in re.finditer(r"\]\s+\((?:#|https?:)[^)]*\)|\]\[[^\]]*\]|^\[[^\]]+\]:", text, re.M):
            self.faults.append(Fault(line_of(found), "a link is written in one piece", "[text](target)", found.group()))

    # ---- asked by the rules

    def chapter_at(self, line):
        """The title of the heading of level 2 above a line."""
        return next((heading.title for heading in reversed(self.headings) if heading.line <= line and heading.level <= 2), "")

    def paragraph_before(self, line):
        """The lines of the paragraph above a line, joined."""
        end = line - 1
        while end > 0 and not self.lines[end - 1].strip():
            end -= 1
        start = end
        while start > 0 and self.lines[start - 1].strip():
            start -= 1
        return " ".join(self.prose[start:end])

    def line_after(self, line):
        """The first line that is not empty, from this line (an index from 0) on."""
        return next((text.strip() for text in self.lines[line:] if text.strip()), "")

    def paragraphs(self):
        """(number of the first line, paragraph) of the prose; a row of a table is a paragraph of its own."""
        start, held = 0, []
        for number, line in enumerate(self.prose + [""], 1):
            if held and (not line.strip() or line.startswith("|")):
                yield start, "\n".join(held)
                held = []
            if line.strip():
                start = start if held else number
                held.append(line)

    def words_count(self):
        """Words of the prose, as wc(1) would count them: fenced blocks and rules of tables are none."""
        return sum(1 for line in self.prose for word in line.split() if re.search(r"\w", word))


# ---- an expected output and what came

def to_pattern(line, placeholders):
    """One expected line as a regular expression."""
    names = sorted((name for name in placeholders if name in line), key=len, reverse=True)
    if not names:
        return re.compile(re.escape(line))
    pieces = re.split("(%s)" % "|".join(map(re.escape, names)), line)
    return re.compile("".join("(?:%s)" % placeholders[piece] if piece in placeholders else re.escape(piece) for piece in pieces))


def compare(expected, came, placeholders):
    """None if the lines match; else (index of the expected line, it, what came instead).

    A line that is just `...` stands for any lines, also for none. Blanks at the end of a line do not count.
    """
    came = [line.rstrip() for line in came]
    segments, position = [[]], 0        # the expected lines between one `...` and the next
    for index, line in enumerate(expected):
        if line.strip() == "...":
            segments.append([])
        else:
            segments[-1].append((index, line.rstrip(), to_pattern(line.rstrip(), placeholders)))
    for number, segment in enumerate(segments):
        last = len(came) - len(segment)
        starts = [0] if number == 0 else [max(position, last)] if number == len(segments) - 1 else range(position, last + 1)
        fitting = next((start for start in starts if not mismatch(segment, came, start)), None)
        if fitting is None:
            return mismatch(segment, came, 0) if number == 0 else nearest(segment, came, position)
        position = fitting + len(segment)
    if len(segments) == 1 and position < len(came):
        return max(len(expected) - 1, 0), "the end of the output", came[position]
    return None


def mismatch(segment, came, start):
    for offset, (index, line, pattern) in enumerate(segment):
        if start + offset >= len(came):
            return index, line, "the end of the output"
        if not pattern.fullmatch(came[start + offset]):
            return index, line, came[start + offset]
    return None


def nearest(segment, came, position):
    """Where a segment that does not fit gets farthest: the line at which it fails there."""
    tries = [mismatch(segment, came, start) for start in range(position, len(came))]
    if not all(tries):
        return segment[-1][0], "this as the last line", came[-1]
    best = max(tries, key=lambda fault: fault[0], default=segment[0])
    if best[0] == segment[0][0]:
        return segment[0][0], segment[0][1], "no such line" + (" among:\n" + "\n".join(came[position:][:12]) if came[position:] else "")
    return best
