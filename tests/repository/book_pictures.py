"""The diagrams of the book: those kinds of Mermaid that TUTORIAL.md uses, drawn as SVG.

A sequence is columns and rows. A flow and the states of a machine are a graph(): its nodes stand in ranks, and an edge
leads from one rank to a later one. Start reading at picture().
"""
import html
import re
from collections import defaultdict

from tutorial_text import plain


class NotDrawn(Exception):
    """A line that is not understood."""


def picture(lines, title):
    """The lines of a diagram as SVG."""
    lines = [line.strip() for line in lines if line.strip() and not line.strip().startswith("%%")]
    kind, *rest = lines[0].split() if lines else [""]
    if kind == "sequenceDiagram":
        return sequence(lines[1:], title)
    if kind == "stateDiagram-v2":
        return states([line for line in lines[1:] if not line.startswith("direction")], title)
    if kind in ("flowchart", "graph") and rest:
        return flow(rest[0], lines[1:], title)
    raise NotDrawn(" ".join(lines[:1]))


def wide(text):
    return sum(4.5 if letter in "iljtfrI.,:;'|!()[] " else 11.5 if letter in "MWmw@%_" else 9.5 if letter.isupper() else 7.7
               for letter in text)


def label_at(x, y, text, kind=""):
    lines = re.split(r"<br ?/?>", text)
    return "".join('<text x="%d" y="%d" class="%s">%s</text>' % (x, y + 5 + 17 * (at - (len(lines) - 1) / 2), kind, html.escape(line))
                   for at, line in enumerate(lines))


def head(x, y, dx, dy):
    """An arrow head at a point, in one of four directions."""
    return '<path class="head" d="M%d %d L%d %d L%d %d z"/>' % (
        x, y, x - 9 * dx + 4 * dy, y - 9 * dy + 4 * dx, x - 9 * dx - 4 * dy, y - 9 * dy - 4 * dx)


def svg(width, height, body, title):
    return ('<svg viewBox="0 0 %d %d" style="width:%dpx" role="img" aria-label="%s">%s</svg>'
            % (width, height, width, html.escape(plain(title)), body))


def sequence(lines, title):
    names, rows = {}, []
    for line in lines:
        who = re.fullmatch(r"(?:participant|actor) (\w+)(?: as (.+))?", line)
        said = re.fullmatch(r"(\w+)\s*(--?)(?:>>?|x|\))[+-]?\s*(\w+)\s*: (.+)", line)
        note = re.fullmatch(r"[Nn]ote over (\w+)(?:, ?(\w+))?: (.+)", line)
        if who:
            names[who.group(1)] = who.group(2) or who.group(1)
        elif said and said.group(1) != said.group(3):
            rows.append(("say" + said.group(2), said.group(1), said.group(3), said.group(4)))
        elif note:
            rows.append(("note", note.group(1), note.group(2) or note.group(1), note.group(3)))
        else:
            raise NotDrawn(line)
    order = list(names)
    x = [wide(names[order[0]]) / 2 + 14]
    for at in range(1, len(order)):
        room = [x[at - 1] + (wide(names[order[at - 1]]) + wide(names[order[at]])) / 2 + 40]
        for _, one, other, text in rows:
            left, right = sorted((order.index(one), order.index(other)))
            if right == at and left < at:
                room.append(x[left] + wide(text) + 30)
        x.append(max(room))
    width, height = x[-1] + wide(names[order[-1]]) / 2 + 14, 60 + 34 * len(rows)
    body = "".join('<path class="life" d="M%d 32 V%d"/><rect x="%d" y="3" width="%d" height="30" rx="4"/>%s' % (
        x[at], height, x[at] - wide(names[name]) / 2 - 12, wide(names[name]) + 24, label_at(x[at], 18, names[name]))
        for at, name in enumerate(order))
    for at, (kind, one, other, text) in enumerate(rows):
        a, b, y = x[order.index(one)], x[order.index(other)], 68 + 34 * at
        if kind == "note":
            half = max(wide(text) + 20, abs(b - a) + 40) / 2
            middle = min(max((a + b) / 2, half + 2), width - half - 2)
            body += '<rect class="note" x="%d" y="%d" width="%d" height="24"/>%s' % (
                middle - half, y - 16, 2 * half, label_at(middle, y - 4, text))
        else:
            way = 1 if b > a else -1
            body += '<path class="%s" d="M%d %d H%d"/>%s%s' % (
                "dashed" if kind == "say--" else "", a, y, b - 8 * way, head(b, y, way, 0), label_at((a + b) / 2, y - 13, text, "on"))
    return svg(width, height, body, title)


def states(lines, title):
    nodes, edges = {}, []
    for line in lines:
        found = re.fullmatch(r"(\[\*\]|\w+) --> (\[\*\]|\w+)(?: ?: (.+))?", line)
        if not found:
            raise NotDrawn(line)
        one, other = ("start" if found.group(1) == "[*]" else found.group(1)), ("end" if found.group(2) == "[*]" else found.group(2))
        for name in (one, other):
            nodes[name] = "" if name in ("start", "end") else name
        for edge in edges:
            if edge[:2] == [one, other]:    # a second arrow the same way: one with both labels
                edge[2] += ", " + (found.group(3) or "")
                break
        else:
            edges.append([one, other, found.group(3) or "", ">"])
    return graph(nodes, edges, True, title)


def flow(way, lines, title):
    nodes, edges = {}, []
    node = r"(\w+)(?:[\[({]+\"?([^\"\[\](){}]*(?:\(\))?[^\"\[\](){}]*)\"?[\])}]+)?"
    for line in lines:
        found = re.match(node, line)
        while found and found.end() < len(line):
            arrow = re.compile(r"\s*(<?)(--+|==+|-\.+-)(>?)(?:\|\"?([^|\"]+)\"?\|)?\s*" + node).match(line, found.end())
            if not arrow:
                raise NotDrawn(line)
            for name, text in ((found.groups() if found.re.groups == 2 else found.group(5, 6)), arrow.group(5, 6)):
                nodes[name] = text or nodes.get(name, name)
            one = found.group(1 if found.re.groups == 2 else 5)
            edges.append([one, arrow.group(5), arrow.group(4) or "", arrow.group(1) + arrow.group(3)])
            found = arrow
        if not found:
            raise NotDrawn(line)
        if found.re.groups == 2:
            nodes[found.group(1)] = found.group(2) or nodes.get(found.group(1), found.group(1))
    return graph(nodes, edges, way in ("TD", "TB"), title)


def graph(nodes, edges, down, title):
    """Nodes in ranks. An edge goes through an unseen node in each rank between; its label is the first or middle one of them."""
    loops, edges = [edge for edge in edges if edge[0] == edge[1]], [edge for edge in edges if edge[0] != edge[1]]
    rank, chains = ranks(nodes, edges), []
    size = {name: (wide(text) + 26, 32) if text else (18, 18) for name, text in nodes.items()}
    for name, _, text, _ in loops:
        size[name] = (size[name][0] + 2 * wide(text) + 60, 32)      # room for the loop on one side, and the same on the other
    layers = defaultdict(list)
    for name in nodes:
        layers[rank[name]].append(name)
    for number, (one, other, text, _) in enumerate(edges):
        first, last = sorted((one, other), key=rank.get)
        unseen = [(number, at) for at in range(rank[first] + 1, rank[last])]
        for at, dot in enumerate(unseen):
            size[dot] = (wide(text) + 14, 24) if at == len(unseen) // 2 and text else (14, 1)
            layers[rank[first] + 1 + at].append(dot)
        chains.append([first, *unseen, last])
    across = {name: extent if down else extent[::-1] for name, extent in size.items()}
    place = arrange(layers, chains, across)
    along, top = {}, 6
    for at in sorted(layers):
        thick = max(across[name][1] for name in layers[at])
        along.update({name: top + thick / 2 for name in layers[at]})
        top += thick + (16 if down else 14)
    left = min(place[name] - across[name][0] / 2 for name in place) - 6
    right = max(place[name] + across[name][0] / 2 for name in place) + 6
    spot = {name: (place[name] - left, along[name]) for name in place}
    body = "".join(drawn_edge(edge, chain, ports(chain, chains, spot, across), spot, across, down) for edge, chain in zip(edges, chains))
    if not down:
        spot = {name: (y, x) for name, (x, y) in spot.items()}
    body += "".join(drawn_node(name, nodes[name], spot[name], size[name], loops) for name in nodes)
    for number, edge in enumerate(edges):
        middle = chains[number][1:-1][len(chains[number][1:-1]) // 2]
        body += label_at(*spot[middle], edge[2], "on") if edge[2] else ""
    extent = (right - left, top)
    return svg(*(extent if down else extent[::-1]), body, title)


def ranks(nodes, edges):
    """{node: rank}, even numbers: an edge leads to a higher one, unless it leads back to where one came from, or both ways."""
    rank, forward, done = dict.fromkeys(nodes, 0), [], []

    def visit(name, path):
        for one, other, _, heads in edges:
            if one == name and heads != "<>" and (one, other) not in forward and other not in path:
                forward.append((one, other))
                visit(other, path + [other])
        done.append(name)

    def settle():
        for _ in nodes:
            for one, other in forward:
                rank[other] = max(rank[other], rank[one] + 2)
    for name in nodes:
        if name not in done:
            visit(name, [name])
    settle()
    for one, other, *_ in edges:
        if rank[one] == rank[other]:
            forward.append((one, other))
            settle()
    return rank


def arrange(layers, chains, across):
    """{node: its place in its rank}: near those that it is tied to, and no two too close."""
    ties = defaultdict(list)
    for chain in chains:
        for one, other in zip(chain, chain[1:]):
            ties[one].append(other)
            ties[other].append(one)
    place = {}
    for at in layers:
        for number, name in enumerate(layers[at]):
            place[name] = 100.0 * (number - (len(layers[at]) - 1) / 2)
    for turn in range(80):
        for at in sorted(layers, reverse=turn % 2):
            wish = {name: sum(place[other] for other in ties[name]) / len(ties[name]) if ties[name] else place[name]
                    for name in layers[at]}
            if turn < 12:
                layers[at].sort(key=wish.get)
            names = layers[at]
            gaps = [(across[one][0] + across[other][0]) / 2 + 14 for one, other in zip(names, names[1:])]
            up, back = [wish[names[0]]], [wish[names[-1]]]
            for name, gap in zip(names[1:], gaps):
                up.append(max(wish[name], up[-1] + gap))
            for name, gap in zip(names[-2::-1], gaps[::-1]):
                back.append(min(wish[name], back[-1] - gap))
            place.update({name: (one + other) / 2 for name, one, other in zip(names, up, reversed(back))})
    return place


def ports(chain, chains, spot, across):
    """Where on its first and last node an edge begins and ends, beside the others on that side."""
    found = []
    for node, end, nearest in ((chain[0], 0, 1), (chain[-1], -1, -2)):
        beside = sorted((other for other in chains if other[end] == node), key=lambda other: spot[other[nearest]][0])
        step = min(26, across[node][0] / (len(beside) + 1))
        found.append(spot[node][0] + step * (beside.index(chain) - (len(beside) - 1) / 2))
    return found


def drawn_edge(edge, chain, ends, spot, across, down):
    points = [(ends[0], spot[chain[0]][1] + across[chain[0]][1] / 2), *(spot[name] for name in chain[1:-1]),
              (ends[1], spot[chain[-1]][1] - across[chain[-1]][1] / 2)]
    backward = edge[0] != chain[0]
    heads = {">": [not backward], "<>": [True, False], "<": [backward], "": []}[edge[3]]
    body = ""
    for at_end in heads:
        x, y = points[-1 if at_end else 0]
        body += head(x, y, 0, 1 if at_end else -1) if down else head(y, x, 1 if at_end else -1, 0)
        points[-1 if at_end else 0] = (x, y - 8 if at_end else y + 8)
    turn = (lambda x, y: "%d %d" % (x, y)) if down else (lambda x, y: "%d %d" % (y, x))
    slopes = [0] + [(after[0] - prior[0]) / (after[1] - prior[1]) for prior, after in zip(points, points[2:])] + [0]
    path = "M" + turn(*points[0])
    for (x, y), (u, v), slope, next_slope in zip(points, points[1:], slopes, slopes[1:]):
        third = (v - y) / 3
        path += " C" + ", ".join((turn(x + slope * third, y + third), turn(u - next_slope * third, v - third), turn(u, v)))
    return '<path d="%s"/>' % path + body


def drawn_node(name, text, spot, size, loops):
    (x, y), (width, height) = spot, size
    if not text:
        return '<circle cx="%d" cy="%d" r="7" class="dot"/>' % (x, y) + (
            '<circle cx="%d" cy="%d" r="9"/>' % (x, y) if name == "end" else "")
    body, width = "", wide(text) + 26
    for _, _, label, _ in (loop for loop in loops if loop[0] == name):
        side = x + width / 2
        body = '<path d="M%d %d C%d %d, %d %d, %d %d"/>%s<text x="%d" y="%d" class="on from">%s</text>' % (
            side, y - 8, side + 30, y - 18, side + 30, y + 18, side + 8, y + 8, head(side, y + 8, -1, 0), side + 28, y + 5, html.escape(label))
    return body + '<rect x="%d" y="%d" width="%d" height="%d" rx="5"/>%s' % (x - width / 2, y - height / 2, width, height, label_at(x, y, text))
