"""What axe finds wrong with a page, at the price of what is new on it.

    looker = Looker()
    looker.violations(page)      # [] or one line for each broken rule

Every rule of axe runs on every page. Two things are left out, because they would be looked at again and again:
further rows of a table, areas of the map and choices of a list, of which one template makes all, are taken out of the
page first; and the contrast of a text, the dear half of axe, is judged where the text has not been judged before in
the same dress, on the same ground, in the same place of the same elements.
"""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

ALIKE = "tbody tr:nth-child(n+8), a.area:nth-child(n+12), option:nth-child(n+8)"
# Every rule runs; what it did not find is not described, which takes longer than to look.
OPTIONS = {"resultTypes": ["violations"], "preload": False}
FRESH = "data-fresh"
# The dress of an element is its own and that of all it stands in: name, classes, colours, size of its letters.
MARK_FRESH = """([alike, fresh, known]) => {
  for (const one of document.querySelectorAll(alike)) one.remove();
  const seen = new Set(known), found = [], dresses = new Map();
  const digest = text => {
    let one = 0xdeadbeef, two = 0x41c6ce57;
    for (let place = 0; place < text.length; place++) {
      one = Math.imul(one ^ text.charCodeAt(place), 2654435761);
      two = Math.imul(two ^ text.charCodeAt(place), 1597334677);
    }
    return (two >>> 0).toString(36) + "." + (one >>> 0).toString(36);
  };
  const dress = element => {
    if (!element) return "";
    if (!dresses.has(element)) {
      const style = getComputedStyle(element);
      const own = [element.localName, element.getAttribute("class"), style.color, style.backgroundColor,
        style.backgroundImage, style.opacity, style.filter, style.fontSize, style.fontWeight, style.textShadow];
      dresses.set(element, digest(dress(element.parentElement) + own.join("|")));
    }
    return dresses.get(element);
  };
  for (const element of document.body.querySelectorAll("*")) {
    const key = dress(element);
    if (seen.has(key)) continue;
    seen.add(key);
    found.push(key);
    element.setAttribute(fresh, "");
  }
  return found;
}"""
RUN = """async ([options, fresh]) => {
  axe.configure({rules: [{id: "color-contrast", selector: `[${fresh}]`}]});
  const {violations} = await axe.run(document, options);
  return violations.map(one => `${one.id}: ${one.nodes[0].html.slice(0, 160)} (${one.nodes.length})`);
}"""


class Looker:
    """Remembers what it has judged; one of them goes through all pages of a test module."""

    def __init__(self) -> None:
        self._judged: set[str] = set()

    def violations(self, page: Page) -> list[str]:
        """What axe finds wrong, in one line each. The page is less afterwards: look at other things before."""
        self._judged.update(page.evaluate(MARK_FRESH, [ALIKE, FRESH, list(self._judged)]))
        page.evaluate(AXE_SCRIPT)
        found: list[str] = page.evaluate(RUN, [OPTIONS, FRESH])
        return found
