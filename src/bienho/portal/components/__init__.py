"""The portal's own small components: one folder each with its data class, template, style and notes.

Every component is a frozen dataclass whose `component` names its folder; the template tag `{% show x %}` renders it.
"""

from bienho.portal.components.badge import Badge
from bienho.portal.components.calendar import Calendar
from bienho.portal.components.chart import Chart
from bienho.portal.components.crumbs import Crumb, Crumbs
from bienho.portal.components.facts import Fact, Facts
from bienho.portal.components.figure import Figure
from bienho.portal.components.findings import FindingItem, FindingList
from bienho.portal.components.form import Field, Form
from bienho.portal.components.help import Help
from bienho.portal.components.map import Area, Map
from bienho.portal.components.pagination import Pagination
from bienho.portal.components.pair import Pair, PairRow
from bienho.portal.components.passkey import Passkey
from bienho.portal.components.secret import Secret
from bienho.portal.components.state import State
from bienho.portal.components.table import Cell, Column, Table
from bienho.portal.components.tabs import Tab, Tabs
from bienho.portal.components.todo import Todo, TodoList
from bienho.portal.components.trail import Step, Trail
from bienho.portal.components.visit import Group, Offers, Press, VisitSheet

__all__ = [
    "Area",
    "Badge",
    "Calendar",
    "Cell",
    "Chart",
    "Column",
    "Crumb",
    "Crumbs",
    "Fact",
    "Facts",
    "Field",
    "Figure",
    "FindingItem",
    "FindingList",
    "Form",
    "Group",
    "Help",
    "Map",
    "Offers",
    "Pagination",
    "Pair",
    "PairRow",
    "Passkey",
    "Press",
    "Secret",
    "State",
    "Step",
    "Tab",
    "Table",
    "Tabs",
    "Todo",
    "TodoList",
    "Trail",
    "VisitSheet",
]
