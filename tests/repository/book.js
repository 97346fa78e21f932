/*
 * Comfort for the book; it can be read without. Dark or light by a button, the code on the right follows the text, the
 * contents show where one is, and search.
 */
"use strict";

const root = document.documentElement;

function setTheme(theme) {
    if (theme) root.dataset.theme = theme;
    else delete root.dataset.theme;
}

try {
    setTheme(localStorage.getItem("theme"));
    addEventListener("storage", event => event.key === "theme" && setTheme(event.newValue));
} catch { /* a browser that keeps nothing */ }

function addThemeButton(bar) {
    const button = document.createElement("button");
    const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const label = () => { button.textContent = isDark() ? "Light" : "Dark"; };
    button.type = "button";
    button.addEventListener("click", () => {
        setTheme(isDark() ? "light" : "dark");
        try { localStorage.setItem("theme", root.dataset.theme); } catch { /* as above */ }
        label();
    });
    label();
    bar.append(button);
}

function followText(frame) {
    const isShown = () => frame.offsetParent !== null;
    const show = link => frame.contentWindow.location.replace(link.href);
    for (const link of document.querySelectorAll("a.name, a.call"))
        link.addEventListener("click", event => {
            if (!isShown() || event.ctrlKey || event.metaKey || event.shiftKey) return;
            event.preventDefault();
            show(link);
        });
    const excerpts = [...document.querySelectorAll(".excerpt")];
    let last = null;
    const follow = () => {
        const excerpt = excerpts.filter(one => one.getBoundingClientRect().top < 0.6 * innerHeight).pop();
        if (!excerpt || excerpt === last || !isShown()) return;
        last = excerpt;
        show(excerpt.querySelector("a.beside"));
    };
    addEventListener("scroll", follow, { passive: true });
}

function markPlace(toc) {
    const links = new Map([...toc.querySelectorAll("a[href*='#']")].map(link => [decodeURIComponent(link.hash.slice(1)), link]));
    const sections = [...document.querySelectorAll("main section[id]")].filter(section => links.has(section.id));
    const mark = () => {
        const here = sections.filter(section => section.getBoundingClientRect().top < innerHeight / 3).pop();
        for (const link of links.values()) link.classList.toggle("here", Boolean(here) && link === links.get(here.id));
    };
    addEventListener("scroll", mark, { passive: true });
    mark();
}

function search(input, count, found) {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hits = words.length === 0 ? [] : DATA
        .map(([link, title, text]) => {
            const name = title.toLowerCase(), all = name + " " + text.toLowerCase();
            if (!words.every(word => all.includes(word))) return null;
            return { link, title, text, weight: words.reduce((sum, word) => sum + (name.includes(word) ? 10 : 0) + Math.min(5, all.split(word).length - 1), 0) };
        })
        .filter(Boolean).sort((one, other) => other.weight - one.weight);
    count.textContent = words.length ? `${hits.length} places` : "";
    found.replaceChildren(...hits.slice(0, 50).map(hit => {
        const item = document.createElement("li"), link = document.createElement("a"), text = document.createElement("div");
        const at = Math.max(0, hit.text.toLowerCase().indexOf(words[0])), from = at > 60 ? hit.text.indexOf(" ", at - 60) + 1 : 0;
        link.href = hit.link;
        link.textContent = hit.title;
        text.append(hit.text.slice(Math.min(from, at), at));
        const mark = document.createElement("mark");
        mark.textContent = hit.text.slice(at, at + words[0].length);
        text.append(...(hit.text.toLowerCase().startsWith(words[0], at) ? [mark] : []), hit.text.slice(at + words[0].length, at + 140).replace(/\s\S*$/, " ..."));
        item.append(link, text);
        return item;
    }));
}

addEventListener("DOMContentLoaded", () => {
    const bar = document.querySelector(".bar"), frame = document.querySelector(".pane iframe"), toc = document.getElementById("toc");
    if (bar) addThemeButton(bar);
    if (frame) followText(frame);
    if (toc) markPlace(toc);
    const found = document.getElementById("found");
    if (found) {
        const input = document.querySelector("input[name=q]"), run = () => search(input, document.getElementById("count"), found);
        input.value = new URLSearchParams(location.search).get("q") || "";
        input.addEventListener("input", run);
        run();
    }
});
