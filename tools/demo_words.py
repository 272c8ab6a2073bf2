"""What the demo shop is made of: categories, colours, looks, and the names of invented brands and lines."""

# ruff: noqa: E501  (tables: a row reads best on one line)

from __future__ import annotations

from dataclasses import dataclass

OCCASIONS = ("casual", "work", "party", "wedding", "sport", "travel", "outdoor")
SEASONS = ("winter", "spring", "summer", "autumn")  # in the order of the months, December first
ALL_YEAR = "spring, summer, autumn, winter"
COLD, WARM, MILD = "autumn, winter", "spring, summer", "spring, autumn"


@dataclass(frozen=True)
class Kind:
    """One category. ``features``: attribute → options, the first attribute may stand in the title; ``follows``: what
    is bought after it, most likely first; ``words``: how shoppers call it, the shop's own word first."""

    name: str
    group: str
    family: str
    departments: str
    sizes: str
    price: float  # EUR, at a brand of the middle tier in an ordinary material
    weight: float  # share of the assortment and of the demand, relative
    materials: tuple[str, ...]
    occasions: tuple[str, ...]
    seasons: tuple[str, ...]
    words: tuple[str, ...]
    follows: tuple[str, ...]
    features: dict[str, tuple[str, ...]]


def _kind(head: str, materials: str, occasions: str, seasons: str, words: str, follows: str, **features: str) -> Kind:
    name, group, family, departments, sizes, price, weight = (part.strip() for part in head.split("|"))
    season = {"all": ALL_YEAR, "cold": COLD, "warm": WARM, "mild": MILD, "winter": "winter", "summer": "summer"}

    def split(text: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in text.split(","))

    return Kind(
        name, group, family, departments, sizes, float(price), float(weight), split(materials),
        tuple(occasions.split()), tuple(season[s] for s in seasons.split()), (name, *split(words)), split(follows),
        {attribute.replace("_", " "): split(options) for attribute, options in features.items()},
    )  # fmt: skip


SLEEVE = "sleeveless, short, long"
HEEL = "flat, low, mid, high"
# head: name | group | family | departments (w m k u) | sizes | price | weight
KINDS = (
    _kind("a-line dress|clothing|dress|w|alpha|75|1.5", "cotton, viscose, linen, polyester", "casual work party wedding", "warm all",
          "a line dress, flared dress, fit and flare dress", "pumps, clutch, earrings, ballet flats, cardigan", sleeve_length=SLEEVE, neckline="v-neck, round neck, square neck"),
    _kind("maxi dress|clothing|dress|w|alpha|92|1.4", "viscose, chiffon, silk, cotton", "party wedding casual travel", "warm all",
          "long dress, gown, floor length dress", "sandals, clutch, earrings, necklace, sun hat", sleeve_length=SLEEVE, neckline="halter neck, v-neck, off-shoulder"),
    _kind("wrap dress|clothing|dress|w|alpha|84|1.1", "viscose, silk, jersey, polyester", "work party wedding casual", "mild all",
          "wraparound dress, tie waist dress", "pumps, necklace, crossbody bag, ankle boots, clutch", sleeve_length=SLEEVE, length="midi, knee-length"),
    _kind("knit dress|clothing|dress|w|alpha|79|0.8", "merino wool, cotton, cashmere", "casual work", "cold",
          "jumper dress, sweater dress, woolly dress", "knee-high boots, belt, ankle boots, scarf", fit="relaxed, slim", neckline="roll neck, round neck"),
    _kind("t-shirt|clothing|top|wmk|alpha|24|1.6", "cotton, organic cotton, jersey, linen", "casual sport travel", "warm all",
          "tee, tshirt, t shirt, tee shirt", "jeans, shorts, sneakers, hoodie, denim jacket", fit="regular, slim, oversized", neckline="crew neck, v-neck"),
    _kind("shirt|clothing|top|wm|alpha|52|1.5", "cotton, linen, flannel, poplin", "work casual wedding", "all warm",
          "button up, button down shirt, dress shirt", "chinos, tie, blazer, belt, loafers", fit="regular, slim, relaxed", collar="button-down, cutaway, band collar"),
    _kind("blouse|clothing|top|w|alpha|49|1.3", "silk, viscose, chiffon, cotton", "work party casual", "all warm",
          "top, dressy top, smart top", "midi skirt, trousers, necklace, pumps, blazer", sleeve_length="short, long", neckline="tie neck, v-neck, round neck"),
    _kind("sweater|clothing|knitwear|wm|alpha|65|1.4", "merino wool, lambswool, cashmere, cotton", "casual work", "cold all",
          "jumper, pullover, knit", "jeans, scarf, wool coat, ankle boots, beanie", neckline="crew neck, roll neck, v-neck", fit="regular, relaxed, oversized"),
    _kind("cardigan|clothing|knitwear|wm|alpha|62|1.0", "merino wool, cotton, cashmere, alpaca", "casual work", "mild cold",
          "cardi, knitted jacket, button up knit", "t-shirt, jeans, a-line dress, scarf", fit="regular, cropped, longline", closure="buttons, open front"),
    _kind("hoodie|clothing|knitwear|wmk|alpha|48|1.2", "cotton, organic cotton, fleece", "casual sport travel", "all cold",
          "hooded sweatshirt, hoody, sweatshirt", "leggings, sneakers, t-shirt, backpack, puffer jacket", fit="regular, oversized", closure="pull-on, zip"),
    _kind("trench coat|clothing|outerwear|wm|alpha|158|1.0", "cotton, gabardine, polyester", "work casual travel", "mild",
          "trench, mac, belted coat", "scarf, ankle boots, tote bag, trousers, loafers", length="short, mid-length, long", closure="double-breasted, single-breasted"),
    _kind("wool coat|clothing|outerwear|wm|alpha|185|1.1", "wool, cashmere, boucle", "work casual", "winter cold",
          "winter coat, overcoat, woollen coat", "scarf, gloves, beanie, knee-high boots, chelsea boots", fit="tailored, oversized", closure="double-breasted, single-breasted, belted"),
    _kind("puffer jacket|clothing|outerwear|wmk|alpha|128|1.2", "recycled nylon, down, polyester", "casual outdoor travel", "winter cold",
          "down jacket, padded jacket, quilted jacket, puffer", "beanie, gloves, hiking boots, scarf, hoodie", length="cropped, hip-length, long", closure="zip"),
    _kind("denim jacket|clothing|outerwear|wm|alpha|78|0.9", "denim, organic cotton", "casual travel", "mild warm",
          "jean jacket, jeans jacket, denim coat", "t-shirt, sneakers, jeans, maxi dress", fit="regular, cropped, oversized", closure="buttons"),
    _kind("leather jacket|clothing|outerwear|wm|alpha|229|0.8", "leather, suede", "casual party", "mild cold",
          "biker jacket, moto jacket", "jeans, ankle boots, t-shirt, sunglasses", fit="slim, regular", closure="zip"),
    _kind("rain jacket|clothing|outerwear|wmk|alpha|98|0.9", "recycled nylon, polyester, rubber", "outdoor travel sport", "mild all",
          "raincoat, waterproof jacket, anorak", "hiking boots, backpack, beanie, sweater", fit="regular, relaxed", closure="zip, snap buttons"),
    _kind("blazer|clothing|tailoring|wm|alpha|129|1.3", "wool, linen, cotton, polyester", "work wedding party", "all mild",
          "suit jacket, sport coat, tailored jacket", "trousers, shirt, blouse, loafers, belt", fit="tailored, relaxed, slim", closure="single-breasted, double-breasted"),
    _kind("suit|clothing|tailoring|wm|alpha|289|0.9", "wool, linen, polyester", "work wedding", "all",
          "two piece suit, trouser suit, formal suit", "shirt, belt, tie, oxford shoes, pumps", fit="slim, tailored, relaxed", closure="single-breasted, double-breasted"),
    _kind("jeans|clothing|bottom|wmk|waist|72|1.7", "denim, organic cotton", "casual travel", "all",
          "denim, denims, jean", "t-shirt, belt, sneakers, sweater, ankle boots", fit="skinny, slim, straight, wide-leg", rise="mid-rise, high-rise"),
    _kind("chinos|clothing|bottom|wm|waist|58|1.0", "cotton, organic cotton, linen", "work casual travel", "all warm",
          "chino trousers, khakis, chino pants", "shirt, loafers, belt, polo shirt", fit="slim, regular, tapered", rise="mid-rise"),
    _kind("trousers|clothing|bottom|wm|waist|69|1.2", "wool, viscose, linen, polyester", "work casual party", "all",
          "pants, slacks, dress pants", "blouse, blazer, loafers, shirt, belt", fit="straight, wide-leg, tapered", rise="mid-rise, high-rise"),
    _kind("leggings|clothing|bottom|w|alpha|38|0.8", "recycled nylon, cotton, jersey", "sport casual", "all",
          "tights, yoga pants, workout leggings", "running shoes, hoodie, t-shirt, backpack", rise="high-rise, mid-rise", length="7/8, full-length"),
    _kind("shorts|clothing|bottom|wmk|waist|39|0.9", "cotton, linen, denim", "casual travel sport", "summer warm",
          "short pants, bermudas", "t-shirt, sandals, sunglasses, sneakers", fit="regular, relaxed", length="short, knee-length"),
    _kind("midi skirt|clothing|skirt|w|alpha|59|1.2", "viscose, wool, cotton, silk", "work casual party", "all warm",
          "skirt, mid length skirt, a line skirt", "blouse, sweater, ankle boots, pumps, belt", silhouette="pleated, pencil, wrap", closure="zip, elastic waist"),
    _kind("polo shirt|clothing|top|mk|alpha|44|0.8", "cotton, pique cotton, merino wool", "casual work sport", "warm all",
          "polo, polo top, golf shirt", "chinos, shorts, loafers, sunglasses", fit="regular, slim", sleeve_length="short, long"),
    _kind("ankle boots|footwear|boots|w|shoe|119|1.9", "leather, suede, nubuck, microfiber", "casual work party", "cold all",
          "booties, short boots, ankle booties, boots", "jeans, midi skirt, belt, wool coat, tote bag", heel_height=HEEL, closure="zip, lace-up"),
    _kind("chelsea boots|footwear|boots|wm|shoe|129|1.4", "leather, suede, rubber, nubuck", "casual work", "cold all",
          "chelseas, slip on boots, pull on boots", "jeans, belt, trench coat, sweater, scarf", heel_height="flat, low, mid", closure="pull-on"),
    _kind("knee-high boots|footwear|boots|w|shoe|165|0.8", "leather, suede, microfiber", "casual work party", "cold winter",
          "tall boots, knee boots, long boots", "knit dress, midi skirt, wool coat, gloves", heel_height=HEEL, closure="zip, pull-on"),
    _kind("hiking boots|footwear|boots|wm|shoe|139|0.8", "nubuck, leather, recycled nylon", "outdoor travel sport", "all cold",
          "walking boots, trekking boots, hikers", "backpack, rain jacket, beanie, puffer jacket", height="mid-cut, high-cut", closure="lace-up"),
    _kind("sneakers|footwear|trainers|wmk|shoe|89|1.9", "leather, canvas, suede, mesh", "casual sport travel", "all warm",
          "trainers, kicks, tennis shoes, casual shoes", "jeans, hoodie, t-shirt, backpack, shorts", sole="flat sole, chunky sole, platform", closure="lace-up, slip-on"),
    _kind("running shoes|footwear|trainers|wmk|shoe|115|1.0", "mesh, recycled nylon", "sport outdoor", "all",
          "runners, jogging shoes, gym shoes", "leggings, t-shirt, shorts, backpack, hoodie", sole="cushioned, lightweight, trail", closure="lace-up"),
    _kind("pumps|footwear|heels|w|shoe|99|1.3", "leather, suede, satin, microfiber", "party work wedding", "all",
          "heels, court shoes, high heels, stilettos", "clutch, earrings, a-line dress, blazer, necklace", heel_height="low, mid, high", toe="pointed toe, round toe, almond toe"),
    _kind("loafers|footwear|flats|wm|shoe|109|1.3", "leather, suede, nubuck", "work casual", "all mild",
          "slip ons, penny loafers, moccasins", "chinos, trousers, belt, blazer, tote bag", heel_height="flat, low", detail="penny, tassel, horsebit"),
    _kind("ballet flats|footwear|flats|w|shoe|79|0.9", "leather, suede, satin, mesh", "casual work wedding", "warm all",
          "ballerinas, flats, ballet pumps", "midi skirt, a-line dress, tote bag, jeans", toe="round toe, pointed toe", detail="bow, ankle strap, plain"),
    _kind("oxford shoes|footwear|flats|m|shoe|149|0.8", "leather, suede", "work wedding", "all",
          "oxfords, dress shoes, lace up shoes", "belt, suit, tie, trousers", detail="cap-toe, brogue, plain-toe", closure="lace-up"),
    _kind("sandals|footwear|sandal|wmk|shoe|69|1.3", "leather, cork, raffia, microfiber", "casual travel party", "summer warm",
          "summer shoes, strappy sandals, slides", "sun hat, sunglasses, maxi dress, tote bag, shorts", heel_height="flat, low, mid, high", closure="buckle, slip-on"),
    _kind("backpack|luggage and bags|bag|uk|one|89|1.3", "recycled nylon, canvas, leather, polyester", "travel outdoor casual work", "all",
          "rucksack, knapsack, day pack, laptop bag", "carry-on, rain jacket, wallet, sneakers", closure="roll-top, zip, drawstring", capacity="14 l, 20 l, 28 l"),
    _kind("tote bag|luggage and bags|bag|wu|one|98|1.3", "leather, canvas, raffia, suede", "work casual travel", "all warm",
          "tote, shopper, handbag, shoulder bag", "wallet, scarf, sunglasses, loafers", size_of_bag="large, medium", closure="zip, magnetic snap, open top"),
    _kind("crossbody bag|luggage and bags|bag|wu|one|85|1.2", "leather, suede, recycled nylon, canvas", "casual travel party", "all",
          "cross body bag, sling bag, messenger bag", "wallet, sunglasses, bracelet, sneakers", size_of_bag="mini, small, medium", closure="zip, flap"),
    _kind("clutch|luggage and bags|bag|w|one|65|1.1", "satin, leather, velvet, suede", "party wedding", "all",
          "evening bag, clutch bag, pochette", "earrings, bracelet, pumps, necklace", closure="kiss-lock, magnetic snap, zip", strap="chain strap, wrist strap"),
    _kind("suitcase|luggage and bags|luggage|u|one|179|0.9", "polycarbonate, aluminium, recycled nylon", "travel", "all",
          "trolley, check in luggage, luggage, travel case", "carry-on, weekender, backpack, sunglasses", shell="hard-shell, soft-shell", capacity="65 l, 80 l, 98 l"),
    _kind("carry-on|luggage and bags|luggage|u|one|139|1.0", "polycarbonate, aluminium, recycled nylon", "travel work", "all",
          "cabin bag, carry on, hand luggage, cabin case", "suitcase, backpack, weekender, wallet", shell="hard-shell, soft-shell", capacity="34 l, 38 l, 42 l"),
    _kind("weekender|luggage and bags|luggage|u|one|129|0.8", "canvas, leather, recycled nylon", "travel", "all",
          "duffel bag, holdall, weekend bag, overnight bag", "carry-on, wallet, sneakers, sunglasses", capacity="32 l, 40 l, 48 l", closure="zip"),
    _kind("belt|accessories|leather goods|wm|belt|45|1.1", "leather, suede, canvas", "casual work", "all",
          "waist belt, leather belt, trouser belt", "chinos, wallet, loafers, jeans", buckle="pin buckle, plate buckle", width="narrow, wide"),
    _kind("wallet|accessories|leather goods|wu|one|55|0.8", "leather, recycled nylon, canvas", "casual work travel", "all",
          "purse, card holder, billfold", "belt, crossbody bag, backpack, watch", shape="bifold, zip-around, slim"),
    _kind("scarf|accessories|soft accessories|u|one|42|1.1", "merino wool, cashmere, silk, cotton", "casual work outdoor", "cold winter mild",
          "shawl, wrap, muffler", "gloves, beanie, wool coat, trench coat", shape="long, square, oversized"),
    _kind("beanie|accessories|headwear|uk|one|26|0.9", "merino wool, cotton, cashmere", "casual outdoor sport", "winter cold",
          "knit hat, winter hat, wool hat", "gloves, scarf, puffer jacket", knit="ribbed, cable-knit, fine-knit"),
    _kind("sun hat|accessories|headwear|wu|one|36|0.7", "raffia, straw, cotton", "travel casual outdoor", "summer warm",
          "straw hat, summer hat, bucket hat, hat", "sunglasses, sandals, maxi dress, tote bag", brim="wide-brim, short-brim"),
    _kind("gloves|accessories|soft accessories|wm|belt|39|0.7", "leather, merino wool, cashmere", "casual work outdoor", "winter",
          "winter gloves, leather gloves, mittens", "scarf, beanie, wool coat", lining="lined, unlined"),
    _kind("sunglasses|accessories|eyewear|u|one|95|1.0", "acetate, metal, recycled nylon", "casual travel outdoor", "summer warm",
          "shades, sunnies, sun glasses", "sun hat, sandals, tote bag, watch", frame="round, cat-eye, aviator, square"),
    _kind("tie|accessories|soft accessories|m|one|39|0.7", "silk, wool, linen", "work wedding", "all",
          "necktie, silk tie", "shirt, watch, oxford shoes, suit", width="slim, classic"),
    _kind("watch|accessories|timepiece|u|one|169|0.9", "leather, stainless steel, titanium", "work casual party", "all",
          "wristwatch, wrist watch, timepiece", "bracelet, belt, wallet, sunglasses", dial="round dial, square dial", display="analogue, chronograph"),
    _kind("necklace|jewelry|jewelry|w|one|59|1.1", "stainless steel, brass, freshwater pearl, crystal", "party wedding work casual", "all",
          "chain, pendant, choker", "earrings, bracelet, ring", shape="pendant, chain, layered"),
    _kind("earrings|jewelry|jewelry|w|one|45|1.2", "stainless steel, brass, freshwater pearl, crystal", "party wedding casual work", "all",
          "hoops, studs, drop earrings, ear rings", "necklace, ring, bracelet", shape="hoop, stud, drop"),
    _kind("ring|jewelry|jewelry|wm|ring|49|0.9", "stainless steel, brass, titanium, crystal", "party casual wedding", "all",
          "band, signet ring, stacking ring", "bracelet, earrings, watch, necklace", shape="signet, stacking, solitaire"),
    _kind("bracelet|jewelry|jewelry|wu|one|49|0.9", "stainless steel, brass, leather, freshwater pearl", "party casual work", "all",
          "bangle, cuff, wristband", "necklace, ring, watch, earrings", shape="bangle, chain, cuff"),
)  # fmt: skip

# colour: code in product ids, colour words shoppers use, colours that look near, colours that harmonise
_COLORS = """
black|BLK|black|grey navy|white cream red gold silver camel grey pink
white|WHT|white|cream|black navy blue red olive tan light blue
cream|CRM|cream, ivory, off white|white beige|camel brown navy olive burgundy rust
grey|GRY|grey, gray|black silver|black white pink navy burgundy lavender
beige|BGE|beige, nude, sand|cream camel tan|white brown navy black rust
camel|CML|camel|tan beige brown|black cream navy burgundy white
tan|TAN|tan, cognac|camel brown|navy white blue olive cream
brown|BRN|brown, chocolate|tan camel|cream beige rust light blue olive
navy|NVY|navy, navy blue, dark blue|blue black|white camel tan red cream beige grey
blue|BLU|blue|navy light blue|white tan grey brown orange
light blue|LBL|light blue, baby blue|blue|white navy brown beige pink
red|RED|red|burgundy|black navy white gold
burgundy|BUR|burgundy, wine red, maroon|red|camel cream grey navy gold pink
pink|PNK|pink, blush|lavender|grey black light blue burgundy white green
green|GRN|green, emerald|olive|gold cream black pink navy
olive|OLV|olive, khaki|green|cream tan brown rust white black
mustard|MST|mustard, yellow|orange gold|navy brown olive grey
orange|ORG|orange, coral|rust mustard|navy blue white
rust|RST|rust, terracotta|orange brown|cream olive beige navy
lavender|LAV|lavender, lilac, purple|pink|grey white silver navy
gold|GLD|gold|rose gold mustard|black green burgundy cream red
silver|SLV|silver|grey|black grey lavender navy white
rose gold|RGD|rose gold|gold pink|pink grey cream burgundy
"""


@dataclass(frozen=True)
class Hue:
    name: str
    code: str
    words: tuple[str, ...]
    near: tuple[str, ...]
    harmony: tuple[str, ...]


def _hues() -> tuple[Hue, ...]:
    rows = [line.split("|") for line in _COLORS.strip().splitlines()]
    names = sorted((row[0] for row in rows), key=len, reverse=True)  # longest first: "rose gold" before "gold"

    def named(text: str) -> tuple[str, ...]:
        found = []
        for name in names:
            if f" {name} " in f" {text} ":
                found.append(name)
                text = f" {text} ".replace(f" {name} ", "  ")
        return tuple(found)

    return tuple(Hue(n, c, tuple(w.split(", ")), named(near), named(goes)) for n, c, w, near, goes in rows)


HUES = _hues()
METALS = ("gold", "silver", "rose gold")
# What the material adds to the price, where it is not an ordinary one.
MATERIAL_PRICE = {
    "silk": 1.45, "cashmere": 1.9, "merino wool": 1.25, "wool": 1.15, "alpaca": 1.3, "leather": 1.25, "suede": 1.15,
    "nubuck": 1.12, "down": 1.35, "aluminium": 1.8, "polycarbonate": 1.1, "titanium": 1.35, "freshwater pearl": 1.4,
    "crystal": 1.2, "polyester": 0.85, "microfiber": 0.78, "rubber": 0.7, "jersey": 0.9, "brass": 0.9, "fleece": 0.9,
}  # fmt: skip


@dataclass(frozen=True)
class Look:
    name: str
    colors: tuple[str, ...]
    patterns: tuple[str, ...]
    occasions: tuple[str, ...]
    phrase: str


LOOKS = (
    Look("minimal", ("black", "white", "grey", "beige", "navy", "cream", "silver"), ("solid",), ("work", "casual"), "pared back to clean lines"),
    Look("classic", ("navy", "camel", "burgundy", "white", "tan", "black", "gold"), ("solid", "striped", "checked"), ("work", "wedding"), "cut to a shape that does not date"),
    Look("romantic", ("pink", "cream", "lavender", "light blue", "burgundy", "rose gold", "white"), ("floral", "solid", "polka dot"), ("party", "wedding"), "soft in line and detail"),
    Look("street", ("black", "olive", "white", "grey", "orange", "blue", "silver"), ("solid", "colour block"), ("casual", "sport"), "made for the pavement"),
    Look("sporty", ("blue", "white", "red", "black", "green", "grey", "silver"), ("solid", "striped", "colour block"), ("sport", "travel"), "light and ready to move"),
    Look("outdoor", ("olive", "rust", "navy", "brown", "mustard", "tan", "green"), ("solid", "checked"), ("outdoor", "travel"), "built for weather"),
    Look("boho", ("rust", "mustard", "cream", "tan", "olive", "orange", "gold"), ("floral", "paisley", "solid"), ("casual", "travel"), "loose, warm and a little wandering"),
    Look("glam", ("black", "gold", "red", "green", "silver", "burgundy", "rose gold"), ("solid", "animal print", "polka dot"), ("party", "wedding"), "made to be noticed"),
)  # fmt: skip
PLAIN = ("leather", "suede", "nubuck", "polycarbonate", "aluminium", "raffia", "straw", "down", "cork")  # never printed
PATTERNED = ("dress", "top", "skirt", "soft accessories", "knitwear", "outerwear", "bag", "headwear")

# brand: code, tier (0 value … 3 luxury), range, departments. Brands stand in pairs: each is the other's sister.
_BRANDS = """
Aldervane AV 2 house wm|Maristow MW 2 house wm|Corvelle CV 1 house w|Tessaline TS 1 house w|Hartwynn HW 2 house m|Brackley&Fenn BF 2 house m
Norrvik NV 1 active wm|Fjellmark FJ 1 active wm|Lumenia LU 1 shine w|Perlanthe PL 2 shine w|Ostrelle OS 3 house w|Vautremont VM 3 house wm
Kestora KS 0 house wmk|Plainfolk PF 0 house wmk|Solvanne SV 1 house w|Mirabeau&Lune ML 1 house w|Dunmorrow DM 1 feet wm|Cobblewick CW 1 feet wm
Tramontel TM 2 travel u|Voyarne VY 2 travel u|Zephrine ZP 0 house w|Coralune CL 0 house w|Ironvale IV 0 house m|Stoddren SD 0 house m
Pacerra PC 1 active wmk|Velotrek VT 1 active wmk|Belmarche BM 3 feet wm|Scarpavento SC 3 feet wm|Wrenfield WF 1 house wm|Thistlemoor TH 1 house wm
Calanthe&Co CC 2 shine wm|Orivelle OV 2 shine w|Nomadry ND 1 travel u|Harbourline HL 1 travel u|Tinkerlark TK 0 kids k|Pebblehop PH 1 kids k
Edenrook ER 2 house w|Sablewood SW 2 house m|Juniperra JP 1 house w|Rosavelt RV 1 house w|Graftonby GB 1 house m|Merrowdale MD 1 house m
Quillan&Rye QR 2 feet wm|Lastmere LM 0 feet wm|Astoriana AS 3 house w|Delacourte-Voss DV 3 house m|Skylarke SK 0 shine w|Gildhaven GH 1 shine wm
"""


@dataclass(frozen=True)
class Brand:
    name: str
    code: str
    tier: int
    range: str
    departments: str


BRANDS = tuple(
    Brand(name.replace("&", " & "), code, int(tier), ranged, departments)
    for line in _BRANDS.strip().splitlines()
    for name, code, tier, ranged, departments in (entry.split() for entry in line.split("|"))
)
TIER_PRICE = (0.58, 1.0, 1.6, 2.7)
RANGES = {
    "house": ("clothing", "footwear", "luggage and bags", "accessories"),
    "active": ("clothing", "footwear", "luggage and bags", "accessories"),
    "feet": ("footwear", "luggage and bags", "accessories"),
    "travel": ("luggage and bags", "accessories"),
    "shine": ("jewelry", "accessories", "luggage and bags"),
    "kids": ("clothing", "footwear", "luggage and bags", "accessories"),
}
RANGE_LOOKS = {"active": ("sporty", "outdoor", "street"), "travel": ("minimal", "outdoor", "classic")}
LINES = (
    "Camden Orla Linden Marlow Tarn Isolde Quay Bramble Sienna Harlow Wick Elara Fenwick Ravello Nordby Cassia Juno Pemberley Alder Soren "
    "Mistral Odette Kinsale Verity Calder Lumi Ashby Rosalind Tamsin Dover Halden Estelle Brook Corrin Vesper Ludlow Amara Finch Selwyn Oriel "
    "Hythe Mirren Astrid Cove Delphine Rowan Stellan Wren Arden Bellamy Clio Darrow Eskdale Fleur Greer Hollis Inez Jarrow Keld Lark "
    "Maren Nell Otto Petra Quill Rigby Sable Thea Una Vale Willa Xanthe Yarrow Zora Ambrose Birch Celeste Dune Elm Freya "
    "Garnet Heath Iris Jasper Kit Leith Moss Nova Opal Piper Reed Saffron Tamar Umbria Viola Weald Yvette Zinnia Aria Blythe "
    "Carrow Dahlia Ember Forth Glen Hazel Islay Jura Kerr Lorne Mull Nairn Orkney Perth Rhona Skye Tay Uist Voe Wade "
    "Almond Basil Clove Dill Fennel Ginger Hyssop Indra Jonquil Kale Laurel Myrtle Nettle Orrin Poppy Quince Rue Sorrel Tansy Verbena "
    "Anker Bergen Drammen Espen Falun Gavle Holm Ivar Kalmar Lund Malmo Narvik Osby Pitea Rana Skara Tromso Umea Varde Ystad "
    "Amalfi Bari Capri Dorsa Elba Fiesole Garda Lecce Modena Noto Ostuni Parma Ronda Savona Trani Urbino Varese Zadar Toledo Cadiz"
).split()
