"""The agent: what a shopper says, what is done about it, what is remembered.

Product types are re-exported here for whoever draws products and may not import the tools.
"""

from shopping_assistant.tools.catalog import ALWAYS_SHOWN, Catalog, CatalogError, Product
from shopping_assistant.tools.errors import ShopError

__all__ = ["ALWAYS_SHOWN", "Catalog", "CatalogError", "Product", "ShopError"]
