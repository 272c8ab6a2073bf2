"""The tool for what a shopper thinks of products: a thumb, as on the page, and others in place of what is refused."""

from __future__ import annotations

from dataclasses import replace

from pydantic import Field

from shopping_assistant.assistant import feedback
from shopping_assistant.assistant.agent_tools.desk import Arguments, Desk, ToolError, ToolResult, tool
from shopping_assistant.assistant.agent_tools.offering import brief
from shopping_assistant.assistant.agent_tools.recommending import Recommend, recommend
from shopping_assistant.assistant.agent_tools.searching import Search, Similar, search_products, similar
from shopping_assistant.assistant.answers.judging import judged


class Judge(Arguments):
    verdict: feedback.Verdict = Field(description="up: they like it; down: they do not want to see it again")
    product_ids: list[str] = Field(default=[], max_length=20, description="the products judged")
    whole_reply: bool = Field(default=False, description="all that was shown last is judged, no single product")


@tool(Judge, says=judged, changes=True)
def judge(desk: Desk, given: Judge) -> ToolResult:
    """Note that the shopper likes products that were shown, or does not; then things like them move up or down."""
    products = desk.known(given.product_ids)
    if not products and not given.whole_reply:
        raise ToolError("nothing is judged: give the product_ids, or whole_reply for all that was shown last")
    noted = feedback.note(desk.log, desk.thread_id, given.verdict, given.product_ids, given.whole_reply, desk.shown)
    content = {"verdict": given.verdict, "judged": [brief(p) for p in products], "whole_reply": given.whole_reply}
    if given.verdict == "down" and (given.whole_reply or set(given.product_ids) & set(desk.shown)):
        again = _again(replace(desk), given)
        # What is shown in its place was not looked for anew: the log has the search already.
        return replace(again, content={**again.content, **content}, told={**again.told, "judged": noted}, query=None)
    return ToolResult(content, told={"judged": noted})


def _again(desk: Desk, given: Judge) -> ToolResult:
    """What was shown last, found the same way without what was refused."""
    made, more = desk.made, given.whole_reply
    if made.get("goes_with") or made.get("by") == "recommender":
        return recommend.run(desk, Recommend(goes_with=made.get("goes_with"), more=more))
    if made.get("like") and made["like"] in desk.shelf.catalog and not more:
        return similar.run(desk, Similar(product_id=made["like"]))
    return search_products.run(desk, Search(query=(made.get("query") or "")[:400], more=more))
