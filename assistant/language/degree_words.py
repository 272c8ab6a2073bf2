"""Fashion English by degree: what grows longer, darker or dressier, the words for either end, and the steps between."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Degree:
    """One thing that products have more or less of.

    Args:
        name: what it is called where the catalogue has no attribute for it.
        attributes: names by which a catalogue may state it, the best first.
        more, less: adjectives for the two ends, in their base form; the first ones make its direction in vectors.
        nouns: what it is said of: "longer **sleeves**".
        steps: values from least to most, those that are alike in one string. A value behind ``~`` means this only
            in an attribute of its own, or with one of the nouns beside it: "short" in a title may be said of sleeves.
        reasoned: the adjectives that a reason uses, for more and for less.
        with_noun: meant only where one of its nouns is said: a longer dress is not longer in the sleeve.
        gives_way: further attributes of which an earlier wish was about the same: who wants gloves warmer than the
            cotton ones does not insist on cotton.
    """

    name: str
    attributes: tuple[str, ...]
    more: tuple[str, ...]
    less: tuple[str, ...]
    nouns: tuple[str, ...] = ()
    steps: tuple[str, ...] = ()
    reasoned: tuple[str, str] = ("", "")
    with_noun: bool = False
    gives_way: tuple[str, ...] = ()


def _w(text: str) -> tuple[str, ...]:
    return tuple(p.strip() for p in text.split(",") if p.strip())


# Of one adjective several things may be meant; without a noun, the first of these that the catalogue states for the
# kind talked of.
DEGREES = (
    Degree(
        "sleeve length",
        _w("sleeve length, sleeve_length, sleeves, sleeve"),
        _w("long"),
        _w("short"),
        _w("sleeve, arm"),
        (
            "sleeveless, strapless, spaghetti strap, tank top, ~strappy, ~none",
            "cap sleeve, ~cap",
            "short sleeve, ~short",
            "half sleeve, elbow sleeve, elbow length sleeve, ~elbow, ~half",
            "3/4 sleeve, three quarter sleeve, ~3/4, ~three quarter",
            "long sleeve, full sleeve, ~long, ~full, ~full length",
        ),
        ("longer in the sleeve", "shorter in the sleeve"),
        with_noun=True,
    ),
    Degree(
        "length",
        _w("length, dress length, skirt length, item length"),
        _w("long, lengthy"),
        _w("short, cropped"),
        _w("length, hem, hemline, cut, skirt, dress, coat, jacket"),
        (
            "micro",
            "mini, cropped, crop top, mini dress, short dress, thigh length, ~short, ~crop",
            "hip length, above the knee, above knee, ~hip, ~regular",
            "knee length, ~knee, ~bermuda",
            "mid length, midi, tea length, 7/8, below the knee, ~mid, ~medium",
            "calf length, longline, long dress, ~long, ~calf",
            "maxi, full length, floor length, ankle length, gown, ~full, ~ankle",
        ),
        ("longer", "shorter"),
    ),
    Degree(
        "heel height",
        _w("heel height, heel_height, heel, heel type"),
        _w("high, tall"),
        _w("low, flat"),
        _w("heel"),
        (
            "flat, flat heel, ~none",
            "low heel, kitten heel, ~low, ~kitten",
            "mid heel, block heel, wedge, ~mid, ~medium, ~block",
            "high heel, stiletto, ~high",
            "very high, platform heel",
        ),
        ("higher in the heel", "lower in the heel"),
    ),
    Degree(
        "rise",
        _w("rise, waist rise, waist"),
        _w("high"),
        _w("low"),
        _w("rise, waist, waistband"),
        (
            "low rise, low waist, ~low",
            "mid rise, regular rise, ~mid, ~regular",
            "high rise, high waist, high waisted, ~high",
        ),
        ("higher in the rise", "lower in the rise"),
    ),
    Degree(
        "shaft",
        _w("height, shaft, shaft height, boot height"),
        _w("high, tall"),
        _w("low"),
        _w("shaft, ankle, boot"),
        ("low cut, ~low", "mid cut, ~mid, ~ankle", "high cut, ~high, ~knee"),
        ("higher cut", "lower cut"),
    ),
    Degree(
        "neckline",
        _w("neckline, neck"),
        _w("high, modest"),
        _w("low, deep, plunging"),
        _w("neckline, neck, collar"),
        (
            "plunging, deep v, strapless, off shoulder, low cut",
            "v neck, sweetheart, halter neck, scoop, square neck",
            "round neck, crew neck, boat neck, crewneck",
            "collar, band collar, tie neck",
            "roll neck, turtleneck, mock neck, high neck",
        ),
        ("higher at the neck", "lower at the neck"),
        with_noun=True,
    ),
    Degree(
        "capacity",
        _w("capacity, volume, litres"),
        _w("big, large, roomy, spacious"),
        _w("small, little, compact"),
        _w("capacity, volume, room, space, litre"),
        (),
        ("roomier", "smaller"),
    ),
    Degree(
        "bag size",
        _w("size of bag, bag size, bag_size"),
        _w("big, large, roomy, spacious"),
        _w("small, little, tiny, compact"),
        _w("bag, tote, purse, handbag"),
        ("micro, ~nano", "mini, ~tiny", "small, compact", "medium, ~mid", "large, big", "oversized, extra large, maxi"),
        ("bigger", "smaller"),
    ),
    Degree(
        "width",
        _w("width, brim, strap width, brim width"),
        _w("wide, broad, thick, chunky"),
        _w("narrow, slim, thin, skinny"),
        _w("strap, brim, width, belt, tie, band"),
        (
            "thin strap, spaghetti strap, short brim, ~narrow, ~thin, ~skinny, ~slim",
            "~classic, ~regular, ~medium",
            "wide strap, wide brim, ~wide, ~broad",
        ),
        ("wider", "narrower"),
    ),
    Degree(
        "fit",
        _w("fit, leg shape, silhouette, shape"),
        _w("loose, baggy, wide, roomy, relaxed, slouchy, big, comfortable, flowy"),
        _w("tight, slim, fitted, snug, narrow, skinny, close, small, tailored"),
        _w("fit, cut, leg, silhouette, shape, shoulder, body"),
        (
            "skinny, bodycon, body con, super slim, pencil",
            "slim, slim fit, fitted, tight, ~narrow, ~close",
            "tailored, tapered, semi fitted",
            "regular, regular fit, straight, straight leg, a line, ~classic, ~standard",
            "relaxed, relaxed fit, loose, flowy, boyfriend, ~comfort",
            "oversized, wide leg, baggy, slouchy, batwing, ~wide",
        ),
        ("looser", "closer in fit"),
    ),
    Degree(
        "warmth",
        _w("season"),
        _w("warm, thick, heavy, cosy, cozy, insulated, wintry"),
        _w("light, thin, lightweight, airy, breathable, cool, summery"),
        _w("fabric, material, weight, cloth, knit"),
        ("summer", "spring", "autumn, fall", "winter"),
        ("more for cold days", "more for warm days"),
        gives_way=("material",),
    ),
    Degree(
        "color",
        _w("color"),
        _w("dark, deep"),
        _w("light, pale, fair, bright"),
        _w("color, shade, tone, hue, tint, wash, background"),
        (),
        ("darker", "lighter"),
    ),
    Degree(
        "formality",
        _w("occasion"),
        _w("dressy, formal, elegant, smart, fancy, classy, chic, sophisticated, posh, festive, evening"),
        _w("casual, everyday, laid back, relaxed, comfy, informal"),
        _w("occasion"),
        (
            "sport, sports, gym, outdoor, beach, home",
            "casual, everyday, travel, street, weekend, lounge",
            "smart casual, smart",
            "work, office, business",
            "party, evening, cocktail, formal, festive",
            "wedding, black tie, prom, ball gown, bridal",
        ),
        ("dressier", "more casual"),
    ),
    Degree(
        "pattern",
        _w("pattern, graphic"),
        _w("busy, loud, patterned, decorated, eventful, detailed, printed, graphic, ornate, eye catching"),
        _w("plain, boring, dull, simple, subtle, minimal, solid, quiet, discreet, understated"),
        _w("pattern, print, design, graphic"),
        (
            "solid, plain, unpatterned, basic, ~none",
            "striped, stripe, pinstripe, colour block, color block, two tone, melange, ribbed",
            "polka dot, dot, checked, check, plaid, checkered, argyle",
            "floral, flower, paisley, graphic, print, printed, animal print, leopard, embroidered",
        ),
        ("livelier in pattern", "plainer"),
    ),
    Degree(
        "shine",
        _w("finish, sheen"),
        _w("shiny, glossy, sparkly, glittery, glitzy, metallic, shimmery, blingy"),
        _w("matte, matt, dull"),
        _w("finish, sheen"),
        (
            "cotton, wool, canvas, linen, suede, nubuck, denim, raffia, straw, fleece, cashmere, matte",
            "leather, jersey, viscose, polyester, recycled nylon",
            "silk, velvet, crystal, lurex",
            "satin, sequin, patent, patent leather, metallic, glitter, rhinestone",
        ),
        ("shinier", "less shiny"),
        gives_way=("material",),
    ),
    Degree(
        "newness",
        _w("launched, release date, released, launch date, year, date"),
        _w("new, recent, modern"),
        _w("old"),
        (),
        (),
        ("newer", "older"),
    ),
    Degree(
        "coverage",
        (),
        _w("revealing, sexy, sheer, skimpy"),
        _w("modest, covered, conservative, demure"),
        _w("skin"),
        (
            "high neck, turtleneck, long sleeve, maxi",
            "crew neck, round neck, short sleeve",
            "v neck, sleeveless, cap sleeve, scoop",
            "deep v, strapless, backless, sheer, off shoulder, cut out, mini, plunging",
        ),
        ("more revealing", "more modest"),
    ),
)

# Lightness of colours, CIE L* from 0 to 100, of the word alone; "light" and "dark" before it move it.
LIGHTNESS = {
    word: int(lightness)
    for word, lightness in (
        pair.split()
        for pair in """black 5, ebony 8, charcoal 28, navy 15, midnight 14, burgundy 20, bordeaux 20, wine 22,
    maroon 24, oxblood
        20, chocolate 25, espresso 18, brown 35, cognac 42, forest 30, indigo 25, aubergine 20, plum 30, purple 35,
        violet 45, red 46, crimson 42, rust 42, terracotta 50, green 45, emerald 50, olive 45, khaki 58, blue 42,
        royal 38, cobalt 38, teal 47, denim 45, grey 55, gray 55, slate 48, orange 66, coral 68, fuchsia 52, magenta
        55, pink 76, rose 70, blush 85, salmon 72, peach 86, tan 66, camel 62, mustard 70, gold 76, bronze 52,
        copper 55, brass 68, silver 77, taupe 58, mocha 42, turquoise 72, aqua 82, mint 90, lavender 78, lilac 78,
        mauve 68, yellow 92, lemon 95, beige 88, sand 82, nude 82, stone 75, ecru 91, cream 95, ivory 97, champagne
        88, white 100, sky 80, lime 85""".split(",")
    )
}
SHADES = {
    "light": 22,
    "pale": 26,
    "baby": 26,
    "pastel": 26,
    "soft": 14,
    "off": -3,
    "bright": 6,
    "dark": -20,
    "deep": -14,
    "mid": 0,
}
# Colours of one hue, as their last words name them: "a paler shade" of navy is a blue.
HUES = tuple(
    frozenset(hue.split())
    for hue in (
        "navy blue royal cobalt indigo denim midnight sky azure",
        "brown chocolate espresso mocha cognac tan camel taupe sand beige",
        "red crimson burgundy bordeaux wine maroon oxblood coral pink rose blush",
        "green olive khaki emerald forest mint lime",
        "purple plum aubergine violet mauve lavender lilac",
        "black charcoal slate grey gray silver white",
        "rust terracotta orange peach salmon",
        "mustard gold yellow lemon",
    )
)
# How much colour there is in it: what "brighter" and "more muted" are about, best first.
VIVID = _w(
    "red, yellow, orange, fuchsia, magenta, turquoise, coral, emerald, green, royal blue, blue, pink, gold, mustard, "
    "purple, light blue"
)
MUTED = _w("grey, beige, taupe, stone, cream, sand, black, white, navy, brown, camel, tan, olive, charcoal")
BRIGHT_WORDS = _w("bright, vivid, colorful, colourful, vibrant, cheerful, bold")
MUTED_WORDS = _w("muted, calm, dull, neutral, drab, toned down, faded")
# Adverbs before a comparative, and how many steps they ask for.
LITTLE = frozenset("bit little slightly touch tad somewhat".split())
MUCH = frozenset("much lot far way considerably significantly loads tons".split())
# A comparative in form alone.
IRREGULAR = {"further": "far"}
# Nouns for a product as a whole: "the same style", "similar design".
WHOLE = frozenset("style design look type kind vibe one thing product item cut model feel idea shape".split())


def every_form() -> frozenset[str]:
    """All adjectives of this file and their comparatives: none of them is a slip of the pen."""
    bases = {w for d in DEGREES for a in (*d.more, *d.less) for w in a.split()}
    bases |= {w for a in (*BRIGHT_WORDS, *MUTED_WORDS) for w in a.split()}
    formed = {f"{b[:-1]}ier" for b in bases if b.endswith("y")} | {f"{b}r" for b in bases if b.endswith("e")}
    return frozenset(bases | formed | {f"{b}er" for b in bases} | {f"{b}{b[-1]}er" for b in bases})
