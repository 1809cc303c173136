"""Problems as people read them (floor 1): where each is in its file, and the page that explains its code."""

from .pages import Page, explain, page, pages
from .places import Excerpt, in_order, locate

__all__ = ["Excerpt", "Page", "explain", "in_order", "locate", "page", "pages"]
