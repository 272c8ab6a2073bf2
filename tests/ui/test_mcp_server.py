"""The shop's tools over MCP, with the protocol's own client: `shop mcp` over stdio, and the server in process."""

import json
import sys

import anyio
import pytest
from mcp import Client, StdioServerParameters

from shopping_assistant.assistant.conversation import Assistant
from shopping_assistant.assistant.toolbox import TOOLS
from shopping_assistant.ui.mcp_server import TALK, shop_server


def held(server, *calls: tuple[str, dict]) -> tuple[list, list]:
    """The tools a client is told, and the results of its calls in one connection."""

    async def hold() -> tuple[list, list]:
        async with Client(server) as client:
            tools = (await client.list_tools()).tools
            return tools, [await client.call_tool(name, arguments) for name, arguments in calls]

    return anyio.run(hold)


@pytest.fixture
def assistant(small_store):
    opened = Assistant.open(small_store.path)
    yield opened
    opened.close()


def test_shop_mcp_serves_all_tools_over_stdio(small_store):
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "shopping_assistant.ui.cli", "mcp", "--store", str(small_store.path)]
    )
    tools, (found, bagged, bag) = held(
        command,
        ("search_products", {"query": "boots", "constraints": [{"attribute": "price", "op": "<=", "values": [300]}]}),
        (TALK, {"text": "add the second one to my bag"}),
        ("show_bag", {}),
    )
    assert {t.name for t in tools} == {TALK, *TOOLS}
    products = found.structured_content["products"]
    assert products and all(p["price"] <= 300 and p["title"] for p in products)
    assert json.loads(found.content[0].text) == found.structured_content
    assert bagged.structured_content["act"] == "add_to_bag"
    in_bag = [p["product_id"] for p in bag.structured_content["bag"]["products"]]
    assert in_bag == [products[1]["product_id"]]


def test_the_schemas_name_the_catalogues_attributes_and_what_changes_something(assistant):
    tools, _ = held(shop_server(assistant, "c"))
    by_name = {t.name: t for t in tools}
    wish = by_name["search_products"].input_schema["properties"]["constraints"]["items"]["properties"]
    assert wish["attribute"]["enum"] == list(assistant.shelf.catalog.attribute_names)
    assert by_name["compare"].annotations.read_only_hint and not by_name["add_to_bag"].annotations.read_only_hint


def test_what_a_shopper_excluded_holds_for_every_call(assistant):
    colors = {p.color for p in (assistant.shelf.catalog.product(i) for i in assistant.shelf.catalog.ids)}
    color = sorted(c for c in colors if c)[0].lower()
    _, (said, found) = held(
        shop_server(assistant, "c"), (TALK, {"text": f"anything but {color}"}), ("search_products", {"query": "dress"})
    )
    assert any(c["op"] == "not in" for c in said.structured_content["constraints"])
    assert found.structured_content["products"]
    assert color not in {p["color"].lower() for p in found.structured_content["products"]}


def test_a_wrong_call_is_told_and_the_connection_goes_on(assistant):
    _, results = held(
        shop_server(assistant, "c"),
        ("no_such_tool", {}), ("product_details", {"product_ids": ["nope"]}), ("compare", {}), (TALK, {"text": " "}),
        (TALK, {}), ("show_bag", {}),
    )  # fmt: skip
    assert [r.is_error for r in results] == [True, True, True, True, True, False]
    assert "nope" in results[1].content[0].text and "product_ids" in results[2].content[0].text


def test_connections_are_conversations_of_their_own(assistant):
    first = assistant.shelf.catalog.ids[0]
    held(shop_server(assistant, "one"), ("add_to_bag", {"product_ids": [first]}))
    _, (bag,) = held(shop_server(assistant, "two"), ("show_bag", {}))
    assert bag.structured_content["bag"]["products"] == []
    assert [p["product_id"] for p in assistant.bag("one")] == [first]
    assert assistant.events("two").is_empty()
