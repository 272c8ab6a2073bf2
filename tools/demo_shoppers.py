"""Simulated shoppers of the demo shop: what they want next, what the shop shows, what they click and buy."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from shopping_assistant.tools.demo_catalog import (
    DAYS,
    OPENING,
    Assortment,
    feature_words,
    month_fit,
    pick,
    weighted,
)
from shopping_assistant.tools.demo_queries import SAID, Wish, misspelt, phrase, round_cap
from shopping_assistant.tools.demo_words import HUES, LOOKS, OCCASIONS, SEASONS
from shopping_assistant.tools.sessions import EVENT_SCHEMA

SHOWN = 12
# One to eight visits over the year, 3.2 on average.
VISITS = (0.16, 0.24, 0.23, 0.15, 0.10, 0.06, 0.04, 0.02)
SECTIONS = ("women", "men", "kids")
_MIDNIGHT = datetime(OPENING.year, OPENING.month, OPENING.day, tzinfo=UTC)
_HOURS = np.array([1, 1, 0, 0, 0, 1, 2, 4, 5, 5, 5, 5, 6, 6, 5, 5, 5, 6, 7, 9, 10, 9, 6, 3], dtype=float)


@dataclass
class Shopper:
    """Taste, ``likes_*`` one figure for each colour, brand …; and what earlier purchases made of it, ``pull_*``."""

    user_id: str
    section: str
    parent: bool
    budget: float  # log of what is paid over what a category usually costs
    loyalty: float  # 0 … 1: how much brands, and what was bought before, count
    likes_color: np.ndarray
    likes_brand: np.ndarray
    likes_look: np.ndarray
    likes_material: np.ndarray
    occasions: np.ndarray
    size_step: float  # 0 … 1 along each size scale
    wordy: float
    careless: float
    pull_brand: np.ndarray
    pull_line: np.ndarray
    pull_color: np.ndarray
    pull_style: dict[int, float] = field(default_factory=dict)
    bought: list[int] = field(default_factory=list)
    until: datetime = _MIDNIGHT  # when the last visit ended


@dataclass(frozen=True)
class Floor:
    """What all shoppers share: where each category's products are, the season's demand, how colours relate."""

    pools: dict[tuple[str, int], np.ndarray]  # (section, category) → rows the shop considers, family included
    carriers: dict[tuple[str, int], np.ndarray]  # (section, category) → brands that have it
    colors: dict[tuple[str, int], np.ndarray]  # (section, category) → colours it comes in
    sections: dict[str, np.ndarray]  # section → rows
    demand: dict[str, np.ndarray]  # section → (12, kinds) how much each category is wanted by month
    near: np.ndarray  # (colours, colours) 1 same, 0.5 near
    harmony: np.ndarray  # (colours, colours)
    sizes: list[int]  # row → bit mask of the fifths of the size scale that are in stock; all bits for one size
    kind_named: dict[str, int]


def _floor(shop: Assortment) -> Floor:
    department = np.array([p.department for p in shop.products])
    family = np.array([k.family for k in shop.kinds])[shop.kind]
    sections = {s: np.flatnonzero((department == s) | ((department == "unisex") & (s != "kids"))) for s in SECTIONS}
    pools, carriers, colors, demand = {}, {}, {}, {}
    for section, rows in sections.items():
        weight = np.zeros((12, len(shop.kinds)))
        for at, kind in enumerate(shop.kinds):
            if np.any(shop.kind[rows] == at):
                pools[section, at] = rows[family[rows] == kind.family]
                own = rows[shop.kind[rows] == at]
                carriers[section, at] = np.unique(shop.brand[own])
                colors[section, at] = np.unique(shop.color[own])
                weight[:, at] = kind.weight * np.mean([month_fit(s) for s in kind.seasons], axis=0)
        demand[section] = weight
    names = [h.name for h in HUES]
    near = np.array([[1.0 if a.name == b else 0.5 if b in a.near else 0.0 for b in names] for a in HUES])
    harmony = np.array([[1.0 if b in a.harmony or a.name in HUES[j].harmony else 0.45 if a.name == b else 0.0
                         for j, b in enumerate(names)] for a in HUES])  # fmt: skip
    scale: dict[tuple[str, str], list[str]] = {}
    for p in shop.products:
        known = scale.setdefault((p.category, p.department), [])
        known.extend(s for s in p.size if s not in known)
    sizes = []
    for p in shop.products:
        order = sorted(scale[p.category, p.department], key=_size_order)
        sizes.append(sum(1 << f for f in range(5) if order[min(len(order) - 1, int(f / 5 * len(order)))] in p.size))
    return Floor(
        pools, carriers, colors, sections, demand, near, harmony, sizes, {k.name: i for i, k in enumerate(shop.kinds)}
    )


def _size_order(size: str) -> float:
    alpha = ("XS", "S", "M", "L", "XL", "XXL")
    return alpha.index(size) if size in alpha else float("".join(c for c in size if c.isdigit()) or 0)


def _shopper(rng: np.random.Generator, shop: Assortment, user_id: str) -> Shopper:
    section = "women" if rng.random() < 0.6 else "men"
    look = int(rng.random() * len(LOOKS))
    likes_look = rng.normal(0, 0.25, len(LOOKS))
    likes_look[look] += 1.0
    in_look = np.array([h.name in LOOKS[look].colors for h in HUES])
    palette = np.argsort(-(in_look * 1.5 + rng.gumbel(size=len(HUES))))[: 3 + int(rng.random() * 2)]
    likes_color = rng.normal(0, 0.15, len(HUES))
    likes_color[palette] += 1.0
    budget = float(rng.normal(0.1, 0.45))
    tiers = np.array((-0.5, 0.0, 0.5, 1.0))[[b.tier for b in shop.brands]]
    serves = np.array([section[0] in b.departments or b.departments == "u" for b in shop.brands])
    fit = -1.6 * np.abs(tiers - budget) + 3.0 * serves + rng.gumbel(size=len(shop.brands))
    likes_brand = np.zeros(len(shop.brands))
    likes_brand[np.argsort(-fit)[: 2 + int(rng.random() * 3)]] = 1.0
    occasions = rng.dirichlet([2.2, 1.6, 0.9, 0.6, 0.6, 0.7, 0.5]) + 0.05 * np.isin(OCCASIONS, LOOKS[look].occasions)
    return Shopper(
        user_id, section, bool(rng.random() < 0.15), budget, float(rng.beta(3, 2)), likes_color, likes_brand,
        likes_look, rng.normal(0, 0.5, len(shop.materials)), occasions / occasions.sum(), float(rng.random()),
        float(rng.beta(2, 3)), float(rng.beta(1, 24)), np.zeros(len(shop.brands)), np.zeros(len(shop.lines)),
        np.zeros(len(HUES)),
    )  # fmt: skip


class Year:
    """One year of the shop: shoppers come, search, click, buy; ``columns`` collects the log.

    The weights below were set together, by running the whole year, so that the median purchase stands third in the
    list that was shown, the shop's order alone is a poor predictor and a shopper's taste a good one.
    """

    def __init__(self, shop: Assortment, rng: np.random.Generator):
        self.shop, self.rng, self.shared = shop, rng, _floor(shop)
        self.columns: dict[str, list] = {name: [] for name in EVENT_SCHEMA}
        self.ids = [p.product_id for p in shop.products]
        self.months = [(OPENING + timedelta(days=d)).month - 1 for d in range(DAYS)]
        self.features: dict[str, np.ndarray] = {}  # feature → which rows have it, made at its first search
        self.line_partners = [set(map(int, row)) for row in shop.line_partners]

    # -- what the shopper wants

    def wish(self, shopper: Shopper, month: int, chain: float) -> Wish:
        """The next wish. With probability ``chain`` it comes out of the last purchase: a style that goes with it, or
        a category that follows it."""
        rng, shop = self.rng, self.shop
        if shopper.bought and rng.random() < chain:
            last = shopper.bought[-1] if len(shopper.bought) == 1 or rng.random() < 0.75 else shopper.bought[-2]
            section = "kids" if shop.products[last].department == "kids" else shopper.section
            partners = shop.goes_with[shop.style[last]]
            occasion = self._shared_occasion(shopper, last)
            if partners and rng.random() < 0.55:
                style = shop.styles[weighted(rng, partners, (1.0, 0.7, 0.5, 0.35)[: len(partners)])]
                if (section, style.kind) in self.shared.pools:
                    return self._after(shopper, style, section, occasion, last)
            follows = [self.shared.kind_named.get(n) for n in shop.kinds[shop.kind[last]].follows]
            follows = [k for k in follows if (section, k) in self.shared.pools]
            weights = [self.shared.demand[section][month, k] / (1 + 0.5 * i) for i, k in enumerate(follows)]
            if follows:
                return self._wish_for(shopper, weighted(rng, follows, weights), section, occasion, month, last)
        for_child = shopper.parent and rng.random() < 0.3 and self.shared.sections["kids"].size
        section = "kids" if for_child else shopper.section
        occasion = int(weighted(rng, range(len(OCCASIONS)), shopper.occasions))
        demand = self.shared.demand[section][month].copy()
        for at in np.flatnonzero(demand):
            demand[at] *= 1.0 if OCCASIONS[occasion] in shop.kinds[at].occasions else 0.12
        for row in shopper.bought[-3:]:
            demand[shop.kind[row]] *= 0.35
        kind = int(weighted(rng, range(len(demand)), demand))
        return self._wish_for(shopper, kind, section, occasion, month, None)

    def _shared_occasion(self, shopper: Shopper, row: int) -> int:
        return int(weighted(self.rng, range(len(OCCASIONS)), shopper.occasions * (0.1 + self.shop.occasions[row])))

    def _after(self, shopper: Shopper, style, section: str, occasion: int, last: int) -> Wish:
        """A wish for a style seen beside the last purchase: its material, its brand, a colour in harmony."""
        rng, shop = self.rng, self.shop
        line = shop.lines[style.line]
        named = weighted(rng, ("brand", "material", "feature", "color", ""), (0.14, 0.18, 0.14, 0.18, 0.36))
        spoken = frozenset({named} - {""})
        features = [feature_words(a, o) for a, o in style.features.items()][:1]
        if style.pattern != "solid":
            features = [style.pattern]
        color = self._color(shopper, last, self.shared.colors[section, style.kind])
        return Wish(
            style.kind, section, occasion, color, shop.materials.index(style.material), line.brand,
            features[0], None, None, spoken,
        )  # fmt: skip

    def _color(self, shopper: Shopper, last: int | None, able: np.ndarray) -> int:
        """Out of the colours there are, one that is liked and suits the last purchase."""
        score = shopper.likes_color[able] * 1.6 + self.rng.gumbel(size=len(able)) * 0.5
        if last is not None:
            score = score + 1.2 * self.shared.harmony[self.shop.color[last], able]
        return int(able[np.argmax(score)])

    def _wish_for(self, shopper: Shopper, kind: int, section: str, occasion: int, month: int, last: int | None) -> Wish:
        rng, shop = self.rng, self.shop
        spec = shop.kinds[kind]
        if rng.random() < 0.05:
            return Wish(None, section, occasion, self._color(shopper, last, self.shared.colors[section, kind]))
        said = {name for name, p in SAID.items() if rng.random() < p * (0.35 + 1.3 * shopper.wordy)}
        if len(said) > 1 and rng.random() < 0.95:  # few people type several conditions at once
            said = {pick(rng, sorted(said))}
        if OCCASIONS[occasion] not in spec.occasions:
            occasion = OCCASIONS.index(spec.occasions[0])
        attribute, options = next(iter(spec.features.items()))
        carried = self.shared.carriers[section, kind]
        liking = (shopper.likes_brand + shopper.pull_brand)[carried]
        brand = int(weighted(rng, carried, liking)) if liking.sum() > 0 else None
        known = [m for m in spec.materials if m in shop.materials]
        material = max((shop.materials.index(m) for m in known), key=lambda m: shopper.likes_material[m], default=None)
        cap = round_cap(float(np.exp(shopper.budget + 0.2)) * spec.price * (0.6 if section == "kids" else 1.0))
        return Wish(
            kind, section, occasion, self._color(shopper, last, self.shared.colors[section, kind]),
            material, brand,
            feature_words(attribute, pick(rng, options)), SEASONS[((month + 1) % 12) // 3], cap,
            frozenset(said - {n for n, v in (("material", material), ("brand", brand)) if v is None}),
        )  # fmt: skip

    # -- what the shop answers

    def results(self, wish: Wish, day: int, month: int) -> np.ndarray:
        """Rows in organic order, at most ``SHOWN``: relevance to the words, popularity, freshness, a little noise. The
        shop's own search knows nothing of the shopper but the section."""
        shop, said = self.shop, wish.said
        rows = self.shared.sections[wish.section] if wish.kind is None else self.shared.pools[wish.section, wish.kind]
        rows = rows[(shop.launched[rows] <= day) & (shop.gone[rows] > day)]
        if wish.kind is None:
            rows = rows[shop.occasions[rows, wish.occasion]]
            score = 1.2 * self.rng.normal(size=len(rows)) + shop.season_fit[rows, month]
        else:
            score = 4.0 * (shop.kind[rows] == wish.kind) + 0.3 * self.rng.normal(size=len(rows))
            score += 0.7 * shop.season_fit[rows, month]
        score += shop.appeal[rows] + 0.8 * np.exp((shop.launched[rows] - day) / 25.0)
        if "color" in said:
            score += 2.4 * self.shared.near[wish.color, shop.color[rows]]
        if "material" in said:
            score += 1.6 * (shop.material[rows] == wish.material)
        if "brand" in said:
            score += 3.2 * (shop.brand[rows] == wish.brand)
        if "occasion" in said:
            score += 1.0 * shop.occasions[rows, wish.occasion]
        if "season" in said:
            score += 0.8 * shop.season_fit[rows, month]
        if "feature" in said:
            score += 1.8 * self._has_feature(wish.feature)[rows]
        if "cap" in said:
            score -= 2.5 * (shop.log_price[rows] > np.log(wish.cap))
        return rows[np.argsort(-score, kind="stable")[:SHOWN]]

    def _has_feature(self, feature: str) -> np.ndarray:
        if feature not in self.features:
            words = ({s.pattern, *(feature_words(a, o) for a, o in s.features.items())} for s in self.shop.styles)
            self.features[feature] = np.array([feature in w for w in words])[self.shop.style]
        return self.features[feature]

    # -- what the shopper makes of it

    def liking(self, shopper: Shopper, wish: Wish, rows: np.ndarray) -> np.ndarray:
        """How much this shopper likes each shown product, ``(rows,)``, before the mood of the day."""
        shop = self.shop
        color, brand, line = shop.color[rows], shop.brand[rows], shop.line[rows]
        u = 1.5 * shopper.likes_color[color] + 0.7 * shopper.pull_color[color]
        u += 0.8 * self.shared.near[wish.color, color]
        u += (0.5 + 1.1 * shopper.loyalty) * shopper.likes_brand[brand]
        u += (0.4 + 1.3 * shopper.loyalty) * shopper.pull_brand[brand] + 1.1 * shopper.pull_line[line]
        u += 0.9 * shopper.likes_look[shop.look[rows]] + 0.5 * shopper.likes_material[shop.material[rows]]
        u += 0.8 * shop.occasions[rows, wish.occasion] + 0.3 * shop.appeal[rows]
        over = shop.relative_price[rows] - shopper.budget
        u -= 1.6 * np.where(over > 0, over, 0.45 * -over)
        if wish.kind is not None:
            u -= 2.5 * (shop.kind[rows] != wish.kind)
        if "cap" in wish.said:
            u -= 1.5 * (shop.log_price[rows] > np.log(wish.cap))
        if "brand" in wish.said:
            u += 0.8 * (brand == wish.brand)
        if "material" in wish.said:
            u += 0.8 * (shop.material[rows] == wish.material)
        fifth = 1 << int(shopper.size_step * 5)
        for i, row in enumerate(rows.tolist()):
            u[i] += shopper.pull_style.get(int(shop.style[row]), 0.0)
            if not self.shared.sizes[row] & fifth:
                u[i] -= 2.0
            if row in shopper.bought:
                u[i] -= 6.0
        return u

    def remember(self, shopper: Shopper, row: int) -> None:
        """What a purchase does to the next ones: brand, sister brand, line, partner lines, what goes with the style."""
        shop = self.shop
        for pull in (shopper.pull_brand, shopper.pull_line, shopper.pull_color):
            pull *= 0.5
        shopper.pull_style = {s: 0.5 * p for s, p in shopper.pull_style.items() if p > 0.3}
        brand, line = int(shop.brand[row]), int(shop.line[row])
        shopper.pull_brand[brand] += 1.0
        shopper.pull_brand[brand ^ 1] += 0.5  # brands stand in pairs of sisters
        shopper.pull_line[line] += 1.0
        shopper.pull_line[list(self.line_partners[line])] += 1.0
        shopper.pull_color += self.shared.harmony[shop.color[row]]
        for style in shop.goes_with[shop.style[row]]:
            shopper.pull_style[style] = shopper.pull_style.get(style, 0.0) + 2.0
        shopper.bought.append(row)

    def clicks(self, liking: np.ndarray, rows: np.ndarray, wanted: int) -> list[int]:
        """Places clicked, in the order of clicking: what stands high and is liked, then its other colours."""
        rng, styles = self.rng, self.shop.style[rows]
        score = 1.5 * liking - 1.4 * np.log(np.arange(1, len(rows) + 1)) + 0.7 * rng.gumbel(size=len(rows))
        chosen: list[int] = []
        for _ in range(min(wanted, len(rows))):
            at = int(np.argmax(score))
            chosen.append(at)
            score[at] = -np.inf
            score = score + 0.9 * (styles == styles[at])
        if rng.random() < 0.5:  # half of the time people go down the list, else they jump
            chosen.sort()
        return chosen

    # -- a visit

    def visit(self, shopper: Shopper, session_id: str, day: int) -> None:
        rng, month = self.rng, self.months[day]
        hour = int(weighted(rng, range(24), _HOURS))
        self.session, self.user = session_id, shopper.user_id
        begin = _MIDNIGHT + timedelta(days=day, hours=hour, seconds=int(rng.random() * 3600))
        self.clock = max(begin, shopper.until + timedelta(hours=1))  # a visit past midnight ends before the next begins
        buying = rng.random() >= 0.12
        bought = self._errand(shopper, self.wish(shopper, month, 0.66), day, month, buying)
        if bought and rng.random() < 0.16:  # one more thing while at it
            self._errand(shopper, self.wish(shopper, month, 0.9), day, month, rng.random() < 0.8)
        shopper.until = self.clock

    def _errand(self, shopper: Shopper, wish: Wish, day: int, month: int, buying: bool) -> bool:
        rng = self.rng
        refining = wish.kind is None or rng.random() < (0.04 if wish.said else 0.32)
        rows = self._search(shopper, wish, day, month)
        if refining and len(rows):
            liking = self.liking(shopper, wish, rows)
            for at in self.clicks(liking, rows, pick(rng, (0, 1, 1, 2))):
                self._log("click", 40, product=int(rows[at]), position=at + 1)
            wish = self._refined(shopper, wish, rows, liking, month)
            rows = self._search(shopper, wish, day, month)
        if not len(rows):
            return False
        liking = self.liking(shopper, wish, rows)
        wanted = pick(rng, (2, 2, 2, 3, 3, 3, 4, 4, 5)) if buying else pick(rng, (0, 1, 1, 2, 3))
        clicked = self.clicks(liking, rows, wanted)
        for at in clicked:
            self._log("click", 45, product=int(rows[at]), position=at + 1)
        if not buying or not clicked:
            return False
        mood = liking[clicked] + 0.35 * rng.gumbel(size=len(clicked)) - 0.2 * np.log1p(np.array(clicked))
        at = clicked[int(np.argmax(mood))]
        if int(rows[at]) in shopper.bought:  # only what they own already: nothing new here today
            return False
        self._log("purchase", 150, product=int(rows[at]), position=at + 1)
        self.remember(shopper, int(rows[at]))
        return True

    def _search(self, shopper: Shopper, wish: Wish, day: int, month: int) -> np.ndarray:
        shop = self.shop
        kind = None if wish.kind is None else shop.kinds[wish.kind]
        brand = shop.brands[wish.brand].name if wish.brand is not None else None
        query = phrase(self.rng, wish, kind, brand, shop.materials)
        if self.rng.random() < shopper.careless * (0.3 if wish.said else 1.3):  # a longer query is typed with more care
            query = misspelt(self.rng, query)
        rows = self.results(wish, day, month)
        self._log("search", 30, query=query, shown=[self.ids[r] for r in rows.tolist()])
        return rows

    def _refined(self, shopper: Shopper, wish: Wish, rows: np.ndarray, liking: np.ndarray, month: int) -> Wish:
        """The same wish said more closely, after what was seen; a vague one becomes a category."""
        rng = self.rng
        if wish.kind is None:
            kind = int(self.shop.kind[rows[int(np.argmax(liking + rng.gumbel(size=len(rows))))]])
            return replace(self._wish_for(shopper, kind, wish.section, wish.occasion, month, None), kind=kind)
        able = [n for n in ("color", "color", "color", "material", "cap", "brand", "feature", "occasion")
                if n not in wish.said and getattr(wish, n) is not None]  # fmt: skip
        return replace(wish, said=wish.said | {pick(rng, able)}) if able else wish

    def _log(self, action: str, seconds: float, product: int | None = None, position: int | None = None,
             query: str | None = None, shown: list[str] | None = None) -> None:  # fmt: skip
        self.clock += timedelta(seconds=2 + int(-seconds * np.log1p(-self.rng.random())))
        columns = self.columns
        columns["session_id"].append(self.session)
        columns["user_id"].append(self.user)
        columns["timestamp"].append(self.clock)
        columns["action"].append(action)
        columns["query"].append(query)
        columns["product_id"].append(None if product is None else self.ids[product])
        columns["shown"].append(shown)
        columns["position"].append(position)


def _opaque(rng: np.random.Generator, prefix: str, count: int) -> list[str]:
    """Distinct names that say nothing of order or number."""
    return [f"{prefix}{n:08x}" for n in rng.permutation(np.unique(rng.integers(0, 2**32, size=2 * count + 16)))[:count]]


def _days(rng: np.random.Generator, visits: int) -> np.ndarray:
    """Days of a shopper's visits: gaps of days to weeks, the whole somewhere in the year; each day at most once."""
    gaps = np.maximum(1, np.exp(rng.normal(2.7, 0.9, size=visits - 1)))
    if gaps.sum() > DAYS - visits - 2:
        gaps *= (DAYS - visits - 2) / gaps.sum()
    days = np.concatenate([[0.0], np.cumsum(np.maximum(gaps, 1.0))])
    return (days + rng.random() * (DAYS - 1 - days[-1])).astype(int)


def simulate(rng: np.random.Generator, shop: Assortment, shoppers: int) -> pl.DataFrame:
    """A year of ``shoppers`` people in this shop, as a log in time order."""
    year = Year(shop, rng)
    visits = 1 + np.searchsorted(np.cumsum(VISITS) / sum(VISITS), rng.random(shoppers), side="right")
    users = _opaque(rng, "u", shoppers)
    sessions = iter(_opaque(rng, "s", int(visits.sum())))
    for user, count in zip(users, visits.tolist(), strict=True):
        shopper = _shopper(rng, shop, user)
        for day in _days(rng, count).tolist():
            year.visit(shopper, next(sessions), day)
    return pl.DataFrame(year.columns, schema=EVENT_SCHEMA).sort("timestamp", maintain_order=True)
