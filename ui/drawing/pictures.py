# ruff: noqa: E501 -- SVG paths are read as one line each
"""Pictures of products, drawn as SVG from what the catalogue says: kind of thing, colours, print, cloth, cut.

The shop's own images may lie on servers elsewhere; the chat page asks nothing of the outside, so it draws.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from html import escape

from shopping_assistant.ui.drawing import shapes_accessories as acc
from shopping_assistant.ui.drawing import shapes_clothing as wear
from shopping_assistant.ui.drawing import shapes_shoes as shoe
from shopping_assistant.ui.drawing.pen import HEIGHT, WIDTH, Pen
from shopping_assistant.ui.drawing.swatches import (
    Ink,
    brightness,
    colours_in,
    ink_for,
    mix,
    pattern_in,
    pattern_svg,
    some_colour,
    texture_in,
)  # fmt: skip

Silhouette = Callable[[Pen, frozenset[str]], None]

# The words shops use for a kind of thing, in the singular. The last word of a name decides ("shirt dress" is a dress),
# the longest phrase that ends there first ("vest top", "t-shirt dress").
_WORDS: dict[Silhouette, str] = {
    wear.dress_a_line: "dress|a-line dress|skater dress|sundress|frock|gown|tea dress|midi dress|mini dress|lehenga|lehenga choli",
    wear.dress_maxi: "maxi dress|evening gown|ball gown|evening dress|long dress",
    wear.dress_sheath: "sheath dress|bodycon dress|pencil dress|shift dress|tube dress|sheath",
    wear.dress_wrap: "wrap dress", wear.dress_shirt: "shirt dress|shirtdress|shirtwaister",
    wear.dress_slip: "slip dress|nightdress|night gown|nightgown|underdress|baby doll|cami dress|chemise|slip",
    wear.dress_sweater: "sweater dress|jumper dress|knit dress|knitted dress|t-shirt dress",
    wear.jumpsuit: "jumpsuit|playsuit|romper|catsuit|jumpsuit/playsuit|overall|outdoor overall|sleep bag|sleeping sack|"
                   "pyjama jumpsuit/playsuit",
    wear.dungarees: "dungaree|dungarees|overalls|pinafore", wear.kurta: "kurta|kurti|tunic|kaftan|caftan|kurta set|abaya",
    wear.sari: "saree|sari|dupatta|sarong|salwar and dupatta",
    wear.t_shirt: "t-shirt|tshirt|tee|top|crop top|sport top|jersey|tops|lounge tshirt|costume|football shirt|garment set|"
                  "clothing set|kids underwear top",
    wear.long_sleeved_top: "long-sleeved top|longsleeve|long sleeve top|long-sleeve t-shirt|base layer|thermal top|rash vest",
    wear.vest_top: "vest top|tank top|tank|camisole|cami|innerwear vest|singlet|strap top|vest|bustier|corset|underwear corset|tube top",
    wear.polo: "polo|polo shirt", wear.shirt: "shirt|overshirt|oxford shirt|flannel shirt|dress shirt",
    wear.blouse: "blouse|tie blouse",
    wear.sweater: "sweater|jumper|pullover|knitwear|turtleneck|roll neck|knit|shrug|polo neck",
    wear.sweatshirt: "sweatshirt|fleece", wear.cardigan: "cardigan|bolero", wear.hoodie: "hoodie|hooded sweatshirt|hoody|hooded top",
    wear.blazer: "blazer|suit|sport coat|suit jacket|tuxedo|dinner jacket|nehru jacket",
    wear.waistcoat: "waistcoat|tailored waistcoat|suit vest",
    wear.coat: "coat|trench|trench coat|overcoat|peacoat|parka|raincoat|mac|wool coat|duster|rain jacket|duffle coat",
    wear.puffer: "puffer|puffer jacket|down jacket|padded jacket|quilted jacket|anorak|ski jacket|puffer coat|down coat",
    wear.gilet: "gilet|puffer vest|body warmer|bodywarmer|outdoor waistcoat|padded vest|down vest",
    wear.jacket: "jacket|bomber|bomber jacket|biker jacket|denim jacket|leather jacket|windbreaker|jean jacket|trucker jacket|"
                 "tracksuit|track jacket|shacket",
    wear.cape: "cape|poncho|capelet|stole|wrap|shawl",
    wear.skirt: "skirt|a-line skirt|mini skirt|midi skirt|maxi skirt|pleated skirt|pencil skirt|skort|tutu|kilt",
    wear.trousers: "trouser|trousers|pant|pants|chino|chinos|culotte|culottes|capri|capris|cargo|cargos|slack|slacks|"
                   "palazzo|outdoor trouser|rain trouser|lounge pant|patiala|salwar|cargo pant|dress pant",
    wear.jeans: "jean|jeans", wear.joggers: "jogger|joggers|sweatpant|sweatpants|track pant|tracksuit bottom|pyjama bottom|"
                                            "lounge trouser|jogging bottom",
    wear.leggings: "legging|leggings|jegging|jeggings|leggings/tights|churidar|treggings|yoga pant|long john|cycling short|shapewear",
    wear.shorts: "short|shorts|bermuda|bermudas|swim short|board short|swim trunk|lounge short|denim short",
    wear.bra: "bra|bralette|sports bra|nipple cover|bra extender|lingerie",
    wear.briefs: "brief|briefs|boxer|boxers|trunk|trunks|panty|panties|thong|knickers|underwear bottom|underwear|underpants|hipster|"
                 "swimwear bottom|bikini bottom|underwear set|swim brief",
    wear.bikini_top: "bikini top|swimwear top", wear.bikini: "bikini|swimwear set|bikini set|swimwear",
    wear.swimsuit: "swimsuit|one-piece|bathing suit|tankini|swimming costume",
    wear.bodysuit: "bodysuit|body|underwear body|leotard|body suit",
    wear.pyjamas: "pyjama|pyjamas|pajama|pajamas|pyjama set|nightwear|night suit|loungewear|sleepwear|pajama set",
    wear.robe: "robe|bathrobe|dressing gown|bath robe|kimono", wear.socks: "sock|socks|ankle sock|leg warmer",
    wear.tights: "tight|tights|stocking|stockings|pantyhose|underwear tights|hosiery",
    shoe.sneaker: "sneaker|trainer|running shoe|sports shoe|casual shoe|tennis shoe|training shoe|gym shoe|plimsoll|kicks|"
                  "athletic shoe|skate shoe|shoe|other shoe|pre-walker|footwear|walking shoe",
    shoe.ankle_boot: "ankle boot|bootie|booty|boot|shoe boot|heeled boot|western boot|cowboy boot",
    shoe.chelsea_boot: "chelsea boot|chelsea|dealer boot",
    shoe.tall_boot: "tall boot|knee boot|knee-high boot|riding boot|knee high boot|over-the-knee boot|thigh-high boot|long boot|"
                    "over the knee boot",
    shoe.hiking_boot: "hiking boot|hiking shoe|walking boot|trekking boot|snow boot|winter boot|trail shoe|outdoor boot",
    shoe.lace_up_boot: "lace-up boot|combat boot|biker boot|desert boot|chukka boot|work boot|chukka|lace up boot",
    shoe.rain_boot: "rain boot|wellington|wellington boot|wellie|rubber boot|gumboot",
    shoe.pump: "pump|heel|heels|stiletto|court shoe|high heel|slingback|mary jane|kitten heel|party shoe",
    shoe.loafer: "loafer|moccasin|mocassin|driving shoe|slip-on|boat shoe|penny loafer",
    shoe.lace_up_shoe: "oxford|derby|brogue|monk shoe|formal shoe|lace-up shoe|dress shoe|oxford shoe|derby shoe|monk strap|business shoe",
    shoe.ballet_flat: "flat|flats|ballerina|ballet flat|flat shoe|ballet pump|ballet shoe|ballet",
    shoe.sandal: "sandal|sports sandal|gladiator|gladiator sandal|flat sandal|fisherman sandal",
    shoe.heeled_sandal: "heeled sandal|strappy sandal|high-heeled sandal|block heel sandal",
    shoe.wedge: "wedge|espadrille|espadrille wedge|wedge sandal|platform sandal",
    shoe.flip_flop: "flip flop|flip-flop|thong sandal|pool slide|beach sandal",
    shoe.slipper: "slipper|mule|clog|slide|bootee|house shoe",
    acc.tote: "tote|tote bag|shopper|shopping bag|shopper bag|bag|beach bag|canvas bag|basket bag",
    acc.handbag: "handbag|satchel|shoulder bag|top-handle bag|hand bag|purse|hobo|bucket bag|hobo bag|baguette bag",
    acc.crossbody: "crossbody|cross-body bag|crossbody bag|saddle bag|camera bag|sling bag|mini bag",
    acc.clutch: "clutch|clutch bag|evening bag|pouch|minaudiere|mobile pouch|make-up bag|toiletry bag|wash bag|washing bag|envelope bag",
    acc.backpack: "backpack|rucksack|daypack|school bag|day pack",
    acc.duffel: "duffel|duffel bag|duffle|duffle bag|weekender|weekend bag|weekend/gym bag|gym bag|holdall|travel bag|weekender bag",
    acc.suitcase: "suitcase|luggage|trolley|trolley bag|luggage set|check-in|checked suitcase|spinner|travel accessory|trunk case",
    acc.carry_on: "carry-on|carry on|cabin case|cabin suitcase|cabin bag|carry-on suitcase|carry-on case|cabin trolley|carryon",
    acc.briefcase: "briefcase|laptop bag|messenger bag|messenger|work bag|laptop case|document bag|tablet sleeve",
    acc.belt_bag: "belt bag|bumbag|fanny pack|waist bag|waist pouch|bum bag|hip bag",
    acc.wallet: "wallet|cardholder|card holder|card case|coin purse|passport holder|passport cover|key ring|keyring|keychain|key chain|"
                "mobile case|ipad|wireless earphone case",
    acc.belt: "belt|brace|braces|suspender|suspenders|waist belt",
    acc.scarf: "scarf|scarve|muffler|bandana|snood|foulard|neckerchief|pashmina|blanket|towel|infinity scarf",
    acc.hat: "hat|fedora|panama|panama hat|sun hat|straw hat|trilby|hat/brim|felt hat|floppy hat|boater",
    acc.bucket_hat: "bucket hat|fisherman hat", acc.cap: "cap|baseball cap|visor|cap/peaked|trucker cap|snapback|flat cap",
    acc.beanie: "beanie|hat/beanie|bobble hat|knit hat|knitted hat|woolly hat|winter hat|beret",
    acc.headband: "headband|alice band|hair/alice band|hairband|hair band|fascinator|tiara|earmuff",
    acc.hair_clip: "hair clip|barrette|hair slide|hair string|hair tie|scrunchie|hair accessory|hair claw|comb",
    acc.sunglasses: "sunglass|sunglasses|eyeglass|eyeglasses|glasses|eyewear|aviator|spectacle|goggle",
    acc.watch: "watch|wristwatch|smartwatch|chronograph|watche", acc.gloves: "glove|gloves|mitten",
    acc.tie: "tie|necktie|bow tie|bowtie|cravat", acc.umbrella: "umbrella|parasol",
    acc.necklace: "necklace|pendant|chain|choker|locket|pendant necklace|necklace and chain",
    acc.earrings: "earring|stud|stud earring|hoop|hoop earring|drop earring|ear cuff|hoops|jhumka",
    acc.ring: "ring|signet ring|signet|band ring|engagement ring", acc.jewelry_set: "jewellery set|jewelry set|jewellery|jewelry",
    acc.bracelet: "bracelet|bangle|cuff bracelet|anklet|charm bracelet|wristband|cuff",
    acc.brooch: "brooch|pin|cufflink|cuff link|tie clip|cufflinks|ties and cufflink",
    acc.bottle: "perfume|perfume and body mist|deodorant|nail polish|lipstick|lip gloss|fragrance gift set|cosmetic|foundation|"
                "foundation and primer|body lotion|waterbottle|water bottle|clothing mist|fine cosmetic|hair colour|mascara|"
                "face moisturiser|shampoo|kajal and eyeliner|sunscreen|fragrance|lotion|stain remover spray",
}  # fmt: skip
_KIND = {word: silhouette for silhouette, words in _WORDS.items() for word in words.split("|")}
_KIND_WORD = re.compile(
    r"(?<![\w-])(" + "|".join(sorted(map(re.escape, _KIND), key=len, reverse=True)) + r")(?:es|s)?(?![\w])"
)
# Words that name a family only: the title may say more ("Boots" in the category, "Chelsea" in the title).
_FAMILY = {
    "dress": "dress_", "boot": "boot", "shoe": "shoe", "other shoe": "shoe", "bag": "bag", "jacket": "outer", "coat": "outer",
    "top": "top", "sandal": "sandal", "hat": "hat", "trouser": "leg", "pant": "leg", "trousers": "leg", "heel": "shoe",
    "pants": "leg", "sweater": "knit", "flat shoe": "shoe", "luggage": "case", "suitcase": "case", "jewellery": "jewel",
    "jewelry": "jewel", "footwear": "shoe", "skirt": "", "swimwear": "swim", "heels": "shoe", "casual shoe": "shoe",
    "formal shoe": "shoe", "tshirt": "top", "t-shirt": "top", "flats": "shoe", "flat": "shoe", "hat/beanie": "hat", "handbag": "bag", "necklace": "",
}  # fmt: skip
_FAMILIES: dict[str, tuple[Silhouette, ...]] = {
    "dress_": (wear.dress_a_line, wear.dress_maxi, wear.dress_sheath, wear.dress_wrap, wear.dress_shirt, wear.dress_slip,
               wear.dress_sweater),
    "boot": (shoe.ankle_boot, shoe.chelsea_boot, shoe.tall_boot, shoe.hiking_boot, shoe.lace_up_boot, shoe.rain_boot),
    "shoe": (shoe.sneaker, shoe.pump, shoe.loafer, shoe.lace_up_shoe, shoe.ballet_flat, shoe.wedge, shoe.slipper,
             shoe.hiking_boot, shoe.sandal, shoe.heeled_sandal),
    "sandal": (shoe.sandal, shoe.heeled_sandal, shoe.wedge, shoe.flip_flop),
    "bag": (acc.tote, acc.handbag, acc.crossbody, acc.clutch, acc.backpack, acc.duffel, acc.briefcase, acc.belt_bag, acc.suitcase),
    "outer": (wear.coat, wear.puffer, wear.gilet, wear.jacket, wear.cape, wear.blazer),
    "top": (wear.t_shirt, wear.vest_top, wear.long_sleeved_top, wear.polo, wear.blouse, wear.shirt, wear.bodysuit),
    "leg": (wear.trousers, wear.jeans, wear.joggers, wear.leggings, wear.shorts),
    "knit": (wear.sweater, wear.cardigan, wear.hoodie, wear.sweatshirt), "case": (acc.suitcase, acc.carry_on),
    "hat": (acc.hat, acc.bucket_hat, acc.cap, acc.beanie),
    "jewel": (acc.necklace, acc.earrings, acc.ring, acc.bracelet, acc.brooch, acc.watch),
    "swim": (wear.bikini, wear.bikini_top, wear.swimsuit, wear.shorts, wear.briefs),
}  # fmt: skip
_CUTS = re.compile(r"\s(?:in|with|for|from|by|of)\s|,|\s-\s|\(")
_GARMENT = re.compile(r"\b(garment|apparel|cloth\w*|wear|ladies|menswear|womenswear)\b")


@lru_cache(maxsize=65536)
def _last_kind(text: str) -> tuple[str, Silhouette] | None:
    words = [match[1] for match in _KIND_WORD.finditer(text)]
    return (words[-1], _KIND[words[-1]]) if words else None


def _text(value: object) -> str:
    if value is None:
        return ""
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)


def silhouette(category: str, title: str, rest: str = "") -> Silhouette:
    """The function that draws this kind of thing; ``rest`` is looked at when neither category nor title says it."""
    category, name = category.lower(), _CUTS.split(title.lower(), maxsplit=1)[0]
    said = _last_kind(category)
    named = _last_kind(name)
    if said is None:
        found = named or _last_kind(title.lower()) or _last_kind(rest.lower())
        return found[1] if found else wear.folded if _GARMENT.search(f"{category} {rest}".lower()) else acc.box
    family = _FAMILIES.get(_FAMILY.get(said[0], "-"), ())
    if family and named and named[0] != said[0]:
        finer = named[1]
        if finer in family:
            return finer
    if family:
        # "chelsea" or "maxi" may stand anywhere in the name: "Camden Chelsea Leather Boots".
        for word in re.findall(r"[a-z-]+", f"{category} {name}"):
            finer = _KIND.get(f"{word} {said[0].split()[-1]}")
            if finer in family and finer is not said[1]:
                return finer
    return said[1]


def _attributes(product: dict) -> dict[str, str]:
    return {str(k).lower(): _text(v).lower() for k, v in (product.get("attributes") or {}).items()}


def _colours(product: dict, attributes: dict[str, str], title: str) -> tuple[str, ...]:
    said = _text(product.get("color"))
    for text in (said, attributes.get("colour", ""), attributes.get("base_colour", ""), title):
        found = colours_in(text)
        if found:
            return found
    return (some_colour(said or title),)


def _prints(product: dict, attributes: dict[str, str], title: str, material: str, colours: tuple) -> tuple[list[str], bool]:
    """The overlays of the cloth, print first, and whether it is glossy."""
    said = " ".join(v for k, v in attributes.items() if any(w in k for w in ("pattern", "print", "graphic", "appearance")))
    name = title.split(" in ", 1)[0]
    kind = pattern_in(said) if said else pattern_in(name)
    if said and kind is None and "solid" not in said:
        kind = pattern_in(name)
    if kind is None and len(colours) > 3:
        kind = "floral"
    cloth = texture_in(material) or texture_in(f"{said} {name}") or ""
    overlays = [k for k in (kind, cloth if cloth not in (kind, "gloss") else None) if k]
    return overlays, cloth == "gloss"


def _traits(words: str, attributes: dict[str, str]) -> frozenset[str]:
    """Every word that may change the cut. "long" says nothing without its attribute: sleeves get words of their own."""
    traits = []
    for name, value in attributes.items():
        if "sleeve" in name and value in ("long", "short", "cap", "puff"):
            traits.append(f"{value}-sleeved" if value in ("long", "short") else value)
        elif name not in ("description", "style", "line", "look", "launched", "group"):
            words += " " + (name if value in ("yes", "true") else value)
    return frozenset([*traits, *re.findall(r"[a-z0-9/-]+", words)])


def _extras(kind: str, pen: Pen) -> None:
    """Prints that are a picture rather than a repeat."""
    if kind == "graphic":
        pen.disc(120, 128, 19, pen.ink.second)
        pen.trim("M104 150 h32 v5 h-32 Z M110 159 h20 v4 h-20 Z", pen.ink.second, line=False)


def draw(product: dict, uid: str | None = None) -> str:
    """One product as a self-contained inline SVG, 240 × 300 units, always the same for the same product.

    Args:
        product: the product object of a turn (``category, title, color, material, attributes``, each may be missing).
        uid: prefix of the ids inside; pass a different one for every picture of a page. Made from the product otherwise.
    """
    title, category = _text(product.get("title")), _text(product.get("category"))
    attributes = _attributes(product)
    material = f"{_text(product.get('material'))} {attributes.get('material', '')}".lower()
    colours = _colours(product, attributes, title.lower())
    ink = ink_for(colours, f"{attributes.get('hardware', '')} {attributes.get('metal', '')}")
    overlays, gloss = _prints(product, attributes, title.lower(), material, colours)
    uid = uid or f"p{zlib.crc32(repr((product.get('product_id'), title, category, colours)).encode()):08x}"
    return _compose(product, title, category, attributes, material, ink, overlays, gloss, re.sub(r"[^\w-]", "", uid))


def _compose(product, title, category, attributes, material, ink: Ink, overlays, gloss, uid) -> str:
    shape = silhouette(category, title, " ".join(attributes.values()))
    if shape not in _KNITTED:
        overlays = ["melange" if name == "knit" else name for name in overlays]
    if "leopard" in overlays and 0.18 < brightness(ink.base) < 0.55:
        ink = replace(ink, base=mix(ink.base, "#e6c592", 0.6))
    patterns = [(name, pattern_svg(name, f"{uid}{i}", ink)) for i, name in enumerate(overlays)]
    if shape is acc.tie:
        patterns = [(name, svg.replace("<pattern ", '<pattern patternTransform="rotate(-38)" ')) for name, svg in patterns]
    ids = tuple(f"{uid}{i}" for i, (_, svg) in enumerate(patterns) if svg)
    if "block" in overlays:
        patterns.append(("block", _block(uid, ink)))
        ids = (*ids, f"{uid}b")
    pen = Pen(uid, ink, ids, gloss)
    shape(pen, _traits(" ".join([category, title, material, _text(product.get("color"))]).lower(), attributes))
    if "graphic" in overlays and shape in _FRONT_PRINT:
        _extras("graphic", pen)
    ground = shape.__module__.endswith("shapes_shoes") and shape is not shoe.flip_flop
    if ground:
        pen.shadow(128, 228, 96, 8)
    # Shoes stand on the ground; everything else lies flat, its shadow just under it.
    place = 'transform="translate(-8 -24)"' if ground else 'style="filter:drop-shadow(0 5px 5px rgba(59,51,40,.28))"'
    top, bottom = mix("#f5f1ea", ink.base, 0.035), mix("#e4ded4", ink.base, 0.07)
    strong = (0.34, 0.3) if gloss else (0.18, 0.22)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}"><defs>'
        f'<linearGradient id="{uid}w" x2="0" y2="1"><stop stop-color="{top}"/><stop offset="1" stop-color="{bottom}"/></linearGradient>'
        f'<linearGradient id="{uid}l" y2=".35"><stop stop-color="#fff" stop-opacity="{strong[0]}"/><stop offset=".42" stop-color="#fff" '
        f'stop-opacity="0"/><stop offset="1" stop-color="#0b0910" stop-opacity="{strong[1]}"/></linearGradient>'
        f'<radialGradient id="{uid}g"><stop stop-color="#3b3328" stop-opacity=".34"/><stop offset="1" stop-color="#3b3328" stop-opacity="0"/>'
        f'</radialGradient>{"".join(svg for _, svg in patterns)}</defs><rect width="{WIDTH}" height="{HEIGHT}" fill="url(#{uid}w)"/>'
        f'<g {place}>{"".join(pen.shapes)}</g></svg>'
    )


def _block(uid: str, ink: Ink) -> str:
    third = ink.colours[2] if len(ink.colours) > 2 else mix(ink.base, ink.second, 0.5)
    return (
        f'<pattern id="{uid}b" width="{WIDTH}" height="{HEIGHT}" patternUnits="userSpaceOnUse"><rect y="150" width="{WIDTH}" height="44" '
        f'fill="{third}"/><rect y="194" width="{WIDTH}" height="106" fill="{ink.second}"/></pattern>'
    )


_FRONT_PRINT = {
    wear.t_shirt, wear.long_sleeved_top, wear.vest_top, wear.sweater, wear.sweatshirt, wear.hoodie, wear.dress_sweater,
    wear.bodysuit,
}  # fmt: skip
_KNITTED = {
    wear.sweater, wear.cardigan, wear.dress_sweater, wear.hoodie, wear.sweatshirt, wear.socks, wear.cape, wear.long_sleeved_top,
    acc.beanie, acc.scarf, acc.gloves, acc.headband, shoe.slipper,
}  # fmt: skip
