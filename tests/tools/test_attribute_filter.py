import pytest

from shopping_assistant.tools.attribute_filter import Constraint, ConstraintError, mask
from shopping_assistant.tools.catalog import Catalog, Product

CATALOG = Catalog.from_products(
    [
        Product("a", "a", category="boots", color="black", material="leather", price=90.0, size=("38", "39")),
        Product("b", "b", category="boots", color="Black, White", material="suede", price=150.0, size=("40",)),
        Product("c", "c", category="dress", color="red", price=60.0, attributes={"rating": 4.0}),
        Product("d", "d", category="dress", color="black", price=None, available=False),
    ]
)


def kept(*constraints, **options) -> str:
    return "".join(CATALOG.ids[i] for i in mask(CATALOG, constraints, **options).nonzero()[0])


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (Constraint("color", "in", ("BLACK",)), "ab"),
        (Constraint("color", "in", ("white", "red")), "bc"),
        (Constraint("size", "in", ("39",)), "a"),
        (Constraint("material", "not in", ("leather",)), "bc"),
        (Constraint("price", "<=", (90,)), "ac"),
        (Constraint("price", ">=", (90,)), "ab"),
        (Constraint("rating", "in", (4,)), "c"),
        (Constraint("rating", ">=", (4.5,)), ""),
        (Constraint("color", "in", ("mauve",)), ""),
    ],
)
def test_one_constraint(constraint, expected):
    assert kept(constraint) == expected


def test_all_constraints_hold_together():
    assert kept(Constraint("category", "in", ("boots",)), Constraint("price", "<=", (120,))) == "a"


def test_what_cannot_be_bought_is_left_out_unless_asked_for():
    assert kept() == "abc"
    assert kept(available_only=False) == "abcd"


def test_a_constraint_survives_json():
    wish = Constraint("price", "<=", (80,), "under 80")
    assert Constraint.from_dict(wish.as_dict()) == wish


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"attribute": "color", "op": "like", "values": ["x"]}, "'like'"),
        ({"attribute": "price", "op": "<=", "values": ["cheap"]}, "'cheap'"),
        ({"attribute": "price", "op": "<=", "values": [1, 2]}, "2 values"),
        ({"attribute": "price", "op": "in", "values": []}, "no values"),
        ({"op": "in", "values": ["x"]}, "attribute"),
        ("black", "expected an object"),
    ],
)
def test_a_senseless_constraint_is_refused(given, told):
    with pytest.raises(ConstraintError, match=told):
        Constraint.from_dict(given)
